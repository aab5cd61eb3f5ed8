"""Tomography from tilt series."""

from .fbp import FBP
from .problem import TiltSeries
from .resire import RESIRE
from .sirt import SIRT

__all__ = ["FBP", "RESIRE", "SIRT", "TiltSeries"]
