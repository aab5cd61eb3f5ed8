"""The point-wise updates of `kernels` for arrays of any library, through the array API standard.

Each has the name, the arguments and the effect of the compiled kernel, and works in place, on arrays of any shape.
Nothing is fetched from the device.
"""

from typing import Any

from ..core.arrays import namespace_of

Array = Any


def _real_part(u: Array) -> Array:
    xp = namespace_of(u)
    return xp.real(u) if xp.isdtype(u.dtype, "complex floating") else u


def _constrained(u: Array, non_negative: bool) -> Array:
    """P_S(u) inside the support."""
    return u - namespace_of(u).clip(_real_part(u), max=0) if non_negative else u


def _supported(u: Array, support: Array, non_negative: bool) -> Array:
    """P_S(u)."""
    return namespace_of(u).where(support, _constrained(u, non_negative), 0)


def _dual(y: Array, non_negative: bool) -> Array | int:
    """Projection onto the dual constraint set inside the support: eq. 2.19, and zero where the object is free."""
    return namespace_of(y).clip(_real_part(y), max=0) if non_negative else 0


def misfit(spectrum: Array, b: Array) -> Array:
    """Sum of ||F u| - b| over the measured pixels, float64 on the device."""
    xp = namespace_of(spectrum)
    return xp.sum(xp.where(b >= 0, xp.abs(xp.abs(spectrum) - b), 0), dtype=xp.float64)


def impose_magnitudes(spectrum: Array, b: Array) -> None:
    """Projection onto |z| = b where measured; a zero takes phase zero."""
    xp = namespace_of(spectrum)
    a = xp.abs(spectrum)
    zero = a == 0
    spectrum *= xp.where(b >= 0, b / xp.where(zero, 1, a), 1)
    spectrum += xp.where(zero, xp.clip(b, min=0), 0)


def constrain(u: Array, support: Array, out: Array, non_negative: bool) -> None:
    """out <- P_S(u)."""
    out[...] = _supported(u, support, non_negative)


def gradient(g: Array, u: Array, support: Array, out: Array) -> None:
    """out <- g - u inside the support, zero outside."""
    out[...] = namespace_of(g).where(support, g - u, 0)


def descend(g: Array, gradient: Array, support: Array, non_negative: bool, step: float) -> None:
    """g <- P_S(g - step gradient)."""
    g[...] = _supported(g - step * gradient, support, non_negative)


def hio_feedback(g: Array, u: Array, support: Array, non_negative: bool, beta: float) -> None:
    """g <- u where it satisfies the constraints, g - beta u elsewhere."""
    satisfied = support & (_real_part(u) >= 0) if non_negative else support
    g[...] = namespace_of(g).where(satisfied, u, g - beta * u)


def feedback(g: Array, u: Array, beta: float) -> None:
    """g <- g - beta u."""
    g -= beta * u


def oss_feedback(g: Array, u: Array, smoothed: Array, support: Array, non_negative: bool) -> None:
    """Of g = g - beta u: keep it inside the support where u breaks the constraints, `smoothed` outside."""
    xp = namespace_of(g)
    inside = xp.where(_real_part(u) >= 0, u, g) if non_negative else u
    g[...] = xp.where(support, inside, smoothed)


def raar(g: Array, u: Array, support: Array, non_negative: bool, beta: float) -> None:
    """g <- beta (P_S(2 u - g) - u + g) + (1 - beta) u."""
    reflected = _supported(u + u - g, support, non_negative)
    g[...] = beta * (reflected - u + g) + (1 - beta) * u


def relaxed_constraint(g: Array, support: Array, out: Array, non_negative: bool, beta: float) -> None:
    """out <- (1 - 1/beta) P_S(g) + g / beta."""
    out[...] = (1 - 1 / beta) * _supported(g, support, non_negative) + 1 / beta * g


def difference_map(g: Array, u: Array, p: Array, support: Array, non_negative: bool, beta: float) -> None:
    """g <- g + beta (P_S((1 + 1/beta) u - g / beta) - p)."""
    m = (1 + 1 / beta) * u - 1 / beta * g
    g += beta * (_supported(m, support, non_negative) - p)


def weigh(values: Array, rows: Array, columns: Array) -> None:
    """values <- values x rows x columns."""
    values *= rows[:, None] * columns


def gps_magnitudes(z: Array, h: Array, b: Array, eps: float, t: float, kept: float, s: float) -> None:
    """Eqs 2.13, 2.14 and 2.28: z' <- prox(z - t h), and h <- kept h + s (2 z' - z)."""
    xp, inverse = namespace_of(z), 1 / (1 + eps)
    new = z - t * h
    a = xp.abs(new)
    zero = a == 0
    new *= xp.where(b >= 0, (b / xp.where(zero, 1, a) + eps) * inverse, 1)
    new += xp.where(zero, xp.clip(b, min=0) * inverse, 0)
    h *= kept
    h += s * (new + new - z)
    z[...] = new


def gps_dual(y: Array, support: Array, non_negative: bool) -> None:
    """y <- its projection onto the dual constraint set (eq. 2.19)."""
    y[...] = namespace_of(y).where(support, _dual(y, non_negative), y)


def gps_weighed_dual(
    y: Array, d: Array, support: Array, rows: Array, columns: Array, non_negative: bool, s: float
) -> None:
    """Eq. 2.27: y <- W proj_S*(y + s d), with the weight W as factors of rows and columns."""
    v = y + s * d
    y[...] = rows[:, None] * columns * namespace_of(y).where(support, _dual(v, non_negative), v)


def poisson(spectrum: Array, counts: Array, intensities: Array, background: float) -> Array:
    """Half the deviance of Poisson statistics (float64, on the device), and its derivative into `spectrum`.

    See the compiled kernel; `intensities` are zero where `counts` are.
    """
    xp = namespace_of(spectrum)
    measured = intensities + counts * background
    model = xp.real(spectrum) ** 2 + xp.imag(spectrum) ** 2 + background
    model = xp.where(model <= 0, 1e-300, model)
    seen = measured > 0
    ratio = xp.where(seen, counts * model / xp.where(seen, measured, 1), 1)
    total = xp.sum(counts * model - measured - measured * xp.log(ratio))
    spectrum *= counts - measured / model
    return total
