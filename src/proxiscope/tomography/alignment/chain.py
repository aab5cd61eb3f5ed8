"""The alignment of a tilt series by the steps that suit it, with nothing to be chosen."""

from collections.abc import Callable

from ..problem import TiltSeries
from .axis_by_correlation import tilt_axis_by_correlation
from .axis_by_misfit import SIZE, tilt_axis_by_misfit
from .mass import centre_of_mass
from .matching import default_binnings, projection_matching
from .neighbours import cross_correlation
from .profiles import common_line
from .working import Tick, isolated, silent


def align(
    series: TiltSeries,
    *,
    refine_axis: bool = True,
    tick: Tick = silent,
    watch: Callable[[TiltSeries, float], object] | None = None,
) -> TiltSeries:
    """The series with its shifts and its tilt axis found; `apply_shifts` then moves the images.

    Cross-correlation of neighbouring tilts brings the images into register. Of an object that nothing lies beside, the
    profiles along the axis and the centres of mass then tell the shifts along it and across it, and the axis is where
    reconstructions miss the images by the least. Of a film, the images correlate best when stretched across the axis.
    Projection matching refines the shifts.

    Parameters
    ----------
    series : TiltSeries
        Of one tilt axis, known to some degrees. Its shifts and its axis are where to start.
    refine_axis : bool
        Also the angle of the axis in the images.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    watch : callable, optional
        Called after each round of projection matching with the series as aligned so far and its R-factor.
    """

    def part(first: float, last: float) -> Tick:
        return lambda fraction: tick(first + (last - first) * fraction)

    alone = isolated(series)
    if not alone:
        series = _film(series, refine_axis, part(0, 0.4))
        return projection_matching(series, tick=part(0.4, 1), watch=watch)
    series = cross_correlation(series, tick=part(0, 0.1))
    series = _centred(series)
    if refine_axis:
        series = _centred(tilt_axis_by_misfit(series, tick=part(0.15, 0.3)))
        coarse = default_binnings(series)[:1]
        for size, done in ((SIZE, 0.3), (2 * SIZE, 0.4)):  # a better axis gives better shifts, and these an axis
            middle = done + 0.04
            series = projection_matching(series, binnings=coarse, tick=part(done, middle), watch=watch)
            series = tilt_axis_by_misfit(series, angle_step=1, size=size, tick=part(middle, done + 0.1))
    return projection_matching(series, tick=part(0.5, 1), watch=watch)


def _film(series: TiltSeries, refine_axis: bool, tick: Tick) -> TiltSeries:
    """The series of a film in register with its neighbours; each better axis gives better shifts, and these an axis."""
    series = cross_correlation(series, stretch=True)
    for done, step in enumerate((4, 2, 1) if refine_axis else (), start=1):
        series = tilt_axis_by_correlation(series, angle_step=step)
        series = cross_correlation(series, stretch=True)
        tick(done / 3)
    return series


def _centred(series: TiltSeries) -> TiltSeries:
    """The series of an isolated object, with its profiles along the axis in register and its mass on the axis."""
    return centre_of_mass(common_line(series))
