"""Fourier shell correlation: down to which detail two volumes agree (Harauz and van Heel, Optik 73, 146 (1986))."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..core.threads import num_threads
from ..core.validation import as_mask, as_real, positive_or_none
from ..physics.fourier import frequencies, half_shape, self_paired
from .coverage import missing_wedge
from .problem import TiltSeries

Between = Literal["all", "measured", "missing wedge"]
"""Fourier points that are compared."""

GOLD_STANDARD = 0.143
"""Threshold for half-sets: there the reconstruction from all data would correlate to 0.5 with the truth."""


@dataclass(frozen=True, eq=False)
class FSC:
    """A Fourier shell correlation.

    Attributes
    ----------
    frequency : ndarray, (shell,)
        Centres of the shells in cycles per pixel, up to 0.5, without zero frequency.
    correlation : ndarray, (shell,)
        Between -1 and 1; 0 where a volume has nothing in a shell, NaN where no point was to be compared.
    count : ndarray, (shell,)
        Independent complex samples: points of half the Fourier space.
    pixel_size : float or None
        In nm.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    count: NDArray[np.float64]
    pixel_size: float | None = None

    @property
    def mean(self) -> float:
        """Mean over the shells that have samples, each counted once."""
        return float(np.nanmean(self.correlation)) if self.count.any() else np.nan

    def resolution(self, threshold: float | ArrayLike = 0.5, *, unit: Literal["px", "nm"] = "px") -> float | None:
        """Period (1 / frequency) at which the correlation first falls below a threshold, interpolated linearly.

        Parameters
        ----------
        threshold : float or array_like, (shell,)
            Usually 0.5 against a known truth and 0.143 between half-sets; or a curve, such as `information`.
        unit : {"px", "nm"}

        Returns
        -------
        float or None
            None if the curve never falls below: the detail is then limited by the pixels, not by the data.
            Infinite if it starts below.

        Raises
        ------
        InputError
            For nm, if the pixel size is not known.
        """
        if unit == "nm" and self.pixel_size is None:
            raise InputError("pixel_size", "not known", "Give it in nm, or ask for pixels")
        some = self.count > 0
        above = (self.correlation - np.asarray(threshold))[some]
        if not some.any() or above[0] < 0:
            return np.inf
        if above.min() >= 0:
            return None
        after = int(np.argmax(above < 0))
        part = above[after - 1] / (above[after - 1] - above[after])
        low, high = self.frequency[some][after - 1 : after + 1]
        return float((self.pixel_size if unit == "nm" else 1) / (low + part * (high - low)))

    def information(self, bits: float = 0.5) -> NDArray[np.float64]:
        """Threshold curve (shell,) at which the full set carries so many bits a sample: 0.5 and 1 are in use.

        For correlations of half-sets (van Heel and Schatz, J. Struct. Biol. 151, 250 (2005), eqs 13 to 17). It rises
        towards 1 in shells of few samples.
        """
        snr = (2**bits - 1) / 2  # of a half-set
        spread = 1 / np.sqrt(np.maximum(self.count, 1))
        return (snr + (2 * np.sqrt(snr) + 1) * spread) / (1 + snr + 2 * np.sqrt(snr) * spread)

    def of_full_set(self) -> "FSC":
        """From half-sets, the correlation of two full sets to be expected, 2 C / (1 + C), no less than -1.

        Two halves of the data have half the signal-to-noise ratio each (Rosenthal and Henderson, J. Mol. Biol. 333,
        721 (2003), appendix).
        """
        c = self.correlation
        return replace(self, correlation=np.where(c > -1 / 3, 2 * c / np.maximum(1 + c, 2 / 3), -1 + 0 * c))

    def with_truth(self) -> "FSC":
        """From half-sets, the expected correlation of the full set with the noise-free object, sqrt(2 C / (1 + C)).

        0 where the halves correlate negatively. A `GOLD_STANDARD` of 0.143 becomes 0.5 (as for `of_full_set`).
        """
        return replace(self, correlation=np.sqrt(np.maximum(self.of_full_set().correlation, 0)))


