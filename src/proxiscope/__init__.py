"""Computational microscopy: phase retrieval and tomography, in scripts, on the command line and in napari."""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from . import learning, phase, simulate, tomography
    from .checkpoints import Checkpoints, resume
    from .core import Discrepancy, HeldOut, InputError, Plateau, algorithms, iterate, until
    from .core.checkpoint import load_checkpoint, save_checkpoint
    from .io import save
    from .io.load import load
    from .phase import DiffractionPattern
    from .reconstruction import Result, reconstruct
    from .repetition import rerun
    from .tomography import TiltSeries

__all__ = [
    "Checkpoints",
    "DiffractionPattern",
    "Discrepancy",
    "HeldOut",
    "InputError",
    "Plateau",
    "Result",
    "TiltSeries",
    "__version__",
    "algorithms",
    "iterate",
    "learning",
    "load",
    "load_checkpoint",
    "phase",
    "reconstruct",
    "rerun",
    "resume",
    "save",
    "save_checkpoint",
    "simulate",
    "tomography",
    "until",
]

_HOMES = {  # looked up on first use, so that importing the package costs napari nothing
    "Checkpoints": ".checkpoints",
    "DiffractionPattern": ".phase",
    "Discrepancy": ".core",
    "HeldOut": ".core",
    "InputError": ".core",
    "Plateau": ".core",
    "Result": ".reconstruction",
    "TiltSeries": ".tomography",
    "algorithms": ".core",
    "iterate": ".core",
    "until": ".core",
    "load": ".io.load",
    "load_checkpoint": ".core.checkpoint",
    "reconstruct": ".reconstruction",
    "rerun": ".repetition",
    "resume": ".checkpoints",
    "save": ".io",
    "save_checkpoint": ".core.checkpoint",
}
_ROOMS = ("learning", "phase", "simulate", "tomography")


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
