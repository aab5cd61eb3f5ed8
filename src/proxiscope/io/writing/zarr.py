"""OME-Zarr 0.5: a pyramid with axes and scale, and the rest as JSON in the group's attributes.

zarr-python writes the arrays; yaozarrs, models of the standard that need nothing but pydantic, refuses metadata that
it does not allow. Everything lies in arrays ``0``, ``1`` ... and attributes: napari's own reader takes any further
group or array for the image.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..contents import Contents
from ..document import FORMAT, document

_SMALL = 128
"""The pyramid ends where no axis that shrinks is longer."""
_CHUNK = {2: 512, 3: 64}
_SLAB = 128
"""Edge of the chunks of a volume that is written in slabs, across their thickness."""


class Level(NamedTuple):
    """A resolution: its shape, what it is smaller by, and what its axes shrink by to the next one."""

    shape: tuple[int, ...]
    scale: tuple[int, ...]
    factors: tuple[int, ...]


def levels(shape: tuple[int, ...], kind: str | None = None) -> list[Level]:
    """The resolutions of an array; the planes of a tilt series shrink, not their number."""
    names, scale, found = _names(shape, kind), (1,) * len(shape), []
    while True:
        factors = tuple(1 if name == "tilt" or n == 1 else 2 for name, n in zip(names, shape, strict=True))
        found.append(Level(shape, scale, factors))
        if max(n for n, name in zip(shape, names, strict=True) if name != "tilt") <= _SMALL:
            return found
        shape = tuple(n // factor for n, factor in zip(shape, factors, strict=True))
        scale = tuple(s * factor for s, factor in zip(scale, factors, strict=True))


def write(path: Path, contents: Contents) -> list[str]:
    """Write a group."""
    found, left_out = document(contents)
    array = contents.array
    group = created(path, array.shape, array.dtype, kind=contents.kind, pixel_size=contents.scale)
    put(group, array, kind=contents.kind)
    group.attrs[FORMAT] = found
    return left_out


def created(
    path: Path,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    *,
    kind: str | None = None,
    pixel_size: float | None = None,
    thickness: int = 0,
) -> Any:
    """A group with the empty arrays of a pyramid and the metadata of the standard.

    With a `thickness`, chunks end along y where slabs of so many slices do, in all resolutions: it is to be divisible
    by what the last one is smaller by.
    """
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=3)
    found, names = levels(shape, kind), _names(shape, kind)
    for i, level in enumerate(found):
        chunks = (_CHUNK[len(shape)],) * len(shape)
        if thickness:
            chunks = (_SLAB, thickness // level.scale[1], _SLAB)
        chunks = tuple(min(n, c) for n, c in zip(level.shape, chunks, strict=True))
        group.create_array(
            str(i), shape=level.shape, dtype=dtype, chunks=chunks, dimension_names=names, fill_value=0
        )  # fmt: skip
    group.attrs["ome"] = _metadata(kind, pixel_size, names, found)
    return group


def put(group: Any, array: NDArray[Any], kind: str | None = None, first: int = 0) -> None:
    """Write an array into all resolutions of its group, or the slices of a volume from the `first` one along y."""
    shape = group["0"].shape
    for i, level in enumerate(levels(shape, kind)):
        start = first // level.scale[-2]
        if array.size:
            group[str(i)][..., start : start + array.shape[-2], :] = array
        if str(i + 1) in group:
            array = _halved(array, level.factors)


def _halved(array: NDArray[Any], factors: tuple[int, ...]) -> NDArray[Any]:
    """Means over pairs along the axes of factor 2; a last plane without a partner goes."""
    for axis, factor in enumerate(factors):
        n = array.shape[axis]
        if factor == 1:
            continue
        pairs = array[(slice(None),) * axis + (slice(n - n % 2),)]
        pairs = pairs.reshape(*array.shape[:axis], n // 2, 2, *array.shape[axis + 1 :])
        means = pairs.mean(axis=axis + 1, dtype=np.result_type(array.dtype, np.float32))
        array = (np.rint(means) if array.dtype.kind in "biu" else means).astype(array.dtype)
    return array


def _names(shape: tuple[int, ...], kind: str | None) -> tuple[str, ...]:
    return ("tilt" if kind == "tilt-series" else "z", "y", "x")[-len(shape) :]


def _metadata(kind: str | None, size: float | None, names: tuple[str, ...], found: list[Level]) -> dict[str, Any]:
    from yaozarrs import v05

    unit: dict[str, Any] = {} if size is None else {"unit": "nanometer"}
    axes: list[Any] = [
        v05.CustomAxis(name=name, type="tilt") if name == "tilt" else v05.SpaceAxis(name=name, **unit) for name in names
    ]
    pixel = [1.0 if name == "tilt" else size or 1.0 for name in names]
    datasets = []
    for level, (_, factors, _) in enumerate(found):
        scale = [p * factor for p, factor in zip(pixel, factors, strict=True)]
        centre = [p * (factor - 1) / 2 for p, factor in zip(pixel, factors, strict=True)]
        moved = [v05.TranslationTransformation(translation=centre)] if level else []
        placed: list[Any] = [v05.ScaleTransformation(scale=scale), *moved]
        datasets.append(v05.Dataset(path=str(level), coordinateTransformations=placed))
    multiscale = v05.Multiscale(name=kind or "image", axes=axes, datasets=datasets, type="mean")
    return v05.Image(multiscales=[multiscale]).model_dump(mode="json", exclude_none=True)
