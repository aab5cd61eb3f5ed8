"""Fourier transforms and smoothing of arrays that lie on a device, through the array API."""

from typing import Any

import numpy as np

from ..core.arrays import namespace, namespace_of, place, zeros
from .fourier import FourierTransform, Shape
from .smoothing import inverse_symbol


def fourier_transform(shape: Shape, real: bool = True, device: str = "cpu") -> FourierTransform:
    """The transform of arrays on a `Device`."""
    return FourierTransform(shape, real) if device == "cpu" else DeviceTransform(shape, real, device)


class DeviceTransform(FourierTransform):
    """The same transform of arrays of another library, through the array API.

    Parameters
    ----------
    shape : tuple of int
    real : bool
    device : Device
        Where the arrays lie.
    """

    def __init__(self, shape: Shape, real: bool, device: str):
        super().__init__(shape, real)
        self.device, self._fft, self._axes = device, namespace(device).fft, tuple(range(len(shape) - 1))

    def image(self, dtype: type = np.float32) -> Any:
        """An array of zeros on the device."""
        return zeros(self.shape, dtype if self.real else np.result_type(dtype, np.complex64), self.device)

    def spectrum(self, dtype: type = np.float32) -> Any:
        """An array of zeros on the device."""
        return zeros(self.spectrum_shape, np.result_type(dtype, np.complex64), self.device)

    def forward(self, image: Any, spectrum: Any) -> Any:
        """Transform `image` into `spectrum`, and return that."""
        spectrum[...] = self._fft.rfftn(image) if self.real else self._fft.fftn(image)
        return spectrum

    def inverse(self, spectrum: Any, image: Any) -> Any:
        """Transform `spectrum` into `image`, and return that.

        Of a half spectrum that belongs to no real image, the result is the real part. The transform over all axes in
        one go would leave that to the library, and they differ.
        """
        if self.real:
            rows = self._fft.ifftn(spectrum, axes=self._axes) if self._axes else spectrum
            image[...] = self._fft.irfft(rows, n=self.shape[-1])
        else:
            image[...] = self._fft.ifftn(spectrum)
        return image

    def symmetrize(self, spectrum: Any) -> None:
        """Make the columns of a half spectrum that hold both k and -k those of a real array."""
        xp = namespace_of(spectrum)
        for column in map(int, self._paired):
            values = spectrum[..., column]
            mates = xp.roll(xp.flip(values), (1,) * len(self._axes), axis=self._axes)
            spectrum[..., column] = (values + xp.conj(mates)) / 2


class DeviceSmoothing:
    """(A_sigma^n)^-1 along all axes of single-precision arrays of another library, through the array API.

    Parameters
    ----------
    shape : tuple of int
        Arrays of another shape are smoothed as if they had this one.
    sigma : float
    order : int
    real : bool
        Whether the arrays are real.
    device : Device
    """

    def __init__(self, shape: tuple[int, ...], sigma: float, order: int, real: bool, device: str):
        factors = inverse_symbol(shape, sigma, order, range(len(shape)), real).astype(np.float32)
        self._transform, self._factors = DeviceTransform(shape, real, device), place(factors, device)
        self._spectrum = self._transform.spectrum()

    def __call__(self, values: Any) -> None:
        """Smooth `values` in place."""
        values = values.reshape(self._transform.shape)
        self._transform.forward(values, self._spectrum)
        self._spectrum *= self._factors
        self._transform.inverse(self._spectrum, values)
