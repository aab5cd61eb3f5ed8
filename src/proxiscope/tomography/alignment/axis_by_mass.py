"""Where the tilt axis lies: its angle in the images, and how far it passes from their middle."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problem import TiltSeries
from .axis import axis_angle, to_images, with_axis_at
from .mass import common_rows, object_mass
from .working import Source, Tick, WorkingCopy, silent

_PASSES = 8
_SETTLED = 0.005  # degrees
_FAINT = 0.05  # of the heaviest row
_SIGNIFICANT = 3.0  # standard errors


def tilt_axis_by_mass(series: TiltSeries, *, tick: Tick = silent) -> TiltSeries:
    """The series with its tilt axis at the angle that the centres of mass of its rows tell, and shifts that fit it.

    About an axis along y the centre of mass of each row moves along a sinusoid around the same line x = 0. Where the
    sinusoids of higher rows lie further to one side, the axis is inclined by as much. An inclination within three
    standard errors, as short objects have, is no finding: the angle then stays.

    Parameters
    ----------
    series : TiltSeries
        Of an object with nothing to its left and right, in register (`cross_correlation`).
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    """
    source, start, shifts = Source.of(series), axis_angle(series), series.shifts
    degrees = start
    for k in range(_PASSES):
        inclination, error, middle = _by_rows(source.moved(shifts, degrees))
        moves = np.stack([np.zeros_like(middle), middle], axis=1)
        shifts = shifts + to_images(moves, degrees)
        found = degrees + inclination
        if abs(found - start) < _SIGNIFICANT * error:
            found = start
        settled, degrees = abs(found - degrees) < _SETTLED, found
        tick((k + 1) / _PASSES)
        if settled:
            break
    return with_axis_at(series.copy_with(shifts=shifts), degrees)


def axis_by_rows(series: TiltSeries) -> tuple[float, float]:
    """Angle of the tilt axis from y by the centres of mass of rows, and its standard error, in degrees.

    One step of `tilt_axis_by_mass`, from the axis and the shifts of the series.
    """
    copy = WorkingCopy.of(series)
    inclination, error, _ = _by_rows(copy)
    return axis_angle(series) + inclination, error


def _by_rows(copy: WorkingCopy) -> tuple[float, float, NDArray[np.float64]]:
    """Angle from y to the axis and its standard error in degrees, and where it passes the middle row (tilt,)."""
    rows, used = np.flatnonzero(common_rows(copy)), np.flatnonzero(copy.used)
    ny, nx = copy.images.shape[1:]
    masses = np.stack([object_mass(copy.images[t])[rows] for t in used])
    mass = masses.sum(axis=2)
    middle = np.zeros(len(copy.images))
    bright = mass.min(axis=0) > _FAINT * mass.mean(axis=0).max()
    if bright.sum() < 3 or len(used) < 4:
        return 0.0, np.inf, middle
    weight, y = mass[:, bright].mean(axis=0), (rows - ny // 2)[bright]
    centres = _off_sinusoids(masses[:, bright] @ (np.arange(nx) - nx // 2) / mass[:, bright], copy.angles[used])
    constant = _off_sinusoids(np.ones(len(used)), copy.angles[used])
    height = y - np.average(y, weights=weight)
    slopes = centres @ (weight * height) / (weight @ height**2)  # of each tilt, in pixels per row
    power = constant @ constant
    slope = constant @ slopes / power
    error = np.sqrt(((slopes - slope * constant) ** 2).sum() / (len(used) - 3) / power)
    middle[used] = centres @ weight / weight.sum()
    return float(-np.rad2deg(np.arctan(slope))), float(np.rad2deg(error)), middle


def _off_sinusoids(values: NDArray[Any], angles: NDArray[Any]) -> NDArray[np.float64]:
    """What no a cos(theta) + b sin(theta) explains of values (tilt, ...)."""
    theta = np.deg2rad(angles)
    terms = np.stack([np.cos(theta), np.sin(theta)], axis=1)
    return values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0]
