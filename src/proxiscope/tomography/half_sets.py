"""Reconstructions from two halves of the data, which agree on what the data say and not on their noise."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import InputError, Progress, Record, check, iterate
from .base import Tomography
from .correlation import FSC, Between, fourier_shell_correlation
from .problem import TiltSeries

_SAME_AXIS = 5.0
"""Degrees in phi and psi within which tilts are about the same axis."""


def split_tilts(series: TiltSeries) -> tuple[TiltSeries, TiltSeries]:
    """Two halves of a series: every other tilt in the order of angles, of each tilt axis by itself.

    Tilts without data, or held out, are in neither. Tilts are about one axis if phi and psi agree within 5 degrees.

    Parameters
    ----------
    series : TiltSeries
        With at least two tilts.

    Returns
    -------
    tuple of TiltSeries
        The half with the first tilt, and the other.

    Raises
    ------
    InputError
        If there are fewer than two tilts.
    """
    used = np.flatnonzero(series.used)
    if len(used) < 2:
        raise InputError("series", f"{len(used)} tilt to reconstruct from", "Give a series of at least two")
    rotations = series.rotations[used]
    order = used[np.lexsort((rotations[:, 1], _axes(rotations)))]
    return series.subset(np.sort(order[::2])), series.subset(np.sort(order[1::2]))


def _axes(rotations: NDArray[Any]) -> NDArray[np.intp]:
    """A number for each tilt (tilt,), the same where phi and psi are those of an earlier tilt; by rising phi, psi."""
    axes = np.zeros(len(rotations), np.intp)
    known: list[NDArray[Any]] = []
    pairs = rotations[:, [0, 2]]
    for tilt in np.lexsort(pairs.T[::-1]):
        apart = [np.abs((pairs[tilt] - one + 180) % 360 - 180).max() for one in known]
        near = int(np.argmin(apart)) if apart else 0
        if not apart or apart[near] > _SAME_AXIS:
            near = len(known)
            known.append(pairs[tilt])
        axes[tilt] = near
    return axes


def half_set_correlation(
    algorithm: Tomography[Any],
    series: TiltSeries,
    *,
    between: Between = "measured",
    mask: ArrayLike | None = None,
    callback: Callable[[int, Progress], object] | None = None,
) -> FSC:
    """Fourier shell correlation of the reconstructions from either half of a series: see `split_tilts`.

    It needs no known truth. The usual threshold is 0.143 (`GOLD_STANDARD`); `FSC.of_full_set` and `FSC.with_truth` say
    what all data would give. Trust it between the measured points only. In the missing wedge the halves agree on what
    the algorithm itself adds to both, such as the zeros that positivity makes, and look better than they are. And the
    halves measure different planes, which at high frequency lie a step apart: there they look worse.

    Parameters
    ----------
    algorithm : Tomography
        With its parameters, such as ``RESIRE(max_iterations=50)``.
    series : TiltSeries
    between : {"measured", "all", "missing wedge"}
        Fourier points that are compared, by the tilts of the whole series.
    mask : array_like, (z, y, x), optional
        Factors on both volumes, with a soft edge.
    callback : callable, optional
        Called with the half, 0 or 1, and the `Progress` of every iteration.

    Returns
    -------
    FSC
        With the pixel size of the series.

    Raises
    ------
    InputError, NotEnoughMemoryError
        If the series has fewer than two tilts, or the algorithm cannot take it.
    """
    halves = split_tilts(series)
    for half in halves:
        check(algorithm, half)
    volumes = [_reconstruct(algorithm, half, n, callback) for n, half in enumerate(halves)]
    return fourier_shell_correlation(*volumes, between=between, tilts=series, mask=mask, pixel_size=series.pixel_size)


def _reconstruct(
    algorithm: Tomography[Any], series: TiltSeries, half: int, callback: Callable[..., Any] | None
) -> NDArray[Any]:
    record = Record(algorithm)
    progress: Any = None
    for progress in iterate(algorithm, series):
        record.add(progress)
        if callback is not None:
            callback(half, progress)
    record.make_room(progress.state)
    return record.result(progress)[0]
