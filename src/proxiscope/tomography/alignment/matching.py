"""Shifts by which the images match the projections of their own reconstruction.

Each round reconstructs from the images as aligned so far, projects the volume, and moves each image towards its
projection (D. Gursoy et al., Sci. Rep. 7, 11818 (2017)). Images are binned at first: large errors go before fine ones.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...core.algorithm import iterate
from ...core.threads import parallel
from ..problem import TiltSeries
from ..resire_accelerated import AcceleratedRESIRE
from .axis import axis_angle, to_images
from .gauge import object_shift
from .mixing import Mixing
from .working import Source, Tick, WorkingCopy, silent

ITERATIONS = 20
"""Of the reconstruction in each round: enough for the object, too few for what each image alone would have of it."""

COARSEST, FINEST = 48, 128
"""Pixels that images have at least at the first binning, and at the last one if there are as many."""

_BLUR = 0.7  # binned pixels: of the images that are compared, as their slopes are differences
_LARGEST = 2.0  # binned pixels that an image moves in a plain round
_SETTLED = 0.01  # binned pixels: what is left to go at the end of a binning


def projection_matching(
    series: TiltSeries,
    *,
    binnings: tuple[int, ...] | None = None,
    rounds: int = 15,
    positivity: bool = True,
    tick: Tick = silent,
    watch: Callable[[TiltSeries, float], object] | None = None,
) -> TiltSeries:
    """The series with shifts by which it agrees best with its own reconstruction.

    The images are interpolated once a round, always from those recorded: the projector of a single axis is so much
    faster than one that knows shifts.

    Parameters
    ----------
    series : TiltSeries
        In register to a few pixels (`cross_correlation`), its axis known. Its shifts are where to start.
    binnings : tuple of int, optional
        Factors by which images are blurred and thinned out, one after the other; by default powers of two by the size
        of the images.
    rounds : int
        At each binning at the most.
    positivity : bool
        Of the reconstructions.
    tick : callable, optional
        Called with the fraction done; what it raises ends the work.
    watch : callable, optional
        Called after each round with the series as aligned so far and the R-factor of its reconstruction.
    """
    source, degrees, shifts = Source.of(series), axis_angle(series), series.shifts
    method = AcceleratedRESIRE(max_iterations=ITERATIONS, positivity=positivity)
    binnings = default_binnings(series) if binnings is None else binnings
    costs = np.repeat([1 / b**3 for b in binnings], rounds)
    done = np.concatenate([[0], np.cumsum(costs)]) / costs.sum()
    for level, binning in enumerate(binnings):
        coarse, mixing = source.binned(binning), Mixing()
        for k in range(rounds):
            first, last = done[level * rounds + k : level * rounds + k + 2]
            copy = coarse.moved(shifts / binning, degrees)
            projected, r_factor = _reprojected(copy, method, partial(_part, tick, first, last))
            moves = _moves(copy, projected)
            moves -= object_shift(moves, copy.angles, copy.used)
            change = mixing(shifts, to_images(binning * moves, degrees))
            shifts = shifts + change
            if watch is not None:
                watch(series.copy_with(shifts=shifts), r_factor)
            if np.abs(change).max() < _SETTLED * binning:
                break
    tick(1.0)
    return series.copy_with(shifts=shifts)


def default_binnings(series: TiltSeries) -> tuple[int, ...]:
    """Powers of two, the largest first."""
    first, last = (max(0, int(np.log2(min(series.shape[1:]) / size))) for size in (COARSEST, FINEST))
    return tuple(2**n for n in range(first, last - 1, -1))


def _reprojected(copy: WorkingCopy, method: AcceleratedRESIRE, tick: Tick) -> tuple[NDArray[np.float32], float]:
    """Projections (tilt, y, x) of a reconstruction, and its R-factor."""
    series = copy.as_series()
    for progress in iterate(method, series):
        tick(progress.iteration / progress.total)
    state: Any = progress.state
    projector = method.workspace(series, state).projector
    return projector.unpack_projections(projector.forward(state.volume)), state.r_factor


def _moves(copy: WorkingCopy, projected: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far the images lie off the projections, (along, across) the axis (tilt, 2): a Gauss-Newton step.

    Each image is fitted by its projection, shifted, times a factor.
    """
    moves = np.zeros((len(projected), 2))

    def one(t: int) -> None:
        image, along, across = (
            scipy.ndimage.gaussian_filter(projected[t], _BLUR, order) for order in (0, (1, 0), (0, 1))
        )
        residual = scipy.ndimage.gaussian_filter(copy.images[t], _BLUR) - image
        terms = np.stack([-along, -across, image])[:, copy.known[t]].astype(np.float64)
        moves[t] = np.linalg.lstsq(terms @ terms.T, terms @ residual[copy.known[t]], rcond=1e-6)[0][:2]

    parallel(one, [(t,) for t in np.flatnonzero(copy.used)])
    return moves.clip(-_LARGEST, _LARGEST)


def _part(tick: Tick, first: float, last: float, fraction: float) -> None:
    """Tell how far all is, of the fraction done of the part between `first` and `last`."""
    tick(first + (last - first) * fraction)
