"""Limited-memory quasi-Newton steps under lower bounds of zero.

The two-loop recursion (Nocedal and Wright, Numerical Optimization, algorithm 7.4) on the values that are free to
move, and a search along the projected step (Bertsekas, SIAM J. Control Optim. 20, 221 (1982)). SciPy's L-BFGS-B
does the same, but cannot be held and resumed between iterations.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ..core.arrays import copied, namespace_of, on_host

MEMORY = 10
"""Steps that the curvature is learnt from."""

SUFFICIENT = 1e-4
HALVINGS = 30

CONVERGED = 1e-9
"""Relative decrease of the cost below which a minimum is reached."""

Cost = Callable[[NDArray[Any]], tuple[float, NDArray[Any]]]


def step(cost: Cost, state: Any, bounded: NDArray[Any] | None) -> None:
    """One iteration, in place, unless `state.converged`: updates ``values``, ``gradient``, ``cost`` and the rest.

    Parameters
    ----------
    cost : callable
        Returns the cost of values and its gradient.
    state
        Its rows of `steps` and `changes` are empty (zero) or belong to earlier iterations, the newest first.
    bounded : ndarray of bool, optional
        Values that must stay non-negative.
    """
    if state.converged:
        return
    xp = namespace_of(state.values)
    gradient, steps, changes = state.gradient, state.steps, state.changes
    if bounded is not None:
        free = ~(bounded & (state.values <= 0) & (state.gradient > 0))
        gradient, steps, changes = (xp.where(free, a, 0) for a in (gradient, steps, changes))
    direction = -_inverse_hessian(gradient, steps, changes)
    if direction @ state.gradient >= 0:
        direction = -gradient
    length = 1.0 if xp.any(state.steps[0]) else _first_length(state.values, direction)
    for _ in range(HALVINGS):
        values = state.values + length * direction
        if bounded is not None:
            values = xp.where(bounded, xp.clip(values, 0, None), values)
        new_cost, gradient = cost(values)
        if new_cost <= state.cost + SUFFICIENT * (state.gradient @ (values - state.values)):
            _remember(state, values - state.values, gradient - state.gradient)
            state.converged = bool(state.cost - new_cost <= CONVERGED * abs(new_cost))
            state.values, state.gradient, state.cost = values, gradient, float(new_cost)
            return
        length /= 2
    state.converged = not xp.any(state.steps[0])  # else the curvature may have misled
    state.steps[...] = state.changes[...] = 0


def _first_length(values: NDArray[Any], direction: NDArray[Any]) -> float:
    """A step of a hundredth of the values, while nothing is known of the curvature."""
    return 0.01 * float(_norm(values) / (_norm(direction) or 1.0)) or 1.0


def _norm(vector: NDArray[Any]) -> NDArray[Any]:
    return namespace_of(vector).sqrt(vector @ vector)


def _remember(state: Any, change: NDArray[Any], gradient_change: NDArray[Any]) -> None:
    if change @ gradient_change > 0:
        state.steps[1:], state.changes[1:] = copied(state.steps[:-1]), copied(state.changes[:-1])
        state.steps[0], state.changes[0] = change, gradient_change


def _inverse_hessian(gradient: NDArray[Any], steps: NDArray[Any], changes: NDArray[Any]) -> NDArray[Any]:
    """The gradient times the inverse Hessian that the steps tell."""
    q, pairs = copied(gradient), []
    for s, y, curvature in _learnt(steps, changes):
        alpha = (s @ q) / curvature
        q -= alpha * y
        pairs.append((s, y, curvature, alpha))
    if pairs:
        s, y, curvature, _ = pairs[0]
        q *= curvature / (y @ y)
    for s, y, curvature, alpha in reversed(pairs):
        q += (alpha - (y @ q) / curvature) * s
    return q


def _learnt(steps: NDArray[Any], changes: NDArray[Any]) -> list[tuple[Any, ...]]:
    """Each step that tells a curvature, with its change of the gradient and the product of both."""
    xp = namespace_of(steps)
    products = [s @ y for s, y in zip(steps, changes, strict=True)]
    least = [1e-12 * _norm(s) * _norm(y) for s, y in zip(steps, changes, strict=True)]
    told = on_host(xp.stack(products) > xp.stack(least))  # from a device in one go
    return [pair for pair, tells in zip(zip(steps, changes, products, strict=True), told, strict=True) if tells]
