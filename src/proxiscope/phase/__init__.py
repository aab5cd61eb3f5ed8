"""Phase retrieval from diffraction patterns."""

from . import metrics
from .er import ER
from .gps import GPSF
from .hio import HIO
from .problem import DiffractionPattern

__all__ = ["ER", "GPSF", "HIO", "DiffractionPattern", "metrics"]
