"""The lessons name what there is in the window, and the session of the page on reproducing is kept."""

import re

import pytest
import yaml
from qtpy.QtWidgets import QAbstractButton, QComboBox, QGroupBox, QLabel, QTabWidget, QWidget
from tests.docs.pages import DOCS, ROOT, code

import proxiscope as px
from proxiscope.napari.panels import open_panel

LESSONS = sorted((DOCS / "tutorials").glob("*.md"))
PANELS = {"Tomography": "tilt-series", "Phase retrieval": "pattern", "Prepare data": "raw-series", "Inspect": None}

NOT_OURS = {
    "Add python.exe to PATH", "Extract", "Install", "Open File(s)", "Source Distribution", "Install/Uninstall Plugins",
    "Debian and Ubuntu", "Linux", "Windows", "macOS", "F9", "tilt", "z",
    "vesicle pattern support", "virtual environment", "mean", "variance", "scheduler", "support", "workers",
}  # fmt: skip
"""Of other windows, axes and layers, keys, and words that are stressed."""


@pytest.fixture
def words(viewer) -> set[str]:
    """All that the panels, menus and samples are called."""
    found = {"proxiscope", "File", "Open Sample", "Plugins", "Layers", "Visualize", "Metadata", "IO Utilities", *PANELS}
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))["contributions"]
    found |= {entry["display_name"] for kind in ("widgets", "sample_data") for entry in manifest[kind]}
    found |= {command["title"] for command in manifest["commands"]}
    for name, sample in PANELS.items():
        if sample:
            viewer.open_sample("napari-proxiscope", sample)
        panel = open_panel(viewer, name)
        for widget in panel.findChildren(QWidget):
            found |= set(texts(widget))
    return {" ".join(text.split()) for text in found}


def texts(widget: QWidget) -> list[str]:
    if isinstance(widget, QComboBox):
        return [widget.itemText(i) for i in range(widget.count())]
    if isinstance(widget, QTabWidget):
        return [widget.tabText(i) for i in range(widget.count())]
    if isinstance(widget, QGroupBox):
        return [widget.title()]
    return [widget.text()] if isinstance(widget, QAbstractButton | QLabel) else []


def named(text: str) -> set[str]:
    """What a page puts into bold or italics, but for sentences; menus entry by entry."""
    for code_or_picture in (r"```.*?```", r"`[^`]*`", r"!\[[^\]]*\]\([^)]*\)"):
        text = re.sub(code_or_picture, "", text, flags=re.DOTALL)
    marked = {" ".join(part.split()) for part in re.findall(r"\*{1,2}([^*]+)\*{1,2}", text)}
    return {part for path in marked if not path.startswith("If ") for part in path.split(" > ")}


def test_the_lessons_name_what_there_is(words):
    explained = r"( \((?!%|every).*\)| ?\.\.\.)$"  # as in GPS-R (real-space smoothing)
    there = words | {re.sub(explained, "", word) for word in words}
    for page in LESSONS:
        missing = named(page.read_text(encoding="utf-8")) - there - NOT_OURS
        assert not missing, (page.name, missing)


def test_a_session_is_saved_and_opened_as_the_page_says(viewer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = px.reconstruct(px.phase.ER(max_iterations=3), px.load("sample:pattern"))
    viewer.add_image(result.image, name="image")
    names = {"viewer": viewer}
    exec(compile(code(DOCS / "how-to" / "reproducing.md", "python")[-1], "reproducing.md", "exec"), names)
    assert (tmp_path / "vesicle.session.h5").exists()
    assert names["left_out"] == names["not_had"] == []
    assert [layer.name for layer in viewer.layers] == ["image", "image [1]"]
