"""The algorithms that exist. Declaring one registers it; importing its module is all that a new one needs."""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    from .algorithm import Algorithm

_ROOMS = {"phase": "proxiscope.phase", "tomography": "proxiscope.tomography", "learning": "proxiscope.learning"}
"""Where the algorithms of a family are declared."""

RECONSTRUCTIONS = ("phase", "tomography")
"""The families that reconstruct something from measured data."""

_algorithms: "dict[str, type[Algorithm[Any, Any]]]" = {}


def register(cls: "type[Algorithm[Any, Any]]") -> None:
    """Enter an algorithm class under its name; a name that is taken raises ValueError."""
    other = _algorithms.get(cls.name)
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"two algorithms are named {cls.name!r}: {other.__qualname__} and {cls.__qualname__}")
    _algorithms[cls.name] = cls


@cache
def _discover(family: str) -> None:
    for room in (_ROOMS[family],) if family in _ROOMS else ():
        package = importlib.import_module(room)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg and not module.name.startswith("_"):  # kernels, which take long to import
                importlib.import_module(f"{room}.{module.name}")


def algorithms(family: str | None = None) -> "dict[str, type[Algorithm[Any, Any]]]":
    """Algorithm classes with a title by name, those of one `family` or of both that reconstruct.

    The families are ``"phase"``, ``"tomography"`` and, not among those by default, ``"learning"``.

    Parameters
    ----------
    family : {"phase", "tomography", "learning"}, optional
        Those of one family; by default of both that reconstruct.

    Returns
    -------
    dict
        Classes by their names, in the order of these.
    """
    families = RECONSTRUCTIONS if family is None else (family,)
    for each in families:
        _discover(each)
    return {n: c for n, c in sorted(_algorithms.items()) if c.title and c.family in families}


def algorithm(name: str) -> "type[Algorithm[Any, Any]]":
    """The algorithm class named `name`, of any family and in any case; an unknown name raises InputError.

    Parameters
    ----------
    name : str
        Such as ``"gps-r"``.

    Returns
    -------
    type
        The class.
    """
    for family in _ROOMS:
        if name.lower() not in _algorithms:
            _discover(family)
    found = _algorithms.get(name.lower())
    if found is None:
        known = ", ".join(sorted(n for n, c in _algorithms.items() if c.title))
        raise InputError("algorithm", f"there is no {name!r}", f"Choose one of {known}")
    return found
