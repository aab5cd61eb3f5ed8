"""Figures of merit of tomography."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..physics.projectors import projector
from .film import whole_rays
from .problem import TiltSeries


def residuals(volume: ArrayLike, series: TiltSeries, *, exact: bool = False, film: bool = False) -> NDArray[np.float64]:
    """R-factor of each tilt (tilt,): ``sum |projection - b| / sum |b|`` over its usable pixels, a fraction.

    A tilt that stands out is badly aligned, has a wrong angle, or shows another scene.

    Parameters
    ----------
    volume : array_like, (z, y, x)
    series : TiltSeries
    exact : bool
        Project by the Fourier slice theorem instead of along rays in real space. After a reconstruction with one
        projector, the other judges it independently.
    film : bool
        The sample goes on beyond the volume: only rays that pass wholly through the volume count.

    Returns
    -------
    ndarray
        NaN for a tilt without data; a number for one held out.

    Raises
    ------
    InputError
        If the volume has not three dimensions, or a size that does not fit the series.
    """
    volume = np.asarray(volume)
    projected = calculated(volume, series, "fourier-slice" if exact else "real-space")
    valid = series.valid & whole_rays(series, volume.shape) if film else series.valid
    return tilt_r_factors(projected, series.projections, valid)


def calculated(volume: ArrayLike, series: TiltSeries, kind: str = "real-space") -> NDArray[np.float32]:
    """Projections (tilt, y, x) of a volume (z, y, x) at the tilts of a series, by a kind of `projector`.

    Parameters
    ----------
    volume : array_like, (z, y, x)
        The reconstruction.
    series : TiltSeries
        Whose tilts and detector count.
    kind : {"real-space", "fourier-slice"}
        How the volume is projected.

    Returns
    -------
    ndarray, (tilt, y, x)
        In the unit of the data, float32.

    Raises
    ------
    InputError
        If the volume has not three dimensions, or a size that does not fit the series.
    """
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise InputError("volume", f"an array of shape {volume.shape}", "Give a volume (z, y, x)")
    a = projector(kind, series.rotations, series.shape[1:], volume.shape, series.shifts)
    return a.unpack_projections(a.forward(a.pack_volume(volume)))


def tilt_r_factors(projected: NDArray[Any], measured: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """R-factor of each tilt (tilt,) over its `valid` pixels; all are (tilt, y, x). NaN for a tilt without data.

    Parameters
    ----------
    projected, measured : ndarray, (tilt, y, x)
        Projections of the reconstruction, and the data.
    valid : ndarray of bool, (tilt, y, x)
        Pixels that count.

    Returns
    -------
    ndarray, (tilt,)
        Fractions, float64; NaN for a tilt without data.
    """
    misfit = np.abs(projected - measured).sum(axis=(1, 2), dtype=np.float64, where=valid)
    total = np.abs(measured).sum(axis=(1, 2), dtype=np.float64, where=valid)
    return np.divide(misfit, total, out=np.full(len(total), np.nan), where=total > 0)


def r_factor(volume: ArrayLike, series: TiltSeries, *, exact: bool = False, film: bool = False) -> float:
    """R-factor of a volume (z, y, x) (eq. 3.9): the mean of the `residuals` of the tilts that were reconstructed from.

    Those are the tilts with data that are not held out; NaN if there are none. Parameters and errors: `residuals`.

    Parameters
    ----------
    volume : array_like, (z, y, x)
        The reconstruction.
    series : TiltSeries
        What it was made from.
    exact, film : bool
        As for `residuals`.

    Returns
    -------
    float
        A fraction.
    """
    return _mean(residuals(volume, series, exact=exact, film=film)[series.used])


def free_r_factor(volume: ArrayLike, series: TiltSeries, *, exact: bool = False, film: bool = False) -> float:
    """R-factor of a volume (z, y, x) over the tilts that are held out; as for `r_factor`.

    Parameters
    ----------
    volume : array_like, (z, y, x)
        The reconstruction.
    series : TiltSeries
        With tilts held out.
    exact, film : bool
        As for `residuals`.

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    InputError
        If no tilts are held out.
    """
    if series.held_out is None:
        raise InputError("held_out", "no tilts are held out", "Reconstruct from series.hold_out()")
    return _mean(residuals(volume, series, exact=exact, film=film)[series.held_out])


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of those that are numbers."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else np.nan


def real_space_error(volume: ArrayLike, truth: ArrayLike) -> float:
    """Error of a volume (z, y, x) whose truth is known: ``sum |u - u0| / sum |u0|``, a fraction.

    Parameters
    ----------
    volume : array_like, (z, y, x)
        The reconstruction.
    truth : array_like, (z, y, x)
        The object.

    Returns
    -------
    float
        0 where they agree.

    Raises
    ------
    InputError
        If the shapes differ, or the truth is zero everywhere.
    """
    volume, truth = np.asarray(volume, np.float64), np.asarray(truth, np.float64)
    if volume.shape != truth.shape:
        raise InputError("truth", f"its shape is {truth.shape}", f"Give one of shape {volume.shape}")
    total = np.abs(truth).sum()
    if not total > 0:
        raise InputError("truth", "zero everywhere", "Check that the right file was read")
    return float(np.abs(volume - truth).sum() / total)
