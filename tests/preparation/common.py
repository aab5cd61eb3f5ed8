"""Images that the tests of preparation share."""

import numpy as np
from numpy.typing import NDArray

from proxiscope.preparation import Images, Tools
from proxiscope.simulate import vesicle


def phase(values, **fields) -> Images:
    return Images(values=values, family="phase", **fields)


def tomography(values, angles=None, **fields) -> Images:
    if angles is not None:
        angles = np.asarray(angles, float)
        fields["rotations"] = np.stack([0 * angles, angles, 0 * angles], axis=1)
    return Images(values=values, family="tomography", **fields)


def files(**arrays) -> Tools:
    """Tools that read these arrays by name."""
    return Tools(read=lambda path: arrays[path])


def intensities(shape: tuple[int, int], centre, flux: float, size: int = 40, seed: int = 0) -> NDArray[np.float64]:
    """Expected counts of a vesicle's pattern whose zero frequency lies anywhere."""
    image = np.zeros(shape)
    corner = [(n - size) // 2 for n in shape]
    image[corner[0] : corner[0] + size, corner[1] : corner[1] + size] = vesicle((size, size), seed=seed)
    y, x = (np.arange(n) - n // 2 for n in shape)
    dy, dx = (c - n // 2 for c, n in zip(centre, shape, strict=True))
    ramp = np.exp(2j * np.pi * (dy * y[:, None] / shape[0] + dx * x / shape[1]))
    counts = np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image * ramp)))) ** 2
    return counts * flux / counts.sum()
