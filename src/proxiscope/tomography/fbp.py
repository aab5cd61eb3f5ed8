"""Filtered back projection (Kak and Slaney, Principles of Computerized Tomographic Imaging, chapter 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core import Doc
from ..core.arrays import empty
from ..physics.projectors import SingleAxisProjector
from .base import Setup
from .direct import DirectTomography
from .problem import TiltSeries

Filter = Annotated[
    Literal["ram-lak", "shepp-logan", "cosine", "hann"], Doc("Window on the ramp filter, from sharp to smooth.")
]


@dataclass(frozen=True, kw_only=True)
class FBP(DirectTomography, name="fbp", title="Filtered back projection (FBP)"):
    """Filtered back projection: filter each projection, weigh it by the angle it stands for, smear it back.

    One pass; of constraints only the support, at the end. Quick, and good when many tilts cover the whole range; a
    missing wedge streaks.
    """

    use: ClassVar[str] = (
        "A first look, at once, about one axis and with many tilts. A missing wedge streaks, and noise is not held "
        "back."
    )

    filter: Filter = "ram-lak"

    def check_problem(self, problem: TiltSeries) -> None:
        """Raise InputError unless all tilts turn about y alone."""
        super().check_problem(problem)
        self.check_single_axis(problem)

    def back_project(self, series: TiltSeries, work: Setup, out: NDArray[Any]) -> None:
        """Filter along x, weigh by the angles, and interpolate at the voxels' shadows."""
        kept = work.kept > 0
        widths = np.zeros(len(kept))
        widths[kept] = angular_widths(series.angles[kept])
        measured = work.measured if work.valid is None else work.projector.pack_projections(series.projections)
        cast(SingleAxisProjector, work.projector).interpolate(_filtered(measured, self.filter, widths), out)


def angular_widths(angles: NDArray[Any]) -> NDArray[Any]:
    """Angle in radians that each tilt stands for: half the way to its neighbours, modulo 180 degrees.

    The widest gap is a missing wedge if it is wider than 2.5 usual steps. The tilts at its edges count as wide as
    the step on their other side. Repeated tilts share.
    """
    folded = np.mod(angles, 180.0)
    distinct, inverse, count = np.unique(folded.round(6), return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(angles), np.pi / len(angles))
    steps = np.diff(distinct, append=distinct[0] + 180)
    before, after = np.roll(steps, 1), steps.copy()
    gap = steps.argmax()
    if steps[gap] > 2.5 * np.median(steps):
        behind = (gap + 1) % len(steps)
        after[gap], before[behind] = before[gap], after[behind]
    return np.deg2rad(0.5 * (before + after) / count)[inverse]


def window(name: str, frequency: NDArray[Any]) -> NDArray[Any]:
    """Window of a filter at frequencies in cycles per pixel, 1 at zero; beyond 0.5 the value there."""
    frequency = np.minimum(np.abs(frequency), 0.5)
    windows: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
        "ram-lak": np.ones_like,
        "shepp-logan": np.sinc,
        "cosine": lambda f: np.cos(np.pi * f),
        "hann": lambda f: 0.5 * (1 + np.cos(2 * np.pi * f)),
    }
    return windows[name](frequency)


def ramp(size: int, name: str) -> NDArray[Any]:
    """Ramp filter on the half spectrum of `size` samples, from its band-limited kernel, with a window; float32."""
    n = np.arange(size)
    distance = np.minimum(n, size - n)
    kernel = np.where(distance % 2 == 1, -1 / (np.pi * np.maximum(distance, 1)) ** 2, 0.0)
    kernel[0] = 0.25
    return (scipy.fft.rfft(kernel).real * window(name, scipy.fft.rfftfreq(size))).astype(np.float32)


def _filtered(packed: NDArray[Any], name: str, widths: NDArray[Any]) -> NDArray[Any]:
    """Packed projections (block, tilt, x, slice), filtered along x and weighted."""
    columns = packed.shape[2]
    size = scipy.fft.next_fast_len(2 * columns, real=True)
    weights = ramp(size, name)[None, :, None] * widths.astype(np.float32)[:, None, None]
    filtered = empty(packed.shape, packed.dtype)
    for block, out in zip(packed, filtered, strict=True):
        spectrum = scipy.fft.rfft(block, n=size, axis=1)
        spectrum *= weights
        out[...] = scipy.fft.irfft(spectrum, n=size, axis=1, overwrite_x=True)[:, :columns]
    return filtered
