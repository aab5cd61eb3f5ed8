"""The viscosity solution of the Hamilton-Jacobi equation behind Laplacian smoothing (thesis sections 5.2.1 and 5.4.1).

u_t + <grad u, A_sigma^-1 grad u> / 2 = 0 with u = f at t = 0 (eq. 5.1) has the solution of Hopf and Lax,
u(w, t) = min over v of f(v) + (v - w)^T A_sigma (v - w) / 2t (eq. 5.2). The f of figure 5.7 depends on |v| alone, which
leaves a search in one dimension: what the quadratic form costs at least for each length of v.
"""

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from . import _hopf_lax

DIMENSIONS = 5
"""Of figure 5.7."""

Direction = Literal["e1", "diagonal"]
"""The first axis, and (1, ..., 1), along which A_sigma does nothing."""

_NODES = 512
_LONGEST = math.sqrt(3)
"""How much longer v may be than w: |v|^2 / 2 <= f(v) <= f(w) <= 3 |w|^2 / 2."""

_HALVINGS = 52


def objective(distances: ArrayLike) -> NDArray[np.float64]:
    """f(w) = |w|^2 (1 + sin(2 pi |w|) / 2) of figure 5.7, for distances |w| from the origin."""
    rho = np.asarray(distances, float)
    return rho**2 * (1 + np.sin(2 * np.pi * rho) / 2)


def direction(name: Direction, dimensions: int = DIMENSIONS) -> NDArray[np.float64]:
    """The unit vector of that name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in get_args(Direction):
        raise InputError("direction", f"got {name!r}", f"Choose one of {', '.join(get_args(Direction))}")
    return np.eye(dimensions)[0] if name == "e1" else np.full(dimensions, dimensions**-0.5)


def in_plane(first: NDArray[Any], second: NDArray[Any], angles: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (angle, d) in the plane of two directions (d,), at angles in radians from the first one."""
    across = second - (second @ first) * first
    across /= np.linalg.norm(across)
    return np.multiply.outer(np.cos(angles), first) + np.multiply.outer(np.sin(angles), across)


class ViscositySolution:
    """u(w, t) at points along rays from the origin, for any t.

    With A_sigma = Q diag(lambda) Q^T, the v of a given length with the smallest (v - w)^T A_sigma (v - w) has in this
    basis the components lambda_i w_i / (lambda_i - mu), mu < lambda_min = 1. Both scale with |w|: a table for each
    direction serves all distances and all t.

    Parameters
    ----------
    directions : array_like, (m, d)
        Unit vectors.
    distances : array_like, (n,)
        From the origin; the sign does not matter.
    sigma : float
        Strength of the smoothing, >= 0; with 0, u is the Moreau envelope of f.

    Raises
    ------
    InputError
        If `sigma` is negative, or directions or distances have other axes.
    """

    def __init__(self, directions: ArrayLike, distances: ArrayLike, sigma: float = 1.0):
        directions = np.asarray(directions, float)
        if directions.ndim != 2 or directions.size == 0:
            raise InputError("directions", f"an array of shape {directions.shape}", "Give unit vectors (m, d)")
        if not 0 <= sigma < math.inf:
            raise InputError("sigma", f"got {sigma}", "Give a finite number >= 0")
        self.distances = np.abs(np.asarray(distances, float))
        if self.distances.ndim != 1:
            raise InputError("distances", f"an array of shape {self.distances.shape}", "Give numbers (n,)")
        lengths = np.linspace(0, _LONGEST, _NODES)
        self._spacing = lengths[1]
        self._heights = objective(np.multiply.outer(self.distances, lengths))
        self._penalties, self._slopes = _penalties(*_eigen(directions, sigma), lengths)

    def __call__(self, t: float) -> NDArray[np.float64]:
        """u (m, n) at the time `t`, >= 0; in 5 dimensions with sigma = 1 right to 1e-7, for t below 1e-5 to 1e-5.

        Raises
        ------
        InputError
            If `t` is negative.
        """
        if not 0 <= t < math.inf:
            raise InputError("t", f"got {t}", "Give a finite number >= 0")
        if t == 0:
            return np.broadcast_to(objective(self.distances), (len(self._penalties), self.distances.size)).copy()
        u = np.empty((len(self._penalties), self.distances.size))
        _hopf_lax.minimise(self._heights, self.distances, self._spacing, self._penalties, self._slopes, t, u)
        return u


def _eigen(directions: NDArray[Any], sigma: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues (d,) of A_sigma, the lowest first, and components (m, d) of the directions, none negative."""
    d = directions.shape[1]
    second = 2 * np.eye(d) - np.roll(np.eye(d), 1, axis=0) - np.roll(np.eye(d), -1, axis=0)
    values, vectors = np.linalg.eigh(np.eye(d) + sigma * second)
    values[0] = 1  # which rounding may leave a little below
    return values, np.abs(directions @ vectors)


def _penalties(
    eigenvalues: NDArray[Any], components: NDArray[Any], lengths: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The smallest (v - w)^T A (v - w) (m, length) over all v of a length, and how it changes with that.

    The multiplier mu = 1 - 1/x is found by bisection for x. If w has no component along the lowest eigenvector, v is
    no longer than a certain length for any x; the rest of it then lies along that vector.
    """
    low, high = np.zeros((2, len(components), len(lengths)))
    high += 1  # of x / (1 + x)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = (_minimiser(eigenvalues, components, middle) ** 2).sum(axis=0) < lengths**2
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    v = _minimiser(eigenvalues, components, low)
    v[0] = np.sqrt(np.maximum(lengths**2 - (v[1:] ** 2).sum(axis=0), 0))
    away = v - components.T[:, :, None]
    penalties = np.einsum("i,imn,imn->mn", eigenvalues, away, away)
    # d penalty / d length = 2 mu length, where length / x tends to |A w| as both tend to 0
    ratio = np.divide(lengths * (1 - low), low, out=np.zeros_like(low), where=low > 0)
    ratio[:, 0] = np.linalg.norm(components * eigenvalues, axis=1)
    return penalties, 2 * (lengths - ratio)


def _minimiser(eigenvalues: NDArray[Any], components: NDArray[Any], fraction: NDArray[Any]) -> NDArray[Any]:
    """lambda_i w_i / (lambda_i - mu) (d, m, length) for mu = 1 - 1/x, with x = fraction / (1 - fraction)."""
    each = eigenvalues[:, None, None]
    return each * components.T[:, :, None] * fraction / ((each - 1) * fraction + (1 - fraction))
