"""How strong the noise of a tilt series is."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PIXELS = 2**18
"""Pixels of a projection up to which all are looked at; of larger ones, as many in bands of rows."""

_TILE, _BAND = 4, 34
_QUIET = 0.2
"""Share of the tiles that counts as free of structure."""
_FEW = 40
"""Differences below which nothing can be said."""
_MAD = 0.6744897501960817
"""Median of the modulus of a normal variable of variance one."""


def noise_level(projections: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of the white noise of a tilt series, in the unit of its projections.

    Second differences along y and x, one of the other, cancel what is smooth and leave the noise (Immerkaer 1996,
    10.1006/cviu.1996.0060); the median of their modulus ignores the few edges that they leave too (Donoho and Johnstone
    1994, 10.1093/biomet/81.3.425). Only the fifth of each projection is asked whose local means change least. Where
    zeros show that values were clipped, their surroundings are left out.

    Noise that grows with the intensity is that of such calm regions. Noise that is correlated from pixel to pixel, as
    after interpolation, shows less than it is; detail as fine as a pixel counts as noise.

    Parameters
    ----------
    projections : ndarray, (tilt, y, x)
    valid : ndarray of bool, same shape, optional
        Usable pixels; all by default.

    Returns
    -------
    float
        NaN where too few pixels tell.
    """
    masks = [None] * len(projections) if valid is None or valid.all() else valid
    sizes = np.concatenate([_differences(image, mask) for image, mask in zip(projections, masks, strict=True)])
    return float(np.median(sizes)) / _MAD if sizes.size >= _FEW else float("nan")


def _differences(image: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Modulus of the second differences in the calm tiles of a projection (y, x), of the variance of the noise."""
    image = np.asarray(_bands(image), np.float64)
    valid = np.ones(image.shape, bool) if mask is None else _bands(mask)
    zeros = valid & (image == 0)
    if image.min() == 0 and zeros.sum() > 0.01 * valid.sum():
        valid = valid & ~zeros
    else:
        zeros = np.zeros_like(valid)
    usable: NDArray[Any]
    differences, usable, norm = image, valid, 1.0
    for axis in (1, 2):
        if image.shape[axis] >= 3:
            differences = _threes(differences, axis) @ np.array([1.0, -2.0, 1.0])
            usable = np.asarray(_threes(usable, axis).all(axis=-1))
            image, valid, zeros = (_threes(values, axis)[..., 1] for values in (image, valid, zeros))
            norm *= 6**0.5
    calm = _calm(image, valid, zeros)
    height, width = _sides(image)
    return np.abs(_tiles(differences, height, width)[calm][_tiles(usable, height, width)[calm]]) / norm


def _bands(image: NDArray[Any]) -> NDArray[Any]:
    """An image (y, x) as (band, y, x): one, or of a large image several, evenly spread."""
    bands = max(1, PIXELS // (_BAND * image.shape[1]))
    if image.size <= PIXELS or _BAND * bands >= len(image):
        return image[None]
    return np.stack([image[top : top + _BAND] for top in np.linspace(0, len(image) - _BAND, bands).astype(int)])


def _threes(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Each value between its neighbours along an axis, as a last axis of length three."""
    return sliding_window_view(values, 3, axis)


def _sides(image: NDArray[Any]) -> tuple[int, int]:
    """Height and width of a tile of (band, y, x)."""
    return min(_TILE, image.shape[1]), min(_TILE, image.shape[2])


def _tiles(values: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """(band, y, x) as (band, row of tiles, column of tiles, pixel)."""
    bands, ny, nx = values.shape
    values = values[:, : ny // height * height, : nx // width * width]
    values = values.reshape(bands, ny // height, height, nx // width, width).swapaxes(2, 3)
    return values.reshape(*values.shape[:3], -1)


def _calm(image: NDArray[Any], valid: NDArray[np.bool_], zeros: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The tiles whose mean differs least from those of their neighbours; none that was clipped, or is constant."""
    values, counted, clipped = (_tiles(a, *_sides(image)) for a in (image, valid, zeros))
    counts = counted.sum(axis=-1)
    means = np.where(counted, values, 0).sum(axis=-1) / np.maximum(counts, 1)
    change = np.zeros(means.shape)
    for axis in (1, 2):
        steps = np.abs(np.diff(means, axis=axis))
        last = [(0, 0)] * 3
        for last[axis] in ((0, 1), (1, 0)):
            np.maximum(change, np.pad(steps, last), out=change)
    fit = (counts > 0) & ~clipped.any(axis=-1) & (np.ptp(values, axis=-1) > 0)
    return fit & (change <= np.quantile(change[fit], _QUIET)) if fit.any() else fit
