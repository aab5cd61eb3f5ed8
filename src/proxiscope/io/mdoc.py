"""SerialEM's .mdoc: what it says of each image of a series, and the series that it describes."""

import re
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from proxiscope.core.errors import InputError
from proxiscope.io.text import read_text

_SERIES = (".mrc", ".st", ".mrcs", ".tif", ".tiff")


def read_mdoc(path: Path) -> dict[str, Any]:
    """What a SerialEM ``.mdoc`` says.

    A dict of ``angles`` (degrees, float64, by section), ``pixel_size`` (nm) and ``tilt_axis`` (degrees from
    the image's y axis); the last two are None where the file does not have them.
    """
    text = read_text(path)
    _, *sections = re.split(r"^\[(?:ZValue|FrameSet)\s*=\s*(\d+)\s*\]", text, flags=re.M)
    found = [
        (int(z), re.search(r"^TiltAngle\s*=\s*(\S+)", body, re.M))
        for z, body in zip(sections[::2], sections[1::2], strict=True)
    ]
    spacing = re.search(r"^PixelSpacing\s*=\s*([\d.eE+-]+)", text, re.M)
    angles = [float(match[1]) for _, match in sorted(found, key=lambda pair: pair[0]) if match]
    return {
        "angles": np.array(angles, dtype=np.float64),
        "pixel_size": float(spacing[1]) / 10 if spacing and float(spacing[1]) > 0 else None,
        "tilt_axis": tilt_axis_angle(text),
    }


def image_of(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The series that an mdoc describes: its ``ImageFile`` in the same folder, else one of the mdoc's own name.

    A recorded folder is that of the microscope's computer and is left out; links out of the folder are refused.

    Returns
    -------
    file : Path
    notes : tuple of str
        A sentence if the series has another name than the mdoc says.

    Raises
    ------
    InputError
        The mdoc names no series, only frames of single images, or the series is not beside it.
    """
    text = read_text(path)
    match = re.search(r"^ImageFile\s*=\s*(.+?)\s*$", text, re.M)
    named = PureWindowsPath(match[1]).name if match else ""  # takes / and \ alike
    if not named and re.search(r"^SubFramePath\s*=", text, re.M):
        raise InputError(
            path.name,
            "describes the frames of single images and names no series",
            "Align and stack them first, as with IMOD's alignframes, and open the stack.",
        )
    if not re.search(r"^\[ZValue\s*=", text, re.M):
        raise InputError(path.name, "describes no images", "Open the series itself; the mdoc beside it is found.")
    own = [path.stem] if path.stem.lower().endswith(_SERIES) else [path.stem + suffix for suffix in _SERIES]
    for name in (named, *own):
        file = path.with_name(name) if name.lower().endswith(_SERIES) and "\0" not in name else None
        if file is None or not file.is_file():
            continue
        if file.is_symlink() and file.resolve().parent != path.resolve().parent:
            raise InputError(path.name, f"{name} is a link to outside the folder", "Open that file itself.")
        return file, () if name == named else (f"{path.name} calls the series {named or 'nothing'}: opened {name}.",)
    raise InputError(path.name, f"describes {named or own[0]}, which is not beside it", "Put both into one folder.")


def tilt_axis_angle(text: str) -> float | None:
    """The "tilt axis angle" in degrees that a SerialEM title or an FEI log states, or None."""
    match = re.search(r"tilt axis angle\s*(?:\[[^\]]*\])?\s*[=:]\s*(-?\d+(?:\.\d+)?)", text, re.I)
    return float(match[1]) if match else None
