"""Power spectra of images and volumes, and the part of them that a tilt series measured."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import InputError
from .tomography import TiltSeries
from .tomography.coverage import missing_wedge

AXES = "zyx"
_FINE = 801
"""Fourier pixels across the section in which the edges of the missing sectors are found."""


class Spectrum(NamedTuple):
    """A power spectrum (row, column), zero frequency at n // 2; frequencies in cycles per pixel."""

    power: NDArray[np.float32]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]


def central_section(array: ArrayLike, across: str = "y") -> Spectrum:
    """Power of an image (y, x), or of the central section of a volume (z, y, x) that is perpendicular to an axis.

    By the Fourier slice theorem the section is the transform of the volume's projection along the axis. NaN counts
    as zero.

    Raises
    ------
    InputError
        If the array has neither two nor three dimensions, or `across` names none of them.
    """
    values: NDArray[Any] = np.asarray(array)
    if values.ndim not in (2, 3) or across not in tuple(AXES):
        raise InputError("layer", f"{values.ndim} dimensions", "Choose an image or a volume")
    if np.isnan(values).any():
        values = np.nan_to_num(values)
    exact = np.result_type(values, np.float64)
    image = values if values.ndim == 2 else values.sum(axis=AXES.index(across), dtype=exact)
    power = np.abs(np.fft.fftshift(np.fft.fft2(image))) ** 2
    rows, columns = (np.fft.fftshift(np.fft.fftfreq(n)) for n in image.shape)
    return Spectrum(power.astype(np.float32), rows, columns)


def missing_sectors(tilts: TiltSeries | ArrayLike, across: str = "y") -> list[tuple[float, float]]:
    """Sectors of a central section that a tilt series does not measure, as angles (from, to) in degrees.

    Angles turn from the column axis to the row axis of the section (from kx to kz across y); what is opposite, 180
    degrees further, is missing too. Across y, the sector of a single-axis series is the one around the beam, at 90
    degrees, and begins at the outermost tilts. What else counts as measured is said in
    `tomography.coverage.missing_wedge`.
    """
    axis = AXES.index(across)
    shape = tuple(1 if i == axis else _FINE for i in range(3))
    half = missing_wedge(shape, tilts, margin=0)
    if axis == 2:  # the half spectrum is of x, which is not in the section
        section = half[:, :, 0]
        section = np.fft.fftshift(section)[:, _FINE // 2 :]
    else:
        section = np.fft.fftshift(np.squeeze(half, axis=axis), axes=0)
    angles = np.linspace(-90, 90, 3601)
    radius = _FINE // 2 - 1
    row, column = (np.rint(radius * f(np.deg2rad(angles))).astype(int) for f in (np.sin, np.cos))
    missing = section[_FINE // 2 + row, column]
    edges = np.flatnonzero(np.diff(missing.astype(int)))
    bounds = [0, *(edges + 1), len(angles) - 1]
    found = [(float(angles[i]), float(angles[j])) for i, j in pairwise(bounds) if missing[i]]
    if len(found) > 1 and missing[0] and missing[-1]:  # one sector, which the range of angles cuts in two
        found = [*found[1:-1], (found[-1][0], found[0][1] + 180)]
    return found
