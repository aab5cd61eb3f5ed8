"""The tomography problem: measured projections and how the object was turned for each."""

import warnings
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.validation import as_mask, as_real, positive_or_none


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
    valid : array_like of bool, (tilt, y, x), optional
        Usable pixels; all that are not NaN by default.
    pixel_size : float, optional
        In nm.
    source : str, optional
        Where the series came from, for the record.

    Raises
    ------
    InputError
        If an array has a wrong shape, the angles do not match the projections, a value is infinite, or
        nothing was measured.

    Warns
    -----
    UserWarning
        If a projection is empty; it is left out of the reconstruction.
    """

    projections: NDArray[np.float32]
    angles: NDArray[np.float64] | None = None
    rotations: NDArray[np.float64] | None = None
    valid: NDArray[np.bool_] | None = None
    _: KW_ONLY
    pixel_size: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        projections = as_real("projections", self.projections, ndim=3, axes="(tilt, y, x)")
        if projections.shape[2] < 2:
            raise InputError(
                "projections", f"an array of shape {projections.shape}", "Give at least two pixels along x"
            )
        rotations = _rotations(self.angles, self.rotations, projections.shape)
        measured = ~np.isnan(projections)
        valid = measured if self.valid is None else as_mask("valid", self.valid, projections.shape) & measured
        if not valid.any():
            raise InputError(
                "projections", "no pixel was measured: all are NaN or masked", "Check the file and the mask"
            )
        if not valid.all():
            projections = np.where(valid, projections, np.float32(0))
        _check_projections(projections)
        object.__setattr__(self, "projections", projections)
        object.__setattr__(self, "valid", valid)
        object.__setattr__(self, "rotations", rotations)
        object.__setattr__(self, "angles", rotations[:, 1])
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
        """Whether all tilts turn about y alone."""
        return not self.rotations[:, [0, 2]].any()


def _rotations(angles: ArrayLike | None, rotations: ArrayLike | None, shape: tuple[int, ...]) -> NDArray:
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
            f"Give an array of shape {expected}, or the projections with the axes (tilt, y, x)",
        )
    if not np.isfinite(values).all():
        raise InputError(field, "values that are not finite", "Give one number in degrees for each projection")
    if rotations is None:
        values = np.stack([np.zeros_like(values), values, np.zeros_like(values)], axis=1)
    return values


def _same_tilts(angles: ArrayLike, rotations: ArrayLike) -> bool:
    """Whether `angles` are the middle column of `rotations`, as in a copy of a series."""
    return np.ndim(rotations) == 2 and np.array_equal(np.asarray(rotations)[:, 1:2].ravel(), angles)


def _count(values: NDArray) -> str:
    return f"{len(values)} values" if values.ndim == 1 else f"an array of shape {values.shape}"


def _check_projections(projections: NDArray) -> None:
    largest = np.abs(projections).max(axis=(1, 2))
    if not np.isfinite(largest).all():
        raise InputError("projections", "infinite values", "Mark those pixels as not usable (NaN or valid=False)")
    if not largest.any():
        raise InputError("projections", "all measured pixels are zero", "Check that the right data were loaded")
    if not largest.all():
        empty = ", ".join(str(i) for i in np.flatnonzero(largest == 0))
        warnings.warn(
            f"projections: nothing was measured in tilt {empty} (counted from 0). Left out of the reconstruction.",
            stacklevel=4,
        )
