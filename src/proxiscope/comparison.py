"""A result against its data, and two results against each other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import InputError, Progress
from .phase import DiffractionPattern
from .phase.metrics import align
from .reconstruction import reconstruct
from .tomography import TiltSeries
from .tomography.base import Tomography
from .tomography.correlation import FSC, Between, fourier_shell_correlation
from .tomography.film import whole_rays
from .tomography.half_sets import split_tilts
from .tomography.metrics import calculated, tilt_r_factors


class Residual(NamedTuple):
    """What was measured less what a result makes of it.

    Attributes
    ----------
    calculated : ndarray, float32
        Projections (tilt, y, x), or Fourier magnitudes of the pattern's shape.
    difference : ndarray, float32
        Measured - calculated; NaN where nothing was measured.
    at : ndarray, (n,)
        Of a tilt series the angles theta in degrees; of a pattern the middles of shells in cycles per pixel.
    r_factors : ndarray, (n,)
        For each tilt or shell; NaN where nothing was measured.
    r_factor : float
        Of the whole, over what was reconstructed from.
    """

    calculated: NDArray[np.float32]
    difference: NDArray[np.float32]
    at: NDArray[np.float64]
    r_factors: NDArray[np.float64]
    r_factor: float


def residual(array: ArrayLike, problem: DiffractionPattern | TiltSeries, algorithm: Any = None) -> Residual:
    """What a result leaves unexplained of its data.

    Parameters
    ----------
    array : array_like
        Volume (z, y, x) of a tilt series; image or volume of a pattern, complex of a complex object.
    problem : TiltSeries or DiffractionPattern
    algorithm : Algorithm, optional
        Of which the result is. Its projector is used, so that the R-factor is the recorded one; the real-space
        projector without it. Of a film only rays that pass wholly through the volume count; the recorded R-factor
        counts those of a wider volume, and differs.

    Returns
    -------
    Residual
        What was calculated, how it differs, and R-factors.

    Raises
    ------
    InputError
        If the shapes do not go together.
    """
    if isinstance(problem, TiltSeries):
        return _of_series(np.asarray(array), problem, getattr(algorithm, "algorithm", algorithm))
    return _of_pattern(np.asarray(array), problem)


def _of_series(volume: NDArray[Any], series: TiltSeries, algorithm: Any) -> Residual:
    projected = calculated(volume, series, getattr(algorithm, "kind", "real-space"))
    film = getattr(algorithm, "film", False)
    valid = series.valid & whole_rays(series, volume.shape) if film else series.valid
    r_factors = tilt_r_factors(projected, series.projections, valid)
    used = r_factors[series.used & np.isfinite(r_factors)]
    difference = np.where(valid, series.projections - projected, np.float32(np.nan))
    return Residual(projected, difference, series.angles, r_factors, float(used.mean()) if used.size else np.nan)


def _of_pattern(image: NDArray[Any], pattern: DiffractionPattern) -> Residual:
    if image.shape != pattern.shape:
        raise InputError("image", f"its shape is {image.shape}", f"Give one of shape {pattern.shape}")
    magnitudes = np.abs(np.fft.fftshift(np.fft.fftn(image)))
    misfit, measured = np.abs(magnitudes - pattern.magnitudes), pattern.magnitudes
    used = pattern.known if pattern.held_out is None else pattern.known & ~pattern.held_out
    at, shell = shells(pattern.shape)
    counted = used & (shell < len(at))
    missed, total = (np.bincount(shell[counted], values[counted], minlength=len(at)) for values in (misfit, measured))
    r_factors = np.divide(missed, total, out=np.full(len(at), np.nan), where=total > 0)
    whole = float(misfit[used].sum() / measured[used].sum(dtype=np.float64))
    difference = np.where(pattern.known, measured - magnitudes, np.nan).astype(np.float32)
    return Residual(magnitudes.astype(np.float32), difference, at, r_factors, whole)


def shells(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Middles of shells in cycles per pixel, and the shell of each pixel of a centred spectrum of `shape`.

    Shells are as wide as a Fourier pixel of the longest axis, up to 0.5; pixels beyond have higher numbers.

    Parameters
    ----------
    shape : tuple of int
        Of the spectrum.

    Returns
    -------
    frequency : ndarray, (shell,)
        Middles of the shells in cycles per pixel.
    shell : ndarray of int, `shape`
        The shell of each pixel.
    """
    axes = np.meshgrid(*(np.fft.fftshift(np.fft.fftfreq(n)) for n in shape), indexing="ij", sparse=True)
    size = max(shape)
    shell = np.rint(size * np.sqrt(sum(axis**2 for axis in axes))).astype(np.intp)
    return np.arange(size // 2 + 1) / size, shell


def correlate(
    a: ArrayLike,
    b: ArrayLike,
    *,
    between: Between = "all",
    tilts: TiltSeries | ArrayLike | None = None,
    pixel_size: float | None = None,
) -> FSC:
    """Fourier shell correlation of two volumes, or Fourier ring correlation of two images, which may be complex.

    Parameters
    ----------
    a, b : array_like, (y, x) or (z, y, x)
        In register: see `aligned`.
    between, tilts, pixel_size : optional
        As for `tomography.correlation.fourier_shell_correlation`; of images and complex arrays all points count.

    Returns
    -------
    FSC
        The curve.

    Raises
    ------
    InputError
        If the shapes differ, or values are not finite.
    """
    a, b = np.asarray(a), np.asarray(b)
    _same_shape(a, b)
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        if a.ndim == 3:
            return fourier_shell_correlation(a, b, between=between, tilts=tilts, pixel_size=pixel_size)
        return fourier_shell_correlation(a[None], b[None], pixel_size=pixel_size)
    for name, values in (("a", a), ("b", b)):
        if not np.isfinite(values).all():
            raise InputError(name, "values that are not finite", "Give numbers everywhere")
    frequency, shell = shells(a.shape)
    at_a, at_b = (np.fft.fftshift(np.fft.fftn(values)) for values in (a, b))
    parts = ((at_a * at_b.conj()).real, np.abs(at_a) ** 2, np.abs(at_b) ** 2, np.full(a.shape, 0.5))
    inside = shell < len(frequency)
    cross, power_a, power_b, count = (
        np.bincount(shell[inside], part[inside], minlength=len(frequency))[1:] for part in parts
    )
    power = np.sqrt(power_a) * np.sqrt(power_b)
    correlation = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0).clip(-1, 1)
    return FSC(frequency[1:], correlation, count.astype(np.float64), pixel_size)


