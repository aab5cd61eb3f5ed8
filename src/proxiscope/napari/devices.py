"""The choice of a device: those whose library is not installed cannot be chosen."""

from importlib.util import find_spec

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt

LIBRARIES = {"cuda": ("torch", "PyTorch"), "torch-cpu": ("torch", "PyTorch"), "cupy": ("cupy", "CuPy")}
"""What a device needs: a module, which is looked for and not imported, and its name."""


def mark_missing(device: ComboBox) -> None:
    """Disable the devices without a library, and say why. Whether there is such a device, the run finds out."""
    box = device.native
    for i, name in enumerate(device.choices):
        module, title = LIBRARIES.get(name, ("", ""))
        if module and find_spec(module) is None:
            box.model().item(i).setEnabled(False)
            box.setItemData(i, f"{title} is not installed.", Qt.ItemDataRole.ToolTipRole)
