"""Phase retrieval from diffraction patterns."""

from . import agreement, metrics
from .best_quality import BestQuality
from .difference_map import DifferenceMap
from .ensemble import Ensemble
from .er import ER
from .er_hio import ERHIO
from .gps import GPSF, GPSR
from .gradient_descent import GradientDescent
from .hio import HIO
from .oss import OSS
from .poisson_ml import PoissonML
from .problem import DiffractionPattern
from .raar import RAAR

__all__ = [
    "ER", "ERHIO", "GPSF", "GPSR", "HIO", "OSS", "RAAR", "BestQuality", "DifferenceMap", "DiffractionPattern",
    "Ensemble", "GradientDescent", "PoissonML", "agreement", "metrics",
]  # fmt: skip
