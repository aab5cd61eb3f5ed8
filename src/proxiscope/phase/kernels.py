"""Point-wise updates of phase retrieval, each fused into one pass, for real and complex objects of any precision.

A magnitude of -1 stands for a pixel that was not measured. Of complex objects `non_negative` means the real part.
Arrays are flat, but for those of kernels that weigh rows and columns, which have the shape (rows, columns).
"""

import math

from numba import njit, types
from numba.extending import overload

_compiled = njit(nogil=True, cache=True, error_model="numpy")


def _number(value, like):
    """`value` in the precision of `like`: a bare 0 or 1 would turn single precision into double."""


@overload(_number, inline="always")
def _(value, like):
    real = like.underlying_float if isinstance(like, types.Complex) else like
    return lambda value, like: real(value)


def _constrained(u, non_negative):
    """P_S(u) inside the support."""


@overload(_constrained, inline="always")
def _(u, non_negative):
    if isinstance(u, types.Complex):
        return lambda u, non_negative: complex(max(u.real, _number(0, u)), u.imag) if non_negative else u
    return lambda u, non_negative: max(u, _number(0, u)) if non_negative else u


def _dual(y, non_negative):
    """Projection onto the dual constraint set inside the support: eq. 2.19, and zero where the object is free."""


@overload(_dual, inline="always")
def _(y, non_negative):
    if isinstance(y, types.Complex):
        return lambda y, non_negative: complex(
            min(y.real, _number(0, y)) if non_negative else _number(0, y), _number(0, y)
        )
    return lambda y, non_negative: min(y, _number(0, y)) if non_negative else _number(0, y)


@_compiled
def misfit(spectrum, b):
    """Sum of ||F u| - b| over the measured pixels."""
    total = 0.0
    for i in range(spectrum.size):
        if b[i] >= 0:
            z = spectrum[i]
            total += abs(math.sqrt(z.real * z.real + z.imag * z.imag) - b[i])
    return total


@_compiled
def impose_magnitudes(spectrum, b):
    """Projection onto |z| = b where measured; a zero takes phase zero."""
    for i in range(spectrum.size):
        z = spectrum[i]
        zero, one = _number(0, z), _number(1, z)
        a = math.sqrt(z.real * z.real + z.imag * z.imag)
        scale = b[i] / a if b[i] >= zero else one
        re, im = (z.real * scale, z.imag * scale) if a != zero else (max(b[i], zero), zero)
        spectrum[i] = complex(re, im)


@_compiled
def constrain(u, support, out, non_negative):
    """out <- P_S(u)."""
    for i in range(u.size):
        out[i] = _constrained(u[i], non_negative) if support[i] else _number(0, u[i])


@_compiled
def gradient(g, u, support, out):
    """out <- g - u inside the support, zero outside."""
    for i in range(g.size):
        out[i] = g[i] - u[i] if support[i] else _number(0, u[i])


@_compiled
def descend(g, gradient, support, non_negative, step):
    """g <- P_S(g - step gradient)."""
    for i in range(g.size):
        g[i] = _constrained(g[i] - step * gradient[i], non_negative) if support[i] else _number(0, g[i])


@_compiled
def hio_feedback(g, u, support, non_negative, beta):
    """g <- u where it satisfies the constraints, g - beta u elsewhere."""
    for i in range(g.size):
        satisfied = support[i] and (not non_negative or u[i].real >= _number(0, u[i]))
        g[i] = u[i] if satisfied else g[i] - beta * u[i]


@_compiled
def feedback(g, u, beta):
    """g <- g - beta u."""
    for i in range(g.size):
        g[i] = g[i] - beta * u[i]


@_compiled
def oss_feedback(g, u, smoothed, support, non_negative):
    """Of g = g - beta u: keep it inside the support where u breaks the constraints, `smoothed` outside."""
    for i in range(g.size):
        inside = u[i] if not non_negative or u[i].real >= _number(0, u[i]) else g[i]
        g[i] = inside if support[i] else smoothed[i]


@_compiled
def raar(g, u, support, non_negative, beta):
    """g <- beta (P_S(2 u - g) - u + g) + (1 - beta) u."""
    rest = _number(1, beta) - beta
    for i in range(g.size):
        reflected = u[i] + u[i] - g[i]
        s = _constrained(reflected, non_negative) if support[i] else _number(0, reflected)
        g[i] = beta * (s - u[i] + g[i]) + rest * u[i]


@_compiled
def relaxed_constraint(g, support, out, non_negative, beta):
    """out <- (1 - 1/beta) P_S(g) + g / beta."""
    one = _number(1, beta)
    inverse = one / beta
    for i in range(g.size):
        s = _constrained(g[i], non_negative) if support[i] else _number(0, g[i])
        out[i] = (one - inverse) * s + inverse * g[i]


@_compiled
def difference_map(g, u, p, support, non_negative, beta):
    """g <- g + beta (P_S((1 + 1/beta) u - g / beta) - p)."""
    one = _number(1, beta)
    inverse = one / beta
    for i in range(g.size):
        m = (one + inverse) * u[i] - inverse * g[i]
        s = _constrained(m, non_negative) if support[i] else _number(0, m)
        g[i] = g[i] + beta * (s - p[i])


@_compiled
def weigh(values, rows, columns):
    """values <- values x rows x columns."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            values[i, j] = rows[i] * columns[j] * values[i, j]


@_compiled
def gps_magnitudes(z, h, b, eps, t, kept, s):
    """Eqs 2.13, 2.14 and 2.28: z' <- prox(z - t h), and h <- kept h + s (2 z' - z)."""
    zero, one = _number(0, eps), _number(1, eps)
    inverse = one / (one + eps)
    for i in range(z.size):
        old, dual = z[i], h[i]
        re, im = old.real - t * dual.real, old.imag - t * dual.imag
        a = math.sqrt(re * re + im * im)
        scale = (b[i] / a + eps) * inverse if b[i] >= zero else one
        re, im = (re * scale, im * scale) if a != zero else (max(b[i], zero) * inverse, zero)
        z[i] = complex(re, im)
        h[i] = complex(
            kept * dual.real + s * (re + re - old.real),
            kept * dual.imag + s * (im + im - old.imag),
        )


@_compiled
def gps_dual(y, support, non_negative):
    """y <- its projection onto the dual constraint set (eq. 2.19)."""
    for i in range(y.size):
        if support[i]:
            y[i] = _dual(y[i], non_negative)


@_compiled
def gps_weighed_dual(y, d, support, rows, columns, non_negative, s):
    """Eq. 2.27: y <- W proj_S*(y + s d), with the weight W as factors of rows and columns."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            v = y[i, j] + s * d[i, j]
            v = _dual(v, non_negative) if support[i, j] else v
            y[i, j] = rows[i] * columns[j] * v


@_compiled
def poisson(spectrum, counts, intensities, background):
    """Half the deviance of Poisson statistics, and its derivative by I = |F u|^2 times F u into `spectrum`.

    `counts` pixels share a model intensity I, and their measured ones add up to `intensities`. A `background`, added
    to both, stands for read-out noise of that variance.
    """
    total = 0.0
    for i in range(spectrum.size):
        if counts[i] == 0:
            spectrum[i] = 0
            continue
        z = spectrum[i]
        measured = intensities[i] + counts[i] * background
        model = z.real * z.real + z.imag * z.imag + background
        if model <= 0:
            model = 1e-300
        total += counts[i] * model - measured
        if measured > 0:
            total -= measured * math.log(counts[i] * model / measured)
        spectrum[i] = z * (counts[i] - measured / model)
    return total
