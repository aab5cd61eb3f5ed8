"""The docks that napari shows; each is imported when it is opened."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inspection import InspectionPanel
    from .learning import LearningPanel
    from .phase import PhasePanel
    from .preparation import PreparationPanel
    from .tomography import TomographyPanel

__all__ = ["InspectionPanel", "LearningPanel", "PhasePanel", "PreparationPanel", "TomographyPanel", "open_panel"]

_HOMES = {
    "InspectionPanel": ".inspection",
    "LearningPanel": ".learning",
    "PhasePanel": ".phase",
    "PreparationPanel": ".preparation",
    "TomographyPanel": ".tomography",
}

_TITLES = {
    "Inspect": "InspectionPanel",
    "Learning demos": "LearningPanel",
    "Phase retrieval": "PhasePanel",
    "Prepare data": "PreparationPanel",
    "Tomography": "TomographyPanel",
}


def open_panel(viewer: Any, title: str) -> Any:
    """The panel called `title`, in front: the one that is open in the viewer, however it was opened, or a new one."""
    from .dock import dock_of

    window = viewer.window
    names = [f"{title} (proxiscope)", f"{title} (napari-proxiscope)"]  # by the menu; by `add_plugin_dock_widget`
    panel = next((panel for name, panel in window.dock_widgets.items() if name in names), None)
    if panel is None:
        panel = __getattr__(_TITLES[title])(viewer)
        window.add_dock_widget(panel, name=names[0])
    dock_of(panel).show()
    dock_of(panel).raise_()
    return panel


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
