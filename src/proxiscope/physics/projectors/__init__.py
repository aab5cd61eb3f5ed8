"""Projectors: a volume to its tilt series and back."""

from .fourier_slice import FourierSliceProjector
from .single_axis import SingleAxisProjector, packed_slices

__all__ = ["FourierSliceProjector", "SingleAxisProjector", "packed_slices"]
