"""What `total_variation` does, by array operations on any device."""

from typing import Any

from ..core.arrays import namespace_of
from .total_variation import CURVATURE


def total_variation(volume: Any) -> float:
    """As `total_variation.total_variation`."""
    xp = namespace_of(volume)
    return float(xp.sum(_modulus(xp, [_difference(xp, volume, axis) for axis in range(3)]), dtype=xp.float64))


def proximal(
    volume: Any, dual: Any, scale: float, *, weights: Any = None, support: Any = None, positivity: bool = False,
    rounds: int = 5,
) -> Any:  # fmt: skip
    """As `total_variation.proximal`."""
    xp = namespace_of(volume)
    scales = scale if weights is None else weights[:, None, :] * scale
    step = 1 / (CURVATURE * scale * (1 if weights is None else float(xp.max(weights)))) if scale > 0 else 0.0
    out = _primal(xp, volume, dual, scales, support, positivity)
    for _ in range(rounds if scale > 0 else 0):
        for axis in range(3):
            dual[axis, ...] += _difference(xp, out, axis) * step
        modulus = _modulus(xp, [dual[axis, ...] for axis in range(3)])
        modulus[modulus < 1] = 1
        dual /= modulus
        out = _primal(xp, volume, dual, scales, support, positivity)
    return out


def _primal(xp: Any, volume: Any, dual: Any, scale: Any, support: Any, positivity: bool) -> Any:
    """P(v - scale D* p); -D* p is the divergence of p."""
    out = xp.zeros_like(volume)
    for axis in range(3):
        p = dual[axis, ...]
        out += p
        out[_but(axis, first=True)] -= p[_but(axis, first=False)]
    out *= scale
    out += volume
    if positivity:
        out[out < 0] = 0
    if support is not None:
        out[~support] = 0
    return out


def _difference(xp: Any, volume: Any, axis: int) -> Any:
    """Forward differences, zero where the volume ends."""
    out = xp.zeros_like(volume)
    out[_but(axis, first=False)] = volume[_but(axis, first=True)] - volume[_but(axis, first=False)]
    return out


def _but(axis: int, first: bool) -> tuple[slice, ...]:
    """All but the first, or the last, plane along an axis."""
    cut = slice(1, None) if first else slice(None, -1)
    return tuple(cut if a == axis else slice(None) for a in range(3))


def _modulus(xp: Any, parts: list[Any]) -> Any:
    return xp.sqrt(sum(part * part for part in parts))
