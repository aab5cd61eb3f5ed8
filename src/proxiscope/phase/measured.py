"""A pattern on the spectrum of its object, where the kernels work."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import place
from ..core.threads import elementwise, suited
from ..physics.fourier import half, opposite, self_paired
from ..physics.on_device import fourier_transform
from . import kernels
from .problem import DiffractionPattern


class Measured:
    """What was measured, on the half spectrum of a real object or the spectrum of a complex one.

    Parameters
    ----------
    pattern : DiffractionPattern
    device : Device
        Where the arrays lie.

    Attributes
    ----------
    transform : FourierTransform
    magnitudes : ndarray, float32, shape of the spectrum
        What the magnitude constraint uses: of a real object the mean of b(k) and b(-k) where both are known. -1
        where nothing is, or where it is held out.
    parts : list of ndarray, float32, shape of the spectrum
        The used magnitudes at k and, of a real object, at -k; -1 elsewhere, so that each counts once.
    has_free : bool
        Whether pixels are held out.
    """

    def __init__(self, pattern: DiffractionPattern, device: str = "cpu"):
        self.device, self.transform = device, fourier_transform(pattern.shape, pattern.real, device)
        held_out = pattern.held_out
        used = pattern.known if held_out is None else pattern.known & ~held_out
        self.has_free = held_out is not None
        self.parts, self.magnitudes = self._parts(pattern.magnitudes, used)
        self._seen_sum = float(pattern.magnitudes.sum(dtype=np.float64, where=used))
        if held_out is not None:
            self._free, _ = self._parts(pattern.magnitudes, held_out)
            self._free_sum = float(pattern.magnitudes.sum(dtype=np.float64, where=held_out)) or 1.0

    def _parts(self, b: NDArray[Any], which: NDArray[Any]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        """The marked magnitudes at k and at -k, -1 elsewhere, so that each counts once; and their mean."""
        parts, mean = self._on_spectrum(b, which)
        return [place(part, self.device) for part in parts], place(mean, self.device)

    def _on_spectrum(self, b: NDArray[Any], which: NDArray[Any]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        marked = np.where(which, b, np.float32(-1))
        if not self.transform.real:
            whole = np.fft.ifftshift(marked)
            return [whole], whole
        plus, minus = half(marked), half(opposite(marked))
        mean = np.where(plus < 0, minus, np.where(minus < 0, plus, (plus + minus) / 2))
        minus[..., self_paired(b.shape)] = -1
        return [plus, minus], mean

    def r_factors(self, spectrum: NDArray[Any]) -> tuple[float, float]:
        """R-factor (eq. 2.21) of a spectrum over the pixels that are used, and over those held out (else NaN)."""
        r_factor = _misfit(spectrum, self.parts) / self._seen_sum
        return r_factor, _misfit(spectrum, self._free) / self._free_sum if self.has_free else math.nan

    def impose(self, spectrum: NDArray[Any]) -> NDArray[Any]:
        """Project onto the measured magnitudes, in place."""
        elementwise(kernels.impose_magnitudes, (spectrum, self.magnitudes))
        return spectrum


def _misfit(spectrum: NDArray[Any], parts: list[NDArray[Any]]) -> float:
    misfit = suited(kernels.misfit, spectrum)
    return float(sum(misfit(spectrum.reshape(-1), b.reshape(-1)) for b in parts))
