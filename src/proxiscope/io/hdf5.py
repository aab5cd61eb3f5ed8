"""HDF5 in its dialects: plain, HyperSpy, EMD, CXI, NeXus, Data Exchange, and proxiscope's own results."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.core.hdf5_attributes import attribute, attributes
from proxiscope.io import cxi, hyperspy, nexus, own, velox
from proxiscope.io.hdf5_access import datasets, find, inside, load, open_file, outward, stored, text
from proxiscope.io.raw import ANGLES, Declared, Found, choose, nbytes_of, others, to_nm


def read(path: Path, variable: str | None = None) -> Found:
    """Read a dataset; links to other files and data stored outside are refused.

    Parameters
    ----------
    path : Path
        The file.
    variable : str, optional
        Path of the dataset, such as ``/entry/data``; else ``/data`` of a result of ours, else what the dialect calls
        its images, else HyperSpy's signal, else the largest of real numbers; complex ones if there are no others.

    Returns
    -------
    Found
        The array as stored, of a large one a dask array; angles, pixel size (nm), mask and quantity as far as the
        dialect is known.
    """
    with open_file(path) as file:
        if variable is None:
            for dialect in (own.in_hdf5, cxi.read, nexus.read_tomography, nexus.read_exchange, velox.read):
                if (found := dialect(file, path)) is not None:
                    return found
        nodes = datasets(file)
        images = {name: node for name, node in nodes.items() if _is_image(name, node)}
        real = {name: node for name, node in images.items() if node.dtype.kind != "c"}
        if variable is not None:
            node = find(file, variable, path)
        elif "provenance" in file.attrs and "data" in nodes:  # as we wrote it up to version 0.1
            node = nodes["data"]
        else:
            images = real or images
            signals = {name: node for name, node in images.items() if hyperspy.is_signal(name)}
            chosen = signals or {name: node for name, node in images.items() if not hyperspy.is_inside(name)} or images
            if not chosen and (files := outward(file)):
                raise InputError(
                    path.name, f"has no images of its own but links to {', '.join(files[:5])}", "Open those themselves."
                )
            node = images[choose(path, {name: nbytes_of(n.shape, 1) for name, n in chosen.items()})]
        name = node.name.strip("/")
        if hyperspy.is_signal(name):
            return hyperspy.interpret(stored(node, path), _Hdf5Group(node.parent, path), path)
        angles, pixel_size, x_first = _dims(node, path)
        declared, notes = Declared(), others(name, list(images))
        if (group := nexus.detector_of(file, node)) is not None:
            size, declared, more = nexus.described(file, group, node.shape, path)
            pixel_size, notes = pixel_size or size, (*notes, *more)
        data = stored(node, path)
        if x_first:
            data, notes = data.T, (*notes, f"Its axes are named x first: turned {node.shape} to {data.shape[::-1]}.")
        return Found(
            data,
            angles=(*angles, *_named_angles(nodes, name, path)),
            pixel_size=pixel_size or _attribute_size(node),
            notes=notes,
            declared=declared,
        )


class _Hdf5Group:
    """A group of HyperSpy's as its interpreter wants it: what lies outside the file is not there."""

    def __init__(self, group: Any, path: Path):
        self._group, self._path, self.attrs = group, path, attributes(group)

    def attributes(self, name: str) -> dict[str, Any] | None:
        node = inside(self._group, name)
        return None if node is None else attributes(node)

    def values(self, name: str) -> NDArray[Any] | None:
        node = inside(self._group, name)
        numbers = getattr(node, "shape", None) is not None and node.dtype.kind in "iuf"
        numbers = numbers and nbytes_of(node.shape, 1) <= 10**6
        return load(node, self._path) if numbers else None


def _is_image(name: str, node: Any) -> bool:
    return node.ndim in (2, 3) and min(node.shape) > 1 and not ANGLES.match(name.rsplit("/", 1)[-1])


def _named_angles(nodes: dict[str, Any], name: str, path: Path) -> tuple[tuple[str, NDArray[Any]], ...]:
    """Datasets named like angles whose length is that of an axis: those of the same group first."""
    group, shape = name.rpartition("/")[0], nodes[name].shape if name in nodes else ()

    def fits(node: Any) -> bool:
        return 0 < nbytes_of(node.shape, 1) <= 10**6 and node.ndim in (1, 2) and set(node.shape) <= {1, 3, *shape}

    keys = [key for key, node in nodes.items() if ANGLES.match(key.rsplit("/", 1)[-1]) and key != name and fits(node)]
    keys.sort(key=lambda key: key.rpartition("/")[0] != group)
    return tuple((f"{key} in {path.name}", nexus.degrees(nodes[key], path)) for key in keys)


def _attribute_size(node: Any) -> float | None:
    size = attribute(node, "pixel_size")
    if size is None or np.size(size) != 1 or np.asarray(size).dtype.kind not in "iuf":
        return None
    return to_nm(float(np.ravel(size)[0]), text(node, "units") or "nm")


def _dims(node: Any, path: Path) -> tuple[tuple[tuple[str, NDArray[Any]], ...], float | None, bool]:
    """Angles, pixel size and whether x comes before y, from the axes of an EMD of Berkeley and tomviz.

    ``dim1``, ``dim2`` ... lie beside the data, from ``dim0`` on in version 1.
    """
    angles: tuple[tuple[str, NDArray[Any]], ...] = ()
    pixel_size, names = None, []
    first = 0 if getattr(inside(node.parent, "dim0"), "shape", None) is not None else 1
    for axis, count in enumerate(node.shape):
        key = f"dim{axis + first}"
        dim = inside(node.parent, key)
        if getattr(dim, "dtype", None) is None or dim.dtype.kind not in "iuf" or dim.shape not in ((count,), (2,)):
            continue
        values, unit, named = load(dim, path).astype(np.float64), text(dim, "units"), text(dim, "name")
        names.append(named.lower())
        if len(values) == 2 != count:  # the first two stand for an even axis
            values = values[0] + (values[1] - values[0]) * np.arange(count)
        if "deg" in unit.lower() or "rad" in unit.lower() or ANGLES.match(named):
            angles += ((f"{key} of {node.name}", np.degrees(values) if "rad" in unit.lower() else values),)
        elif count > 1 and pixel_size is None:
            pixel_size = to_nm(abs(values[1] - values[0]), unit)
    x_first = len(names) == node.ndim and {"x", "y"} <= set(names) and names.index("x") < names.index("y")
    return angles, pixel_size, x_first
