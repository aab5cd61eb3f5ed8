"""The tomography problem: measured projections and how the object was turned for each."""

import warnings
from collections.abc import Mapping
from copy import copy
from dataclasses import KW_ONLY, InitVar, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.recipes import joined as joined_recipe
from ..core.recipes import then
from ..core.validation import FILLED_IN, as_mask, as_real, positive_or_none
from .plausible import axes_hint, doubts


@dataclass(frozen=True, eq=False, repr=False)
class TiltSeries:
    """A tilt series to be reconstructed.

    The beam is along z and the tilt axis of a single-axis series is y. A projection of the object O is
    sum over z of O(R (x, y, z)), with R = Z(phi) Y(theta) X(psi); the rotation centre is pixel n//2.

    Parameters
    ----------
    projections : array_like, (tilt, y, x)
        Projected intensities of any real dtype, kept as float32; float32 data are not
        copied. NaN marks pixels that were not measured.
    angles : array_like, (tilt,), optional
        Tilt angles theta about y, in degrees. Give either these or `rotations`.
    rotations : array_like, (tilt, 3), optional
        Euler triples (phi, theta, psi) about z, y and x, in degrees.
    valid : array_like of bool, (tilt, y, x) or (y, x), optional
        Usable pixels; all that are not NaN by default. One image stands for all tilts.
    support : array_like of bool, (z, y, x), optional
        Where the object may lie; it decides the size of the reconstructed volume.
    shifts : array_like, (tilt, 2), optional
        Where the rotation centre appears on each projection: (dy, dx) in pixels from pixel n//2. Zero by default.
    held_out : array_like of bool, (tilt,), optional
        Tilts that a reconstruction does not see, for a free R-factor (see `hold_out`).
    pixel_size : float, optional
        In nm.
    source : str, optional
        Where the series came from, for the record.
    recipe : Mapping, optional
        How it was made, so that it can be made again (see `proxiscope.core.recipes`); None where that is not known.
    announce : bool
        Whether to warn of what looks wrong (see `plausible`).

    Raises
    ------
    InputError
        If an array has a wrong shape, the angles do not match the projections, a value is infinite, or
        nothing was measured.

    Warns
    -----
    UserWarning
        If a projection is empty, which is left out of the reconstruction, or if something looks wrong: angles in
        radians, repeated or out of order, a dead tilt, a tilt axis along x, a first axis that is not the tilt.
    """

    projections: NDArray[np.float32]
    angles: NDArray[np.float64] = FILLED_IN
    rotations: NDArray[np.float64] = FILLED_IN
    valid: NDArray[np.bool_] = FILLED_IN
    _: KW_ONLY
    support: NDArray[np.bool_] | None = None
    shifts: NDArray[np.float64] = FILLED_IN
    held_out: NDArray[np.bool_] | None = None
    pixel_size: float | None = None
    source: str = ""
    recipe: Mapping[str, Any] | None = None
    announce: InitVar[bool] = True

    if TYPE_CHECKING:  # what it takes is wider than what it holds

        def __init__(
            self,
            projections: ArrayLike,
            angles: ArrayLike | None = None,
            rotations: ArrayLike | None = None,
            valid: ArrayLike | None = None,
            *,
            support: ArrayLike | None = None,
            shifts: ArrayLike | None = None,
            held_out: ArrayLike | None = None,
            pixel_size: float | None = None,
            source: str = "",
            recipe: Mapping[str, Any] | None = None,
            announce: bool = True,
        ) -> None: ...

    def __post_init__(self, announce: bool) -> None:
        projections = as_real("projections", self.projections, ndim=3, axes="(tilt, y, x)")
        if projections.shape[2] < 2:
            raise InputError(
                "projections", f"an array of shape {projections.shape}", "Give at least two pixels along x"
            )
        rotations = _rotations(self.angles, self.rotations, projections.shape)
        measured = ~np.isnan(projections)
        valid = measured if self.valid is None else _mask(self.valid, projections.shape) & measured
        if not valid.any():
            raise InputError(
                "projections", "no pixel was measured: all are NaN or masked", "Check the file and the mask"
            )
        if not valid.all():
            projections = np.where(valid, projections, np.float32(0))
        empty = _check_projections(projections)
        if announce:
            for text in [*empty, *doubts(projections, rotations, None if valid.all() else valid)]:
                warnings.warn(text, stacklevel=3)
        object.__setattr__(self, "projections", projections)
        object.__setattr__(self, "valid", valid)
        object.__setattr__(self, "rotations", rotations)
        object.__setattr__(self, "angles", rotations[:, 1])
        object.__setattr__(self, "shifts", _shifts(self.shifts, projections.shape))
        if self.support is not None:
            object.__setattr__(self, "support", _support(self.support))
        if self.held_out is not None:
            object.__setattr__(self, "held_out", _held_out(self.held_out, projections))
        object.__setattr__(self, "pixel_size", positive_or_none("pixel_size", self.pixel_size))

    def __repr__(self) -> str:
        tilts, ny, nx = self.shape
        return f"TiltSeries({tilts} projections of {ny} x {nx}, {self.angles.min():g} to {self.angles.max():g} degrees)"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(tilt, y, x)."""
        return self.projections.shape

    @cached_property
    def single_axis(self) -> bool:
        """Whether all tilts turn about y alone, through the same line of the detector."""
        return not (self.rotations[:, [0, 2]].any() or self.shifts.any())

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Tilts (tilt,) to reconstruct from: those that have data and are not held out."""
        has_data = np.asarray(self.projections.any(axis=(1, 2)))
        return has_data if self.held_out is None else has_data & ~self.held_out

    def copy_with(self, **changes: Any) -> "TiltSeries":
        """A copy with some fields changed; new `angles` or `rotations` replace both.

        It has no recipe unless one is given: what changed is not on record.
        """
        if changes.keys() <= {"recipe", "source"}:  # nothing to be checked again
            other = copy(self)
            for name, value in ({"recipe": None} | changes).items():
                object.__setattr__(other, name, value)
            return other
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"recipe": None}
        if "rotations" in changes or "angles" in changes:
            values |= {"angles": None, "rotations": None}
        else:
            del values["angles"]
        return TiltSeries(**values | changes, announce=False)  # what there is to say has been said

    def subset(self, tilts: ArrayLike) -> "TiltSeries":
        """The series of some tilts, given as indices or as a mask (tilt,)."""
        each = ("projections", "rotations", "valid", "shifts")
        chosen: Any = tilts
        held_out = None if self.held_out is None else self.held_out[chosen]
        recipe = then(self.recipe, "subset", tilts=np.arange(len(self.angles))[chosen].tolist())
        return self.copy_with(held_out=held_out, recipe=recipe, **{n: getattr(self, n)[chosen] for n in each})

    def hold_out(self, every: int = 10) -> "TiltSeries":
        """The same series with every n-th tilt in the order of angles held out, none of the outermost ones.

        Raises
        ------
        InputError
            If `every` is below 2 or leaves nothing held out.
        """
        from .alignment.axis import by_tilt  # which is built on this module

        order = by_tilt(self)
        chosen: Any = order[every // 2 : -1 : every] if every >= 2 else []
        if not len(chosen) or len(self.angles) < 3:
            raise InputError(
                "every",
                f"{every} of {len(self.angles)} tilts",
                "Hold out every n-th tilt, n from 2 and small enough to leave some out",
            )
        held_out = np.zeros(len(self.angles), bool)
        held_out[chosen] = True
        return self.copy_with(held_out=held_out, recipe=then(self.recipe, "hold_out", every=every))


def merge(*series: TiltSeries) -> TiltSeries:
    """One series of several, such as the two of a double tilt whose rotations refer to the same volume.

    Parameters
    ----------
    *series : TiltSeries
        All with projections and pixels of one size.

    Returns
    -------
    TiltSeries
        Their tilts, one series after the other.

    Raises
    ------
    InputError
        If their projections or pixels differ in size.
    """
    first, *others = series
    for other in others:
        if other.shape[1:] != first.shape[1:]:
            raise InputError("series", f"projections of {first.shape[1:]} and {other.shape[1:]}", "Give equal sizes")
        if first.pixel_size and other.pixel_size and not np.isclose(first.pixel_size, other.pixel_size, rtol=1e-3):
            raise InputError("series", f"pixels of {first.pixel_size} and {other.pixel_size} nm", "Give equal sizes")
    each = ("projections", "rotations", "valid", "shifts")
    joined = {name: np.concatenate([getattr(s, name) for s in series]) for name in each}
    if len(series) > 1 and len(np.unique(joined["rotations"].round(6), axis=0)) < len(joined["rotations"]):
        warnings.warn(
            "rotations: the merged series share some. If their tilt axes differ, as in a double tilt, say by how much: "
            "--in-plane 0 90 on the command line, load(..., in_plane=90) in Python.",
            stacklevel=2,
        )
    held_out = [np.zeros(len(s.angles), bool) if s.held_out is None else s.held_out for s in series]
    return first.copy_with(
        held_out=np.concatenate(held_out) if any(map(np.any, held_out)) else None,
        source=" + ".join(dict.fromkeys(s.source for s in series)),
        recipe=joined_recipe(*(s.recipe for s in series)),
        **joined,
    )


def _mask(valid: ArrayLike, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Usable pixels (tilt, y, x), from a mask for each tilt or one for all."""
    valid = np.asarray(valid)
    return as_mask("valid", np.broadcast_to(valid, shape) if valid.shape == shape[1:] else valid, shape)


def _shifts(shifts: ArrayLike | None, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    tilts, ny, nx = shape
    if shifts is None:
        return np.zeros((tilts, 2))
    try:
        shifts = np.array(shifts, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("shifts", "values that are not numbers", "Give pixels") from None
    if shifts.shape != (tilts, 2) or not np.isfinite(shifts).all():
        raise InputError(
            "shifts", f"an array of shape {shifts.shape}", f"Give (dy, dx) in pixels for each of {tilts} projections"
        )
    if np.abs(shifts).max() > 4 * max(ny, nx):
        raise InputError(
            "shifts",
            f"up to {np.abs(shifts).max():g} px on {ny} x {nx} pixels",
            "Give the shifts of each image in pixels",
        )
    return shifts


def _support(support: ArrayLike) -> NDArray[np.bool_]:
    support = np.asarray(support)
    if support.ndim != 3:
        raise InputError("support", f"an array of shape {support.shape}", "Give a mask with the axes (z, y, x)")
    support = as_mask("support", support, support.shape)
    if not support.any():
        raise InputError("support", "it is empty", "Mark the voxels where the object may lie")
    return support


def _held_out(held_out: ArrayLike, projections: NDArray[Any]) -> NDArray[np.bool_]:
    held_out = as_mask("held_out", held_out, projections.shape[:1])
    if not projections[~held_out].any():
        raise InputError("held_out", "no projection is left", "Leave some tilts to reconstruct from")
    return held_out


def _rotations(angles: ArrayLike | None, rotations: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[Any]:
    if angles is None and rotations is None:
        raise InputError("angles or rotations", "neither was given", "Give tilt angles in degrees, or Euler triples")
    if angles is not None and rotations is not None and not _same_tilts(angles, rotations):
        raise InputError("angles and rotations", "both were given, and differ", "Give one of them")
    field, values = ("angles", angles) if rotations is None else ("rotations", rotations)
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(field, "values that are not numbers", "Give degrees") from None
    expected = shape[:1] if rotations is None else (shape[0], 3)
    if values.shape != expected:
        raise InputError(
            field,
            f"{_count(values)} for {shape[0]} projections (array shape {shape})",
            axes_hint(shape, values.shape)
            or f"Give an array of shape {expected}, or the projections with the axes (tilt, y, x)",
        )
    if not np.isfinite(values).all():
        raise InputError(field, "values that are not finite", "Give one number in degrees for each projection")
    if rotations is None:
        values = np.stack([np.zeros_like(values), values, np.zeros_like(values)], axis=1)
    return values


def _same_tilts(angles: ArrayLike, rotations: ArrayLike) -> bool:
    """Whether `angles` are the middle column of `rotations`, as in a copy of a series."""
    return np.ndim(rotations) == 2 and np.array_equal(np.asarray(rotations)[:, 1:2].ravel(), angles)


def _count(values: NDArray[Any]) -> str:
    return f"{len(values)} values" if values.ndim == 1 else f"an array of shape {values.shape}"


def _check_projections(projections: NDArray[Any]) -> list[str]:
    largest = np.array([np.abs(image).max() for image in projections])
    if not np.isfinite(largest).all():
        raise InputError("projections", "infinite values", "Mark those pixels as not usable (NaN or valid=False)")
    if not largest.any():
        raise InputError("projections", "all measured pixels are zero", "Check that the right data were loaded")
    if largest.all():
        return []
    empty = ", ".join(str(i) for i in np.flatnonzero(largest == 0))
    return [f"projections: nothing was measured in tilt {empty} (counted from 0). Left out of the reconstruction."]


def filled(series: TiltSeries) -> TiltSeries:
    """The series with each unusable pixel given the value of the nearest usable one of its projection."""
    if series.valid.all():
        return series
    projections = series.projections.copy()
    for t in np.flatnonzero(series.projections.any(axis=(1, 2)) & ~series.valid.all(axis=(1, 2))):
        nearest = scipy.ndimage.distance_transform_edt(~series.valid[t], return_distances=False, return_indices=True)
        projections[t] = projections[t][tuple(nearest)]
    return series.copy_with(projections=projections, valid=None)
