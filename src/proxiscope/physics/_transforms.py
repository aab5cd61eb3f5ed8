"""Kernels of the Fourier transform; they release the GIL."""

import numpy as np
from numba import njit
from rocket_fft.lowlevel import c2c, c2r, r2c


@njit(nogil=True, cache=True)
def real_to_half(image, spectrum, axes):
    r2c(image, spectrum, axes, True, 1.0, 1)


@njit(nogil=True, cache=True)
def half_to_real(spectrum, image, axes, scale):
    c2r(spectrum, image, axes, False, scale, 1)


@njit(nogil=True, cache=True)
def complex_(source, target, axes, forward, scale):
    c2c(source, target, axes, forward, scale, 1)


@njit(nogil=True, cache=True)
def symmetrize(spectrum, mates, column):
    for i in range(spectrum.shape[0]):
        j = mates[i]
        if i <= j:
            mean = np.float32(0.5) * (spectrum[i, column] + np.conj(spectrum[j, column]))
            spectrum[i, column], spectrum[j, column] = mean, np.conj(mean)
