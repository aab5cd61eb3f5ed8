"""Asking for files. A dialog begins where the last one ended, at first in the folder that is preferred."""

import re
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

STEPS = "Steps (*.json)"
RESULTS = (
    "HDF5, keeps everything (*.h5);;NumPy, keeps everything (*.npz);;CXI, keeps everything (*.cxi);;"
    "MRC, single precision (*.mrc);;OME-Zarr (*.zarr);;TIFF, single precision (*.tif);;NumPy array (*.npy)"
)
INPUTS = "HDF5 (*.h5);;NumPy (*.npz)"
FIGURES = "PDF, vector (*.pdf);;SVG, vector (*.svg);;PNG, 300 dpi (*.png)"
SESSIONS = "Sessions (*.h5)"
VOLUMES = "OME-Zarr (*.zarr)"
CHECKPOINTS = "Checkpoints (*.h5 *.hdf5 *.ckpt);;All files (*)"

_last: dict[str, str] = {}


def to_open(parent: QWidget, what: str = STEPS, folder: str | Path = "") -> str:
    """A file that the user chose to open, in another `folder` than the last one; empty when none was."""
    found = QFileDialog.getOpenFileName(parent, "Open", str(folder) or _folder("open"), what)[0]
    return found if folder else _remembered("open", found)


def to_open_data(parent: QWidget) -> str:
    """A file of a kind that is read, which the user chose; empty when none was."""
    from ..io import READ_SUFFIXES

    patterns = " ".join(f"*{suffix}" for suffix in READ_SUFFIXES)
    return to_open(parent, f"Data files ({patterns});;All files (*)")


def to_save(parent: QWidget, what: str = STEPS, name: str = "") -> str:
    """A file that the user chose to write, with a suffix; empty when none was. `name` is a suggestion."""
    suggested = str(Path(_folder("save")) / file_name(name)) if name else _folder("save")
    path, chosen = QFileDialog.getSaveFileName(parent, "Save", suggested, what)
    if path and not re.search(r"\.[A-Za-z]\w*$", Path(path).name):  # a name may have other dots in it
        path += "." + (chosen or what).split("*.")[1].split(")")[0].split()[0]  # not every dialog says what was chosen
        if Path(path).exists() and not agreed(parent, "Save", f"{path} exists already.", "Replace it"):
            return ""
    return _remembered("save", path)


def agreed(parent: QWidget, title: str, text: str, yes: str) -> bool:
    """Whether the user agrees to what a button says."""
    box = QMessageBox(QMessageBox.Icon.Question, title, text, QMessageBox.StandardButton.Cancel, parent)
    button = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(button)
    box.exec()
    return box.clickedButton() is button


def file_name(text: str) -> str:
    """Text as the name of a file, without a suffix and without what file systems do not take."""
    from ..io import READ_SUFFIXES

    stem = next((text[: -len(suffix)] for suffix in READ_SUFFIXES if text.lower().endswith(suffix)), text)
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]+', "-", stem).strip(". ") or "untitled"


def _folder(what: str) -> str:
    """Where a dialog begins to open or to save."""
    from .settings import folder

    last = _last.get(what, "")
    return last if last and Path(last).is_dir() else folder(what)


def _remembered(what: str, path: str) -> str:
    if path:
        _last[what] = str(Path(path).parent)
    return path
