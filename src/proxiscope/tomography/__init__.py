"""Tomography from tilt series."""

from . import metrics
from .angle_refinement import AngleRefinement
from .correlation import FSC, fourier_shell_correlation
from .coverage import missing_wedge
from .fbp import FBP
from .genfire import GENFIRE
from .half_sets import half_set_correlation, split_tilts
from .in_slabs import InSlabs
from .problem import TiltSeries, merge
from .resire import RESIRE
from .resire_accelerated import AcceleratedRESIRE
from .resire_tv import TVRESIRE
from .sart import SART
from .sgd import SGD
from .sirt import SIRT
from .wbp import WBP

__all__ = [
    "FBP",
    "FSC",
    "GENFIRE",
    "RESIRE",
    "SART",
    "SGD",
    "SIRT",
    "TVRESIRE",
    "WBP",
    "AcceleratedRESIRE",
    "AngleRefinement",
    "InSlabs",
    "TiltSeries",
    "fourier_shell_correlation",
    "half_set_correlation",
    "merge",
    "metrics",
    "missing_wedge",
    "split_tilts",
]
