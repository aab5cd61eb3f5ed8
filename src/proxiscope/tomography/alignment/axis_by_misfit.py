"""The tilt axis by which a series is most consistent: its reconstruction then misses the images by the least."""

from dataclasses import replace

import numpy as np
import scipy

from ...core.algorithm import iterate
from ..problem import TiltSeries
from ..resire_accelerated import AcceleratedRESIRE
from .axis import axis_angle, to_images, with_axis_at
from .search import TRIALS, least
from .working import Source, Tick, silent

SIZE = 32
"""Pixels that images are binned to, at least: enough to come within a fraction of a degree."""

ITERATIONS = 60
"""Of each reconstruction. What it has not yet fitted looks like an inclined axis: fewer are off by more."""

_BLUR = 1.0  # binned pixels; an interpolation of blurred images takes no noise away, which would pass for a better fit


def tilt_axis_by_misfit(
    series: TiltSeries,
    *,
    angle_step: float | None = 4.0,
    offset_step: float | None = None,
    size: int = SIZE,
    positivity: bool = True,
    tick: Tick = silent,
) -> TiltSeries:
    """The series with its tilt axis at the angle, and the distance from the middle, of the least misfit.

    Each trial reconstructs from binned images. The angle is that of an axis through the rotation centres, wherever
    the shifts have them.

    Parameters
    ----------
    series : TiltSeries
        In register to about a pixel. Its axis is where to start.
    angle_step : float, optional
        First step of the search in degrees; it goes on further where the misfit falls. None leaves the angle.
    offset_step : float, optional
        Likewise for the distance by which the axis passes the rotation centres, the same in all images, in pixels.
        None, the default, leaves that: `projection_matching` finds it with the other shifts.
    size : int
        Pixels that images are binned to, at least. More tell the angle better where details lie at random in them.
    positivity : bool
        Of the reconstructions.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    binning = max(1, min(series.shape[1:]) // size)
    source = Source.of(series).binned(binning)
    source = replace(source, images=scipy.ndimage.gaussian_filter(source.images, (0, _BLUR, _BLUR)))
    method = AcceleratedRESIRE(max_iterations=ITERATIONS, positivity=positivity)
    degrees, shifts = axis_angle(series), series.shifts
    usual = TRIALS * ((angle_step is not None) + (offset_step is not None)) * ITERATIONS
    done = 0

    def misfit(angle: float, offset: float) -> float:
        nonlocal done
        centres = shifts + to_images([0, offset], angle)
        value = np.inf
        for progress in iterate(method, source.moved(centres / binning, angle).as_series()):
            done += 1
            tick(min(done / usual, 1.0))
            value = progress.metrics["misfit"]
        return value

    if angle_step is not None:
        degrees = least(lambda angle: misfit(angle, 0.0), degrees, angle_step)
    if offset_step is not None:
        shifts = shifts + to_images([0, least(lambda offset: misfit(degrees, offset), 0.0, offset_step)], degrees)
    tick(1.0)
    return with_axis_at(series.copy_with(shifts=shifts), degrees)