def aligned(b: ArrayLike, a: ArrayLike) -> NDArray[Any]:
    """`b` with what a diffraction pattern leaves open taken out against `a`: see `phase.metrics.align`.

    Parameters
    ----------
    b : array_like
        What is moved.
    a : array_like, same shape
        What it is to lie on.

    Returns
    -------
    ndarray
        `b`, moved.
    """
    _same_shape(np.asarray(a), np.asarray(b))
    return align(b, a)


class Difference(NamedTuple):
    """How two arrays differ.

    Attributes
    ----------
    values : ndarray
        A - B, point by point; its modulus where one of them is complex.
    rms : float
        Root mean square of A - B.
    relative : float
        That divided by the root mean square of A.
    correlation : float
        Coefficient of A and B.
    """

    values: NDArray[Any]
    rms: float
    relative: float
    correlation: float


def difference(a: ArrayLike, b: ArrayLike) -> Difference:
    """Compare two arrays of one shape point by point; of complex ones `values` is the modulus of the difference.

    Points where one of them is NaN do not count.

    Parameters
    ----------
    a, b : array_like, same shape
        What is compared.

    Returns
    -------
    Difference
        Point by point, and figures of the whole.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    a, b = np.asarray(a), np.asarray(b)
    _same_shape(a, b)
    kind = np.complex64 if np.iscomplexobj(a) or np.iscomplexobj(b) else np.float32
    values = a.astype(kind, copy=False) - b.astype(kind, copy=False)
    some = np.isfinite(values)
    if not some.any():
        raise InputError("A and B", "no pixel has a number in both", "Choose other layers")
    one, other = a[some].astype(np.result_type(kind, np.float64)), b[some].astype(np.result_type(kind, np.float64))
    rms = float(np.sqrt(np.mean(np.abs(one - other) ** 2)))
    own = float(np.sqrt(np.mean(np.abs(one) ** 2)))
    one, other = one - one.mean(), other - other.mean()
    power = np.sqrt(np.vdot(one, one).real * np.vdot(other, other).real)
    correlation = float(np.vdot(other, one).real / power) if power > 0 else np.nan
    shown = np.abs(values) if kind is np.complex64 else values
    return Difference(shown, rms, rms / own if own > 0 else np.nan, correlation)


def _same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise InputError(
            "Compare with", f"its shape is {b.shape}, that of the layer {a.shape}", "Choose a layer of the same shape"
        )


def halves(
    algorithm: Tomography[Any],
    series: TiltSeries,
    callback: Callable[[int, Progress], bool | None] | None = None,
    *,
    changes: Mapping[int, Tomography[Any]] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Volumes from either half of a series; see `tomography.half_sets` for what is to be read from them.

    Parameters
    ----------
    algorithm : Tomography
    series : TiltSeries
    callback : callable, optional
        Called with the half, 0 or 1, and the `Progress` of every iteration; a true return value ends the half there.
    changes : Mapping[int, Tomography], optional
        As for `reconstruct`.

    Returns
    -------
    tuple of ndarray, (z, y, x)
        The volumes of the halves.
    """
    one, other = (
        reconstruct(algorithm, part, callback=callback and partial(callback, half), changes=changes).array
        for half, part in enumerate(split_tilts(series))
    )
    return one, other


def profile(image: ArrayLike, start: ArrayLike, end: ArrayLike, samples: int) -> NDArray[np.float64]:
    """Values (samples,) of an image (y, x) along a line, interpolated linearly; NaN outside the image.

    Parameters
    ----------
    image : array_like, (y, x)
    start, end : array_like, (2,)
        (y, x) in pixels.
    samples : int

    Returns
    -------
    ndarray, (samples,)
        In the unit of the image.
    """
    from scipy.ndimage import map_coordinates

    at = np.linspace(np.asarray(start, float), np.asarray(end, float), samples, axis=1)
    return map_coordinates(np.asarray(image, np.float64), at, order=1, mode="constant", cval=np.nan)
