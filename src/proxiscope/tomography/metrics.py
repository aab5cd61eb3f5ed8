"""Figures of merit of tomography."""

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import InputError
from ..physics.projectors import FourierSliceProjector, SingleAxisProjector
from .problem import TiltSeries


def r_factor(volume: ArrayLike, series: TiltSeries, *, exact: bool = False) -> float:
    """R-factor of a volume (z, y, x) (eq. 3.9): mean over tilts of sum |projection - b| / sum |b|, a fraction.

    Parameters
    ----------
    volume : array_like, (z, y, x)
    series : TiltSeries
        With a single axis.
    exact : bool
        Project by the Fourier slice theorem instead of in real space.

    Raises
    ------
    InputError
        If the series has tilts about z or x, or the volume is not as wide as it.
    """
    if not series.single_axis:
        raise InputError("series", "tilts about z or x", "Give a series with a single tilt axis along y")
    projector = (FourierSliceProjector if exact else SingleAxisProjector)(
        series.angles, series.shape[1:], np.shape(volume)[0]
    )
    projected = projector.unpack_projections(projector.forward(projector.pack_volume(volume)))
    misfit = np.abs(np.where(series.valid, projected - series.projections, 0)).sum(axis=(1, 2), dtype=np.float64)
    total = np.abs(series.projections).sum(axis=(1, 2), dtype=np.float64)
    return float((misfit[total > 0] / total[total > 0]).mean())
