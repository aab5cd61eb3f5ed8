"""Point-wise updates of phase retrieval, each fused into one pass over flat float32 or complex64 arrays.

A magnitude of -1 stands for a pixel that was not measured.
"""

import math

import numpy as np
from numba import njit

_ONE = np.float32(1)


@njit(nogil=True, cache=True, error_model="numpy")
def magnitude_misfit(spectrum, plus, minus):
    """Sum of ||F u| - b| over the measured pixels at +k and at -k."""
    total = 0.0
    for i in range(spectrum.size):
        a = math.sqrt(spectrum[i].real * spectrum[i].real + spectrum[i].imag * spectrum[i].imag)
        if plus[i] >= 0:
            total += abs(a - plus[i])
        if minus[i] >= 0:
            total += abs(a - minus[i])
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def impose_magnitudes(spectrum, b):
    """Projection onto |z| = b where measured, in place; a zero keeps phase zero."""
    for i in range(spectrum.size):
        if b[i] >= 0:
            z = spectrum[i]
            a = np.float32(math.sqrt(z.real * z.real + z.imag * z.imag))
            if a > 0:
                scale = b[i] / a
                spectrum[i] = complex(z.real * scale, z.imag * scale)
            else:
                spectrum[i] = complex(b[i], np.float32(0))


@njit(nogil=True, cache=True, error_model="numpy")
def hio_feedback(g, u, support, beta):
    """g <- u where it satisfies the constraints, g - beta u elsewhere (hybrid input-output)."""
    for i in range(g.size):
        if support[i] and u[i] >= 0:
            g[i] = u[i]
        else:
            g[i] = g[i] - beta * u[i]


@njit(nogil=True, cache=True, error_model="numpy")
def gps_magnitude_step(z, y_hat, b, eps, t, reflected):
    """Eqs 2.13-2.14 and 2.28: z <- prox(z - t F y), and 2 z_new - z_old into `reflected`."""
    inverse = _ONE / (_ONE + eps)
    for i in range(z.size):
        old = z[i]
        re = old.real - t * y_hat[i].real
        im = old.imag - t * y_hat[i].imag
        if b[i] >= 0:
            a = np.float32(math.sqrt(re * re + im * im))
            if a > 0:
                scale = (b[i] / a + eps) * inverse
                re, im = re * scale, im * scale
            else:
                re, im = b[i] * inverse, np.float32(0)
        z[i] = complex(re, im)
        reflected[i] = complex(2 * re - old.real, 2 * im - old.imag)


@njit(nogil=True, cache=True, error_model="numpy")
def gps_dual_step(y, u, d, support, s, weight):
    """Eqs 2.19 and 2.27: y <- weight * proj_S*(y + s d); and the object u <- (u + d) / 2.

    d is the inverse transform of 2 z_new - z_old, hence twice the new object less the old one.
    """
    for i in range(y.size):
        v = y[i] + s * d[i]
        if support[i] and v > 0:
            v = np.float32(0)
        y[i] = weight[i] * v
        u[i] = np.float32(0.5) * (u[i] + d[i])
