"""OME-Zarr 0.5: a pyramid with axes and scale, and the rest as JSON in the group's attributes.

zarr-python writes the arrays; yaozarrs, models of the standard that need nothing but pydantic, refuses metadata that
it does not allow. Everything lies in arrays ``0``, ``1`` ... and attributes: napari's own reader takes any further
group or array for the image.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import Contents
from ..document import FORMAT, document

_SMALL = 128
"""The pyramid ends where no axis that shrinks is longer."""
_CHUNK = {2: 512, 3: 64}


def write(path: Path, contents: Contents) -> list[str]:
    """Write a group; the planes of a tilt series shrink, not their number."""
    import zarr

    tilts = contents.kind == "tilt-series"
    found, left_out = document(contents)
    group = zarr.open_group(path, mode="w", zarr_format=3)
    array, scales, names = contents.array, [], ("tilt" if tilts else "z", "y", "x")[-contents.array.ndim :]
    scale = [1] * len(names)
    while True:
        chunks = tuple(min(n, _CHUNK[array.ndim]) for n in array.shape)
        level = str(len(scales))
        stored = group.create_array(
            level, shape=array.shape, dtype=array.dtype, chunks=chunks, dimension_names=names, fill_value=0
        )
        stored[...] = array
        scales.append(scale)
        factors = [1 if name == "tilt" or n == 1 else 2 for name, n in zip(names, array.shape, strict=True)]
        if max(n for n, name in zip(array.shape, names, strict=True) if name != "tilt") <= _SMALL:
            break
        array, scale = _halved(array, factors), [s * factor for s, factor in zip(scale, factors, strict=True)]
    group.attrs.update({"ome": _metadata(contents, names, scales), FORMAT: found})
    return left_out


def _halved(array: NDArray, factors: list[int]) -> NDArray:
    """Means over pairs along the axes of factor 2; a last plane without a partner goes."""
    for axis, factor in enumerate(factors):
        n = array.shape[axis]
        if factor == 1:
            continue
        pairs = np.take(array, range(n - n % 2), axis=axis)
        pairs = pairs.reshape(*array.shape[:axis], n // 2, 2, *array.shape[axis + 1 :])
        means = pairs.mean(axis=axis + 1, dtype=np.result_type(array.dtype, np.float32))
        array = (np.rint(means) if array.dtype.kind in "biu" else means).astype(array.dtype)
    return array


def _metadata(contents: Contents, names: tuple[str, ...], scales: list[list[int]]) -> dict[str, Any]:
    from yaozarrs import v05

    size = contents.scale
    unit = {} if size is None else {"unit": "nanometer"}
    axes = [
        v05.CustomAxis(name=name, type="tilt") if name == "tilt" else v05.SpaceAxis(name=name, **unit) for name in names
    ]
    pixel = [1.0 if name == "tilt" else size or 1.0 for name in names]
    datasets = []
    for level, factors in enumerate(scales):
        scale = [p * factor for p, factor in zip(pixel, factors, strict=True)]
        centre = [p * (factor - 1) / 2 for p, factor in zip(pixel, factors, strict=True)]
        moved = [v05.TranslationTransformation(translation=centre)] if level else []
        placed = [v05.ScaleTransformation(scale=scale), *moved]
        datasets.append(v05.Dataset(path=str(level), coordinateTransformations=placed))
    multiscale = v05.Multiscale(name=contents.kind or "image", axes=axes, datasets=datasets, type="mean")
    return v05.Image(multiscales=[multiscale]).model_dump(mode="json", exclude_none=True)
