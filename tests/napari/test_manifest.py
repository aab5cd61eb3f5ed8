"""What napari makes of the manifest: menus and the command palette of a real window."""

import pytest
from napari._app_model import get_app_model
from qtpy.QtWidgets import QMenu

pytestmark = pytest.mark.gui

# fmt: off
MENUS = {
    "File": {
        "IO Utilities": [
            "Reconstruct from a file...", "Save result...", "Export figure...", "Save session...", "Open session...",
            "Resume a run from a checkpoint...",
        ],
    },
    "Layers": {
        "Data": ["Prepare data", "Phase retrieval", "Tomography"],
        "Segment": ["Cluster pixels, spectra or patterns"],
        "Visualize": ["Inspect", "Log view of the pattern", "Difference", "Side by side"],
        "Metadata": ["Show record", "Copy as Python", "Copy as command line"],
    },
    "Plugins": {"proxiscope": ["Prepare data", "Phase retrieval", "Tomography", "Inspect", "Learning demos"]},
}
# fmt: on
ONLY_IN_THE_PALETTE = ["Run", "Preview", "Pause or resume", "Stop and keep", "Cancel", "Open the folder of checkpoints"]
SUFFIX = " (proxiscope)"


def entries(menu: QMenu) -> dict:
    """Our entries in the submenus of a menu, by the submenu's title."""
    found = {}
    for action in menu.actions():
        if action.menu() is not None:
            action.menu().aboutToShow.emit()
            ours = [a.text().removesuffix(SUFFIX) for a in action.menu().actions() if a.text().endswith(SUFFIX)]
            found |= {action.text(): ours} if ours else {}
    return found


def test_menus_and_palette_hold_what_there_is_to_do(viewer):
    window = viewer.window
    for name, menu in (("File", window.file_menu), ("Layers", window.layers_menu), ("Plugins", window.plugins_menu)):
        menu.aboutToShow.emit()
        assert entries(menu) == MENUS[name]

    app = get_app_model()
    palette = [item.command for item in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)]
    ours = [c for c in palette if c.id.startswith("napari-proxiscope.") and c.title.endswith(SUFFIX)]
    offered = [c.title.removesuffix(SUFFIX) for c in ours if c.enablement is None or c.enablement.eval({})]
    in_menus = {title for submenus in MENUS.values() for titles in submenus.values() for title in titles}
    assert len(offered) == len(set(offered))
    assert set(offered) == in_menus | set(ONLY_IN_THE_PALETTE)
    assert len(ours) == len(offered) + 2  # reader and writer, which are no commands to give
