"""Tilt series about one axis that stay in their file, of which some rows are read at a time."""

import warnings
from collections.abc import Iterator
from copy import copy
from dataclasses import KW_ONLY, asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.recipes import then
from ..core.validation import as_real
from ..tomography import TiltSeries
from .lazy import in_rows, is_lazy, read_here
from .load import _complete, _usable, kind_of, problem_from, tilts_as_in_file
from .patterns import as_array
from .reading import read
from .recipe import sorted_recipe
from .series import Axis, _turns, turn

_GROUP = 2**26
"""Bytes of images, as float32, that are looked at together."""


@dataclass(frozen=True)
class SeriesOnDisk:
    """A tilt series by its file, and how that is to be read: parameters as for `proxiscope.load`.

    Parameters
    ----------
    path : path-like
        The file, or the folder of a Zarr.
    angles : path-like or sequence of float, optional
        A file of them, or degrees.
    variable : str, optional
    mask : path-like, optional
        Usable pixels. That of a whole stack is held in memory; NaN in the data are not.
    tilt_axis : {"x", "y"}, optional
        Of a series with its axis along x each slab reads all images.
    reverse_angles : bool
    pixel_size : float, optional
        In nm.
    hold_out_tilts : int, optional
        Every so manieth tilt is held out: see `TiltSeries.hold_out`.
    """

    path: str
    _: KW_ONLY
    angles: str | tuple[float, ...] | None = None
    variable: str | None = None
    mask: str | None = None
    tilt_axis: Axis | None = None
    reverse_angles: bool = False
    pixel_size: float | None = None
    hold_out_tilts: int | None = None

    def __post_init__(self) -> None:
        for name in ("path", "angles", "mask"):
            value = getattr(self, name)
            if name == "angles" and value is not None and not isinstance(value, str | Path):
                value = tuple(np.ravel(value).tolist())
            elif value is not None:
                value = str(Path(value).absolute())
            object.__setattr__(self, name, value)

    def record(self) -> dict[str, Any]:
        """What JSON holds of it."""
        return asdict(self)

    def open(self, rows: int = 0) -> "OpenSeries":
        """Find out what the file says, without reading the images.

        Parameters
        ----------
        rows : int
            How many will be read at a time; 0 for whole images.

        Raises
        ------
        InputError
            If the file cannot be read, or is no series about a single axis.
        """
        return OpenSeries(self, rows)


class OpenSeries:
    """A series whose file has been looked into.

    Attributes
    ----------
    tilts : TiltSeries
        With rotations, held-out tilts, pixel size and source, and images of 2 x 2 pixels in place of those in the file.
    shape : tuple of int
        (tilt, y, x) of those in the file, the axis along y.
    notes : tuple of str
        What was recognised or corrected.
    rows_at_once : int
        Rows that come with any one that is read, as the file has them in pieces; 0 where all are in memory.
    """

    def __init__(self, series: SeriesOnDisk, rows: int):
        angles = None if series.angles is None or isinstance(series.angles, str) else np.array(series.angles)
        self._series, self._angles = series, series.angles if angles is None else angles
        with in_rows(rows):
            self._raw = read(series.path, angles=self._angles, variable=series.variable)
        raw = self._raw
        kind_of(raw, None, "tilt-series")
        own = {name: a for name, a in raw.declared.products.items() if name != "support"}
        small = replace(raw, declared=replace(raw.declared, valid=None, products=own))
        if raw.data.ndim == 3:
            small = replace(small, data=np.ones((len(raw.data), 2, 2), np.float32))
        axis = raw.tilt_axis if series.tilt_axis is None else series.tilt_axis
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of images that are not those in the file
            options: dict[str, Any] = {
                "tilt_axis": axis,
                "reverse_angles": series.reverse_angles,
                "pixel_size": series.pixel_size,
            }
            problem, self.notes = problem_from(small, "tilt-series", **options)
        tilts = cast(TiltSeries, problem)
        if not tilts.single_axis:
            raise InputError(
                raw.source.name,
                "its tilts are not about y alone: they turn about x or z, or are shifted",
                "Reconstruct it in memory, by InSlabs or --in-slabs if it is large",
            )
        if "support" in raw.declared.products:
            raise InputError(raw.source.name, "has a support, which is a volume", "Save the series without one")
        self.tilts = tilts if series.hold_out_tilts is None else tilts.hold_out(series.hold_out_tilts)
        turned, _ = _turns(axis)
        self._data: Any = turn(raw.data) if turned else raw.data
        self.shape: tuple[int, int, int] = self._data.shape
        self.rows_at_once: int = max(cast(Any, self._data).chunks[1]) if is_lazy(self._data) else 0
        valid = _usable(raw, as_array(series.mask))
        valid = None if valid is None else _mask(valid, raw.data.shape)
        self._valid = turn(valid) if turned and valid is not None else valid

    def part(self, rows: tuple[int, int], used: NDArray[np.bool_]) -> TiltSeries:
        """The series of some rows (first, last + 1), with what `TiltSeries` makes of them and none of its checks.

        `used` (tilt,) are the tilts that the whole is reconstructed from: of some there may be nothing in these rows.
        """
        part = self._made(*self._read(slice(None), slice(*rows)))
        part.__dict__["used"] = used
        return part

    def outline(self, rows: int, valid: bool = True) -> TiltSeries:
        """A series of so many rows without values, which takes no memory, to ask algorithms about."""
        shape = (self.shape[0], rows, self.shape[2])
        return self._made(np.broadcast_to(np.float32(0), shape), np.broadcast_to(np.bool_(valid), shape))

    def images(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        """All projections and their usable pixels, some tilts (tilt, y, x) at a time."""
        tilts, ny, nx = self.shape
        group = max(1, _GROUP // (4 * ny * nx))
        for first in range(0, tilts, group):
            yield self._read(slice(first, first + group), slice(None))

    def recipe(self) -> dict[str, Any]:
        """That of the series as `proxiscope.load` makes it."""
        series, raw = self._series, self._raw
        names = ("mask", "tilt_axis", "reverse_angles", "pixel_size")
        options = _complete(raw, "tilt-series", {name: getattr(series, name) for name in names})
        angles, order = self._angles, None
        if angles is None and not (raw.declared.ours and raw.declared.kind == "tilt-series"):
            angles, order = tilts_as_in_file(raw)
        given: dict[str, Any] = {"kind": "tilt-series", "angles": angles, "variable": series.variable, **options}
        found = sorted_recipe(series.path, order, (), **given)
        return found if series.hold_out_tilts is None else then(found, "hold_out", every=series.hold_out_tilts)

    def _read(self, tilts: slice, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        values = as_real("projections", read_here(self._data[tilts, rows]), ndim=3, axes="(tilt, y, x)")
        valid = ~np.isnan(values)
        if self._valid is not None:
            valid &= self._valid[tilts, rows]
        return (values if valid.all() else np.where(valid, values, np.float32(0))), valid

    def _made(self, projections: NDArray[Any], valid: NDArray[Any]) -> TiltSeries:
        part = copy(self.tilts)
        part.__dict__.pop("used", None)
        part.__dict__.update(projections=projections, valid=valid)
        return part


def _mask(valid: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Usable pixels (tilt, y, x), those of one image without a copy for each tilt."""
    usable = (valid != 0) & (valid == valid)
    if usable.shape not in (shape, shape[1:]):
        raise InputError(
            "valid", f"its shape is {usable.shape}, that of the data {shape}", "Give one of the same shape"
        )
    return np.broadcast_to(usable, shape)
