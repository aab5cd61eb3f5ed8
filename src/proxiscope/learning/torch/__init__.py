"""Laplacian smoothing for PyTorch: the operator, optimisers with it, and the networks of the thesis.

PyTorch is an extra: ``pip install 'napari-proxiscope[learning]'``.
"""

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ImportError(
        "proxiscope.learning.torch needs PyTorch, which is not installed: pip install 'napari-proxiscope[learning]'"
    )

from .optimisers import LSSGD, LSRMSprop, laplacian_smoothed
from .smoothing import laplacian_smoothing

__all__ = ["LSSGD", "LSRMSprop", "laplacian_smoothed", "laplacian_smoothing"]
