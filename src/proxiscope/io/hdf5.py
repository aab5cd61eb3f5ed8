"""HDF5 in its dialects: plain, HyperSpy, EMD, CXI, NeXus, Data Exchange, and proxiscope's own results."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.io import hyperspy
from proxiscope.io.hdf5_access import datasets, find, inside, load, open_file, text
from proxiscope.io.raw import ANGLES, Found, choose, nbytes_of, others, to_nm


def read(path: Path, variable: str | None = None) -> Found:
    """Read a dataset; links to other files and data stored outside are refused.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Path of the dataset, such as ``/entry/data``; else ``/data`` of a result of ours, else HyperSpy's, else the
        largest of real numbers; complex ones if there are no others.

    Returns
    -------
    Found
        The array as stored, angles and pixel size (nm) as far as the dialect is known.
    """
    with open_file(path) as file:
        nodes = datasets(file)
        images = {name: node for name, node in nodes.items() if _is_image(name, node)}
        real = {name: node for name, node in images.items() if node.dtype.kind != "c"}
        if variable is not None:
            node = find(file, variable, path)
        elif "provenance" in file.attrs and "data" in nodes:  # as we write it
            node = nodes["data"]
        else:
            images = real or images
            signals = {name: node for name, node in images.items() if hyperspy.is_signal(node)}
            chosen = signals or {name: node for name, node in images.items() if not hyperspy.is_inside(name)} or images
            node = images[choose(path, {name: nbytes_of(n.shape, 1) for name, n in chosen.items()})]
        name = node.name.strip("/")
        data = load(node, path)
        if hyperspy.is_signal(node):
            return hyperspy.interpret(data, node.parent, path)
        angles, pixel_size = _dims(node, path)
        return Found(
            data,
            angles=(*angles, *_named_angles(nodes, name, path)),
            pixel_size=pixel_size or _attribute_size(node),
            notes=others(name, list(images)),
        )


def _is_image(name: str, node: Any) -> bool:
    return node.ndim in (2, 3) and min(node.shape) > 1 and not ANGLES.match(name.rsplit("/", 1)[-1])


def _named_angles(nodes: dict[str, Any], name: str, path: Path) -> tuple[tuple[str, NDArray], ...]:
    """Datasets named like angles whose length is that of an axis: those of the same group first."""
    group, shape = name.rpartition("/")[0], nodes[name].shape if name in nodes else ()

    def fits(node: Any) -> bool:
        return 0 < nbytes_of(node.shape, 1) <= 10**6 and node.ndim in (1, 2) and set(node.shape) <= {1, 3, *shape}

    keys = [key for key, node in nodes.items() if ANGLES.match(key.rsplit("/", 1)[-1]) and key != name and fits(node)]
    keys.sort(key=lambda key: key.rpartition("/")[0] != group)
    return tuple((f"{key} in {path.name}", _degrees(nodes[key], path)) for key in keys)


def _degrees(node: Any, path: Path) -> NDArray:
    values = load(node, path)
    unit = text(node, "units")
    return np.degrees(values) if "rad" in unit.lower() else values


def _attribute_size(node: Any) -> float | None:
    size = node.attrs.get("pixel_size")
    if size is None or np.size(size) != 1 or np.asarray(size).dtype.kind not in "iuf":
        return None
    return to_nm(float(np.ravel(size)[0]), text(node, "units") or "nm")


def _dims(node: Any, path: Path) -> tuple[tuple[tuple[str, NDArray], ...], float | None]:
    """EMD as of Berkeley and tomviz: ``dim1``, ``dim2`` ... beside the data give the axes."""
    angles: tuple[tuple[str, NDArray], ...] = ()
    pixel_size = None
    for axis, count in enumerate(node.shape):
        key = f"dim{axis + 1}"
        dim = inside(node.parent, key)
        if getattr(dim, "shape", None) != (count,) or dim.dtype.kind not in "iuf":
            continue
        values, unit, named = load(dim, path).astype(np.float64), text(dim, "units"), text(dim, "name")
        if "deg" in unit.lower() or "rad" in unit.lower() or ANGLES.match(named):
            angles += ((f"{key} of {node.name}", np.degrees(values) if "rad" in unit.lower() else values),)
        elif count > 1 and pixel_size is None:
            pixel_size = to_nm(abs(values[1] - values[0]), unit)
    return angles, pixel_size
