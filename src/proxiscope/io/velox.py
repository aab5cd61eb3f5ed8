"""Velox EMD of Thermo Fisher through RosettaSciIO, with the stage's tilt of every frame."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.hdf5_access import inside, outward
from proxiscope.io.lazy import LAZY
from proxiscope.io.raw import Found, choose, nbytes_of, others, require_memory, to_nm

_TEXT = 2**24  # bytes of the metadata of one frame


def read(file: Any, path: Path) -> Found | None:
    """The largest image or stack of a Velox file, or None if the file is none.

    Parameters
    ----------
    file : h5py.File
    path : Path
        The file, which RosettaSciIO opens once more.

    Raises
    ------
    InputError
        Links lead out of the file, it holds no images, or several of the same size.
    """
    images = inside(file, "Data/Image")
    if images is None or "Version" not in file:
        return None
    if files := outward(file):
        raise InputError(path.name, f"has links into other files: {', '.join(files[:5])}", "Export it into one file.")
    groups = {name: images[name] for name in images if inside(images, f"{name}/Data") is not None}
    shapes = {name: group["Data"].shape for name, group in groups.items()}
    for group in groups.values():
        if group["Data"].external or group["Data"].is_virtual or group["Data"].chunks is None:
            raise InputError(path.name, f"{group.name} is not stored as Velox stores it", "Export it again.")
        require_memory(nbytes_of(group["Data"].chunks, group["Data"].dtype.itemsize), path)
    signals = _signals(path)
    by_place = dict(zip(groups, signals, strict=False)) if len(signals) == len(groups) else {}
    if not by_place:
        raise InputError(path.name, f"holds {len(groups)} images, of which {len(signals)} can be read", "Export it.")
    name = choose(path, {key: nbytes_of(shape, 1) for key, shape in shapes.items()})
    signal = by_place[name]
    data, axis = signal["data"], signal["axes"][-1]
    if data.nbytes < LAZY:
        data = np.asarray(data)
    tilts = _tilts(inside(groups[name], "Metadata"), len(data) if data.ndim == 3 else 0)
    return Found(
        data,
        angles=((f"the stage's tilts in {path.name}", tilts),) if tilts is not None else (),
        pixel_size=to_nm(abs(float(axis.get("scale", 0))), str(axis.get("units", ""))),
        notes=others(_title(signal, name), [_title(s, key) for key, s in by_place.items()]),
    )


def _signals(path: Path) -> list[dict[str, Any]]:
    """What RosettaSciIO finds, images only, in the order of the file."""
    from rsciio.emd import file_reader

    try:
        return file_reader(str(path), lazy=True, select_type="images")
    except ModuleNotFoundError as error:
        raise InputError(
            path.name, f"holds a spectrum image, which needs the library {error.name or 'sparse'}", "Install it."
        ) from error


def _title(signal: dict[str, Any], name: str) -> str:
    return str(signal.get("metadata", {}).get("General", {}).get("title") or name)


def _tilts(node: Any, count: int) -> NDArray | None:
    """Alpha in degrees from the JSON of each frame, a column of bytes; None unless they differ."""
    if getattr(node, "ndim", 0) != 2 or node.shape[1] != count or node.shape[0] > _TEXT or node.dtype.kind != "u":
        return None
    tilts = []
    for frame in range(count):
        try:
            record = json.loads(bytes(node[:, frame].astype(np.uint8)).rstrip(b"\0"))
            tilts.append(np.degrees(float(record["Stage"]["AlphaTilt"])))
        except (ValueError, KeyError, TypeError):
            return None
    return np.array(tilts) if len(set(tilts)) > 1 else None
