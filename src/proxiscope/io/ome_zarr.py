"""OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3), plain Zarr arrays, and what proxiscope keeps in their attributes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from proxiscope.core.errors import InputError
from proxiscope.io import own, zarr_access
from proxiscope.io.raw import Found, choose, nbytes_of, others, squeezed, to_nm


def read(path: Path, variable: str | None = None) -> Found:
    """Read the full resolution of the first image of an OME-Zarr, or an array of a plain Zarr.

    Parameters
    ----------
    path : Path
        The folder, or a zip of it.
    variable : str, optional
        Path of an array inside it, such as ``1`` for the second resolution.

    Returns
    -------
    Found
        Data (y, x) or (first, y, x), axes of length one left out; pixel size (nm) from the scale of x; angles and
        the rest from our own attributes.
    """
    root = zarr_access.open_group(path)
    if hasattr(root, "members"):
        attributes = dict(root.attrs)
        ome = attributes.get("ome", attributes)
        if "bioformats2raw.layout" in ome and "multiscales" not in ome:  # several images, in groups by number
            root = root["0"]
            attributes = dict(root.attrs)
            ome = attributes.get("ome", attributes)
        if isinstance(ome, Mapping) and ome.get("multiscales"):
            return own.of_document(_image(root, ome["multiscales"], variable, path), attributes.get("proxiscope"), path)
    arrays = zarr_access.arrays(root, path)
    usable = {name: a for name, a in arrays.items() if a.ndim >= 2 and variable in (None, name)}
    name = choose(path, {key: nbytes_of(a.shape, 1) for key, a in usable.items()})
    data, notes = squeezed(zarr_access.stored(arrays[name], path), path)
    found = Found(data, notes=(*notes, *others(name, list(usable))))
    return own.of_document(found, dict(root.attrs).get("proxiscope"), path)


def _image(root: Any, multiscales: Any, variable: str | None, path: Path) -> Found:
    """The image that ``multiscales`` describes."""
    image = multiscales[0]
    named = [str(dataset["path"]) for dataset in image["datasets"]]
    if variable is not None and variable not in named:
        raise InputError(path.name, f"has no array {variable!r} to read", f"It holds {', '.join(named[:20])}.")
    chosen = named.index(variable) if variable is not None else 0
    array = root[named[chosen]]
    axes = [axis if isinstance(axis, Mapping) else {"name": str(axis)} for axis in image.get("axes", [])]
    names = [str(axis.get("name")) for axis in axes]
    if len(axes) != array.ndim or names[-2:] != ["y", "x"]:
        raise InputError(
            path.name,
            f"has axes {names} for an array of shape {array.shape}",
            "Write it with axes that end in y and x.",
        )
    data, notes = squeezed(zarr_access.stored(array, path), path)
    scale = _scale(image, image["datasets"][chosen], array.ndim)
    if len(named) > 1:
        notes += (f"Read resolution {named[chosen]} of {len(named)}.",)
    if len(multiscales) > 1:
        notes += (f"Read the first of {len(multiscales)} images.",)
    size = to_nm(float(scale[-1]), str(axes[-1].get("unit", ""))) if scale is not None else None
    if scale is not None and abs(scale[-1] - scale[-2]) > 0.01 * abs(scale[-1]):
        notes += (f"The pixels are not square ({scale[-1]:.4g} by {scale[-2]:.4g}): took the first.",)
    return Found(data, pixel_size=size, notes=notes)


def _scale(image: Mapping[str, Any], dataset: Mapping[str, Any], ndim: int) -> np.ndarray | None:
    """Scales of the axes: those of the dataset times those of the image."""
    scales = [
        np.asarray(transform["scale"], dtype=np.float64)
        for place in (dataset, image)
        for transform in place.get("coordinateTransformations") or ()
        if transform.get("type") == "scale" and "scale" in transform
    ]
    return np.prod(scales, axis=0) if scales and all(s.shape == (ndim,) for s in scales) else None
