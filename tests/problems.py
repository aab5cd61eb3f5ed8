"""Small problems that tests share."""

from functools import cache

import numpy as np

from proxiscope.phase import DiffractionPattern
from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle
from proxiscope.tomography import TiltSeries


@cache
def small_pattern() -> DiffractionPattern:
    """48 x 40, noisy, with a beamstop: sizes differ, so that swapped axes show."""
    return diffraction_pattern(vesicle((18, 14)), (48, 40), flux=1e6, beamstop=1.5)


@cache
def small_series() -> TiltSeries:
    """21 tilts of 20 x 24 pixels with noise and a missing wedge."""
    return tilt_series(vesicle((24, 20, 24)), np.arange(-60, 61, 6.0), noise=0.1)


def problem_for(cls: type):
    """A problem that the algorithm `cls` takes."""
    return small_pattern() if cls.Problem is DiffractionPattern else small_series()


def scaled(problem, factor: float):
    """The same problem with its data multiplied by `factor`."""
    if isinstance(problem, DiffractionPattern):
        return DiffractionPattern(factor * problem.magnitudes, problem.support, problem.known)
    return TiltSeries(factor * problem.projections, problem.angles, valid=problem.valid)


def random_problem(cls: type, seed: int):
    """Noise of the right shape, which no object explains."""
    rng = np.random.default_rng(seed)
    problem = problem_for(cls)
    if isinstance(problem, DiffractionPattern):
        return DiffractionPattern(rng.random(problem.shape), problem.support)
    return TiltSeries(rng.standard_normal(problem.shape), problem.angles)
