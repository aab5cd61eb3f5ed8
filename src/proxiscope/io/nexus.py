"""NeXus and Data Exchange: X-ray projections with their flats and darks, and images of an NXdetector."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io import detector
from proxiscope.io.hdf5_access import datasets, inside, load, lookup, stored, text
from proxiscope.io.raw import Declared, Found, nbytes_of

_KEYS = {1: "flat", 2: "dark", 3: "invalid"}


def read_tomography(file: Any, path: Path) -> Found | None:
    """Projections of an NXtomo, without its flats and darks, or None if the file is none.

    The detector's ``image_key`` says what each frame is: 0 for a projection, 1 flat, 2 dark, 3 invalid.

    Parameters
    ----------
    file : h5py.File
    path : Path
        The file, for the messages.

    Raises
    ------
    InputError
        There is no projection.
    """
    nodes = datasets(file)
    data: Any
    for name, key in nodes.items():
        data = inside(key.parent, "data") if name.rsplit("/", 1)[-1] == "image_key" else None
        if getattr(data, "ndim", 0) == 3 and key.shape == data.shape[:1] and len(key):
            break
    else:
        return None
    keys = load(key, path).astype(np.int64)
    wanted = keys == 0
    if not wanted.any():
        raise InputError(path.name, f"all {len(keys)} frames of {data.name} are flats, darks or invalid", "Check it.")
    angles = tuple(
        (f"{at} in {path.name}", degrees(node, path)[wanted])
        for at, node in nodes.items()
        if at.rsplit("/", 1)[-1] == "rotation_angle" and node.shape == keys.shape
    )
    frames = stored(data, path)
    chosen = frames if wanted.all() else frames[np.flatnonzero(wanted)]
    counts = {word: int(np.count_nonzero(keys == k)) for k, word in _KEYS.items()}
    notes = (_beside(int(wanted.sum()), counts, data.name),) if not wanted.all() else (_RAW,)
    return Found(
        chosen,
        angles,
        detector.pixel_size(key.parent, path),
        notes=notes,
        declared=Declared(kind="tilt-series", quantity="intensities"),
    )


def read_exchange(file: Any, path: Path) -> Found | None:
    """Projections ``/exchange/data`` of a Data Exchange file, or None if the file is none."""
    data = lookup(file, "exchange/data", path)
    theta = lookup(file, "exchange/theta", path)
    if getattr(data, "ndim", 0) != 3 or getattr(theta, "ndim", 0) != 1:
        return None
    counts = {}
    for word, name in (("flat", "data_white"), ("dark", "data_dark")):
        node = lookup(file, f"exchange/{name}", path)
        counts[word] = int(node.shape[0]) if getattr(node, "ndim", 0) == 3 else 0
    angles = ((f"exchange/theta in {path.name}", degrees(theta, path)),)
    notes = (_beside(len(theta), counts, data.name),)
    return Found(stored(data, path), angles, notes=notes, declared=Declared(kind="tilt-series"))


def detector_of(file: Any, node: Any) -> Any:
    """The NXdetector that a dataset of images comes from, or None.

    It holds them itself; or they lie in an NXdata of the same entry while the detector has no data of its own, as
    with EIGER.
    """
    import h5py

    group = node.parent
    if text(group, "NX_class") == "NXdetector":
        return group
    if text(group, "NX_class") != "NXdata" or not node.name.rsplit("/", 1)[-1].startswith("data"):
        return None
    found: list[Any] = []

    def visit(name: str, other: object) -> None:
        if isinstance(other, h5py.Group) and text(other, "NX_class") == "NXdetector" and "data" not in other:
            found.append(other)

    group.parent.visititems(visit)
    return found[0] if len(found) == 1 else None


def described(
    file: Any, group: Any, shape: tuple[int, ...], path: Path
) -> tuple[float | None, Declared, tuple[Any, ...]]:
    """Pixel size (nm), what is declared, and notes on images of this shape from an NXdetector."""
    notes: tuple[str, ...] = ()
    places = [f"{group.name}/pixel_mask", f"{group.name}/detectorSpecific/pixel_mask"]
    found, valid = detector.mask_beside(file, places, path), None
    if found is not None and (valid := detector.bad_to_valid(found[1], shape)) is not None:
        notes += (detector.masked(valid, found[0].strip("/")),)
    where = detector.geometry(file, group, shape, path)
    notes += (where,) if where else ()
    return detector.pixel_size(group, path), Declared(quantity="intensities", valid=valid), notes


def degrees(node: Any, path: Path) -> NDArray[Any]:
    """The values of a dataset of angles, in degrees unless its unit says radians."""
    if nbytes_of(node.shape, 1) > 10**6:
        raise InputError(path.name, f"{node.name} has shape {node.shape}", "Keep one angle an image in it.")
    values = load(node, path)
    return np.degrees(values) if "rad" in text(node, "units").lower() else values


_RAW = "The images are as the detector saw them: of X-rays, divide by the flat field and take -log before use."


def _beside(projections: int, counts: dict[str, int], name: str) -> str:
    listed = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    line = f"Read {projections} projections of {name}; beside them lie {listed or 'no flats or darks'} frames. "
    return line.replace("no flats or darks frames", "no flats or darks") + _RAW
