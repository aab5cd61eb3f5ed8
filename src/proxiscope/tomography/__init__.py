"""Tomography from tilt series."""

from . import metrics
from .fbp import FBP
from .problem import TiltSeries
from .resire import RESIRE
from .sirt import SIRT

__all__ = ["FBP", "RESIRE", "SIRT", "TiltSeries", "metrics"]
