"""Where the centre of a pattern lies."""

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core import InputError
from ..core.threads import num_threads

LARGEST = 2**21
"""Pixels whose symmetry is judged; of a larger pattern, those around its centre of mass."""

OVERLAP = 0.25
"""Share of the largest overlap of a pattern and its inversion below which likeness means nothing."""


def by_mass(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The centre of mass (axis,) of what is positive, of the usable pixels."""
    weights = np.where(valid, np.maximum(values, 0), 0).astype(np.float64)
    total = weights.sum()
    if not total:
        raise InputError("images", "no usable pixel is positive", "Check the data")
    axes = range(values.ndim)
    along = [weights.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes]
    return np.array([(line @ np.arange(len(line))) / total for line in along])


def by_peak(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The centre of mass (axis,) of the brightest peak above half its height, but of no lone bright pixel."""
    smooth = scipy.ndimage.uniform_filter(np.where(valid, np.maximum(values, 0), 0), 3, mode="constant")
    top = np.unravel_index(int(smooth.argmax()), smooth.shape)
    if not smooth[top] > 0:
        raise InputError("images", "no usable pixel is positive", "Check the data")
    window: Any = tuple(slice(max(0, t - 8), t + 9) for t in top)
    near = smooth[window]
    at = tuple(int(t) - part.start for t, part in zip(top, window, strict=True))
    regions, _ = scipy.ndimage.label(near > near[at] / 2)
    weights = np.where(regions == regions[at], near - near[at] / 2, 0)
    return by_mass(weights, np.ones(weights.shape, bool)) + [part.start for part in window]


def by_symmetry(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The point (axis,) about which inversion leaves a pattern most alike.

    For every point, the correlation coefficient of the square roots of the intensities with those of the inverted
    pattern, over the pixels that are usable in both. Transforms give it for all points, at half pixels, at once.
    """
    offset = np.zeros(values.ndim, int)
    if values.size > LARGEST:
        region = _around(by_mass(values, valid), values.shape)
        offset, values, valid = np.array([part.start for part in region]), values[region], valid[region]
    root = np.sqrt(np.maximum(values, 0)) * valid
    root = (root - root[valid].mean()) * valid  # keeps rounding errors of the transforms small
    likeness = _likeness(root, valid)
    best = np.array(np.unravel_index(int(likeness.argmax()), likeness.shape))
    return _refined(root, valid, best) / 2 + offset


def _around(point: NDArray[Any], shape: tuple[int, ...]) -> tuple[slice, ...]:
    side = int(LARGEST ** (1 / len(shape)))
    sizes = [min(n, side) for n in shape]
    starts = [int(np.clip(round(p) - s // 2, 0, n - s)) for p, s, n in zip(point, sizes, shape, strict=True)]
    return tuple(slice(a, a + s) for a, s in zip(starts, sizes, strict=True))


def _likeness(root: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Correlation coefficients at sums of coordinates k + k', each axis 2n - 1 long."""
    full = tuple(2 * n - 1 for n in root.shape)
    fast = [scipy.fft.next_fast_len(n, real=True) for n in full]
    mask = valid.astype(np.float32)
    a, m, square = (scipy.fft.rfftn(x, fast, workers=num_threads()) for x in (root, mask, root**2))
    cut = tuple(map(slice, full))

    def pairs(product: NDArray[Any]) -> NDArray[np.float64]:
        return scipy.fft.irfftn(product, fast, workers=num_threads())[cut].astype(np.float64)

    number = np.maximum(pairs(m * m), 1)
    mean = pairs(a * m) / number
    variance = pairs(square * m) / number - mean**2
    covariance = pairs(a * a) / number - mean**2
    floor = 1e-3 * float(root[valid].var())
    enough = (number > OVERLAP * number.max()) & (variance > floor)
    if not enough.any():
        raise InputError("images", "the pattern is flat", "Check the data, or give the position of the centre")
    # where little of the light is paired, a smooth slope may match another
    energy = variance * number
    share = np.sqrt(np.clip(energy / energy[enough].max(), 0, 1))
    return np.where(enough, covariance / np.maximum(variance, floor) * share, -1)


def _refined(root: NDArray[np.float32], valid: NDArray[np.bool_], best: NDArray[np.intp]) -> NDArray[np.float64]:
    """The sum k + k' (axis,) of coordinates at which mates differ least, to a fraction of a pixel.

    The same pixels are compared for all sums around the best one: were those beside a beamstop to come and go, their
    brightness would shift the minimum. Noise of counts adds as much to all of them, for it is even in square roots.
    """
    steps = list(np.ndindex((3,) * root.ndim))
    for _ in range(4):
        first = np.maximum(best + 2 - root.shape, 0)
        last = np.minimum(best - 1, np.array(root.shape) - 1)
        sums = [best + step - 1 for step in steps]
        here = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
        there = [tuple(slice(c - b, c - a + 1) for a, b, c in zip(first, last, at, strict=True)) for at in sums]
        both = np.logical_and.reduce([valid[here], *(np.flip(valid[region]) for region in there)])
        if both.sum() < 100:
            break
        plain = root[here][both].astype(np.float64)
        misfit = [np.mean((plain - np.flip(root[region])[both]) ** 2) for region in there]
        move = _top(-np.reshape(misfit, (3,) * root.ndim))
        if np.abs(move).max() <= 0.6:
            return best + move
        best = np.clip(best + np.rint(move).astype(int), 1, 2 * np.array(root.shape) - 3)
    return best.astype(np.float64)


def _top(near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offset (axis,) from the middle of 3 values along each axis of the top of a quadratic through them."""
    ndim = near.ndim
    grid = np.stack(np.meshgrid(*[np.arange(-1, 2)] * ndim, indexing="ij")).reshape(ndim, -1).astype(float)
    pairs = [(i, j) for i in range(ndim) for j in range(i, ndim)]
    terms = np.stack([np.ones(3**ndim), *grid, *(grid[i] * grid[j] for i, j in pairs)], axis=1)
    fit = np.linalg.lstsq(terms, near.ravel(), rcond=None)[0]
    hessian = np.zeros((ndim, ndim))
    for (i, j), value in zip(pairs, fit[1 + ndim :], strict=True):
        hessian[i, j] += value
        hessian[j, i] += value
    if not (np.linalg.eigvalsh(hessian) < 0).all():
        return np.zeros(ndim)
    return np.clip(-np.linalg.solve(hessian, fit[1 : 1 + ndim]), -1, 1)
