"""Clustering by stochastic backward Euler, and gradient descent with Laplacian smoothing (thesis chapters 4 and 5).

`proxiscope.learning.torch` has the optimisers for PyTorch, an extra: ``pip install napari-proxiscope[learning]``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..physics.smoothing import laplacian_smoothing
    from ._estimators import LloydKMeans, MiniBatchKMeans, SBEKMeans
    from .lloyd import Lloyd
    from .logistic import LogisticRegression
    from .mini_batch import MiniBatch
    from .problem import LabelledSet, PointSet
    from .sbe import SBE

__all__ = [
    "SBE", "LabelledSet", "Lloyd", "LloydKMeans", "LogisticRegression", "MiniBatch", "MiniBatchKMeans", "PointSet",
    "SBEKMeans", "laplacian_smoothing",
]  # fmt: skip

_HOMES = {  # looked up on first use: scikit-learn takes a second to import
    "SBE": ".sbe",
    "SBEKMeans": "._estimators",
    "LabelledSet": ".problem",
    "Lloyd": ".lloyd",
    "LloydKMeans": "._estimators",
    "LogisticRegression": ".logistic",
    "MiniBatch": ".mini_batch",
    "MiniBatchKMeans": "._estimators",
    "PointSet": ".problem",
    "laplacian_smoothing": "..physics.smoothing",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
