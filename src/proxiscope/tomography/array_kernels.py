"""What `kernels` does, by array operations on any device; volumes (z, y, x) and projections (tilt, y, x), one block."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import namespace_of, on_host


def subtract(calculated: Any, measured: Any, valid: Any, kept: Any) -> NDArray[np.float64]:
    """As `kernels.subtract`: the sums (1, tilt, 2) come to the host, the one transfer of an iteration."""
    xp = namespace_of(calculated)
    calculated -= measured
    if valid is not None:
        calculated *= valid
    double = xp.astype(calculated, xp.float64)  # float32 squares would underflow for small data
    sums = [xp.sum(xp.abs(calculated), axis=(1, 2), dtype=xp.float64), xp.sum(double * double, axis=(1, 2))]
    calculated *= kept[:, None, None]
    return np.array(on_host(xp.stack(sums, axis=-1)))[None]


def descend(volume: Any, gradient: Any, step: float | NDArray[Any], positivity: bool, weights: Any = None) -> None:
    """As `kernels.descend`, with a weight for each voxel if any."""
    volume -= _scaled(gradient, step, weights)
    _cut(volume, positivity)


def leap(
    volume: Any, previous: Any, gradient: Any, momentum: float | NDArray[Any], step: float | NDArray[Any],
    positivity: bool, weights: Any = None,
) -> None:  # fmt: skip
    """As `kernels.leap`, with a weight for each voxel if any."""
    _beyond(volume, previous, momentum)
    previous -= _scaled(gradient, step, weights)
    _cut(previous, positivity)


def extrapolate(residual: Any, previous: Any, momentum: float | NDArray[Any]) -> None:
    """As `kernels.extrapolate`."""
    _beyond(residual, previous, momentum)


def restrict(volume: Any, support: Any) -> None:
    """As `kernels.restrict`."""
    volume[~support] = 0


def multiply(one: Any, other: Any, out: Any) -> None:
    """out <- one * other."""
    out[...] = one * other


def normalise(volume: Any) -> float:
    """As `kernels.normalise`."""
    norm = float(namespace_of(volume).linalg.vector_norm(volume))
    volume /= max(norm, 1e-30)
    return norm


def _beyond(now: Any, before: Any, momentum: float | NDArray[Any]) -> None:
    """before <- now + momentum * (now - before)."""
    before -= now
    before *= -_number(momentum)
    before += now


def _scaled(gradient: Any, step: float | NDArray[Any], weights: Any) -> Any:
    return gradient * _number(step) if weights is None else gradient * weights * _number(step)


def _cut(volume: Any, positivity: bool) -> None:
    if positivity:
        volume[volume < 0] = 0


def _number(value: float | NDArray[Any]) -> float:
    """The value of the one block."""
    return float(np.asarray(value).reshape(()))