def fourier_shell_correlation(
    a: ArrayLike,
    b: ArrayLike,
    *,
    between: Between | NDArray[np.bool_] = "all",
    tilts: TiltSeries | ArrayLike | None = None,
    mask: ArrayLike | None = None,
    pixel_size: float | None = None,
) -> FSC:
    """Correlate two volumes over shells of equal spatial frequency.

    ``C = Re sum F_a conj(F_b) / sqrt(sum |F_a|^2 sum |F_b|^2)`` over each shell. The shells are as wide as the Fourier
    pixels of the longest axis, and hold what is nearest to their middle, whatever the lengths of the other axes.

    Parameters
    ----------
    a, b : array_like, (z, y, x)
        Real volumes of the same shape, in register.
    between : {"all", "measured", "missing wedge"}, or ndarray of bool, (z, y, x // 2 + 1)
        All Fourier points, or those that the tilts measured, or those that they did not, as `missing_wedge` has them;
        or the points of a half spectrum, zero frequency first.
    tilts : TiltSeries or array_like, optional
        What was measured: a series, angles (tilt,) about y, or Euler triples (tilt, 3), in degrees. Not needed for
        all points.
    mask : array_like, (z, y, x), optional
        Factors on both volumes. Make its edge soft: a sharp one correlates with itself.
    pixel_size : float, optional
        In nm.

    Returns
    -------
    FSC

    Raises
    ------
    InputError
        If the volumes are not of one shape or have values that are not finite, the mask is of another shape, or the
        tilts are missing.
    """
    a, b = _volumes(a, b, mask)
    region = _region(a.shape, between, tilts)
    at_a, at_b = (scipy.fft.rfftn(volume, workers=num_threads()) for volume in (a, b))
    size = max(a.shape)
    cross, power_a, power_b, count = _shell_sums(at_a, at_b, region, a.shape, size)[:, 1:]
    power = np.sqrt(power_a) * np.sqrt(power_b)
    correlation = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0).clip(-1, 1)
    correlation[count == 0] = np.nan
    frequency = np.arange(1, size // 2 + 1) / size
    return FSC(frequency, correlation, count, positive_or_none("pixel_size", pixel_size))


def _volumes(a: ArrayLike, b: ArrayLike, mask: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any]]:
    a, b = (as_real(name, v, ndim=3, axes="(z, y, x)") for name, v in (("a", a), ("b", b)))
    if a.shape != b.shape or max(a.shape) < 2:
        raise InputError("b", f"its shape is {b.shape}, that of a {a.shape}", "Give two volumes of the same shape")
    for name, volume in (("a", a), ("b", b)):
        if not np.isfinite(volume).all():
            raise InputError(name, "values that are not finite", "Give real numbers everywhere")
    if mask is None:
        return a, b
    mask = as_real("mask", mask, ndim=3, axes="(z, y, x)")
    if mask.shape != a.shape or not np.isfinite(mask).all():
        raise InputError("mask", f"its shape is {mask.shape}", f"Give finite factors of shape {a.shape}")
    return a * mask, b * mask


def _region(
    shape: tuple[int, ...], between: str | NDArray[Any], tilts: TiltSeries | ArrayLike | None
) -> NDArray[np.bool_]:
    """Points of the half spectrum to compare."""
    if isinstance(between, np.ndarray):
        return as_mask("between", between, half_shape(shape))
    if between not in get_args(Between):
        raise InputError("between", f"got {between!r}", f"Give one of {', '.join(get_args(Between))}")
    if between == "all":
        return np.broadcast_to(True, half_shape(shape))
    if tilts is None:
        raise InputError("tilts", "not given", "Give the series, or its angles, to tell what it measured")
    missing = missing_wedge(shape, tilts)
    return missing if between == "missing wedge" else ~missing


def _shell_sums(
    a: NDArray[Any], b: NDArray[Any], region: NDArray[np.bool_], shape: tuple[int, ...], size: int
) -> NDArray[np.float64]:
    """Sums over the shells 0 to size // 2: cross power, power of a, of b, and independent samples; (4, shell).

    A point of the half spectrum stands for its Hermitian mate too, except in the columns that hold both.
    """
    kz, ky, kx = frequencies(shape)
    across = (ky**2)[:, None] + kx**2
    weights = np.broadcast_to(np.where(self_paired(shape), 0.5, 1.0), across.shape)
    shells = size // 2 + 1
    sums = np.zeros((4, shells))
    for z, plane in enumerate(region):
        shell = np.rint(size * np.sqrt(kz[z] ** 2 + across)).astype(np.intp)
        use = plane & (shell < shells)
        shell, weight = shell[use], weights[use]
        at_a, at_b = a[z][use].astype(np.complex128), b[z][use].astype(np.complex128)
        for total, left, right in zip(sums, (at_a, at_a, at_b), (at_b, at_a, at_b), strict=False):
            total += np.bincount(shell, weight * (left.real * right.real + left.imag * right.imag), minlength=shells)
        sums[3] += np.bincount(shell, weight, minlength=shells)
    return sums
