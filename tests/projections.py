"""Volumes, their projections, and what else the tests of projectors share."""

import threading
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from proxiscope.physics.projectors import LinearOperator

SPECIAL_ANGLES = [0.0, 45.0, 90.0, 135.0, 180.0, -90.0, -45.0]


def random(shape: tuple[int, ...], seed: int = 0) -> NDArray:
    """Normal noise, float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def project(a: LinearOperator, volume: NDArray) -> NDArray:
    """Projections (tilt, y, x) of a volume (z, y, x)."""
    return a.unpack_projections(a.forward(a.pack_volume(volume)))


def back_project(a: LinearOperator, projections: NDArray) -> NDArray:
    """Volume (z, y, x) of projections (tilt, y, x)."""
    return a.unpack_volume(a.adjoint(a.pack_projections(projections)))


def relative(a: NDArray, b: NDArray) -> float:
    """|a - b| / |b|."""
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))


def adjointness(a: LinearOperator, seed: int = 0) -> float:
    """|<A x, y> - <x, A* y>| of random x and y, in units of |A x| |y| + 1; in the layouts of the projector."""
    tilts, volume = a.range_shape[1 if len(a.range_shape) == 4 else 0], a.volume
    x, y = a.pack_volume(random(volume, seed)), a.pack_projections(random((tilts, *a.shape), seed + 1))
    assert x.shape == a.domain_shape
    assert y.shape == a.range_shape
    ax, ay = a.forward(x), a.adjoint(y)
    difference = np.vdot(ax.astype(float), y) - np.vdot(x.astype(float), ay)
    return abs(difference) / (1 + np.linalg.norm(ax) * np.linalg.norm(y))


def blobs(nz: int, ny: int, nx: int, radius: float = 0.6) -> NDArray:
    """A few Gaussians, wide enough for linear interpolation, inside `radius` of the central cylinder."""
    rng = np.random.default_rng(1)
    z, y, x = (np.arange(n) - n // 2 for n in (nz, ny, nx))
    volume = np.zeros((nz, ny, nx), np.float32)
    for _ in range(6):
        r, t, h = radius * min(nz, nx) / 2 * rng.random(), 2 * np.pi * rng.random(), ny * (rng.random() - 0.5)
        squared = (z[:, None, None] - r * np.sin(t)) ** 2 + (y[:, None] - h) ** 2 + (x - r * np.cos(t)) ** 2
        volume += np.exp(-squared / (2 * 2.5**2)).astype(np.float32)
    return volume


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """What the calls return, each made in a Python thread of its own at the same time."""
    results: list[object] = [None] * len(calls)

    def work(i: int) -> None:
        results[i] = calls[i]()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def peak(call: Callable[[], object]) -> int:
    """Most bytes that `call` held at a time, beyond those held before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
