"""The tilt axis of a film or a section: stretched across the right axis, its images are most alike."""

import numpy as np

from ..problem import TiltSeries
from .axis import axis_angle, with_axis_at
from .neighbours import stretched_spectra
from .registration import displacements
from .search import TRIALS, least
from .working import Source, Tick, silent

SIZE = 128
"""Pixels that images are binned to, at least."""

_REACH = range(3, 9)
"""Neighbours that are compared: nearer ones hardly differ in their stretch, those further off have little in common."""


def tilt_axis_by_correlation(series: TiltSeries, *, angle_step: float = 4.0, tick: Tick = silent) -> TiltSeries:
    """The series with its tilt axis at the angle at which its images correlate best.

    Each trial stretches the images by 1 / cos(theta) across an axis and correlates neighbours.

    Parameters
    ----------
    series : TiltSeries
        Of a film or a section, in register (`cross_correlation` with `stretch`). Its axis is where to start.
    angle_step : float
        First step of the search in degrees; it goes on further where the correlation rises.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    binning = max(1, min(series.shape[1:]) // SIZE)
    source = Source.of(series).binned(binning)
    done = 0

    def unlike(angle: float) -> float:
        nonlocal done
        order, spectra = stretched_spectra(source.moved(series.shifts / binning, angle), stretch=True)
        pairs = np.array([(i, i + n) for n in _REACH for i in range(len(order) - n)]).reshape(-1, 2)
        done += 1
        tick(min(done / TRIALS, 1.0))
        return -float(displacements(spectra, spectra, pairs)[1].mean()) if len(pairs) else 0.0

    degrees = least(unlike, axis_angle(series), angle_step)
    tick(1.0)
    return with_axis_at(series, degrees)
