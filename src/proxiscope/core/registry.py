"""The algorithms that exist. Declaring one registers it; importing its module is all that a new one needs."""

import importlib
import pkgutil
from functools import cache

from .errors import InputError

_ROOMS = {"phase": "proxiscope.phase", "tomography": "proxiscope.tomography"}
"""Where the algorithms of a family are declared."""

_algorithms: dict[str, type] = {}


def register(cls: type) -> None:
    """Enter an algorithm class under its name; a name that is taken raises ValueError."""
    other = _algorithms.get(cls.name)
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"two algorithms are named {cls.name!r}: {other.__qualname__} and {cls.__qualname__}")
    _algorithms[cls.name] = cls


@cache
def _discover(family: str | None = None) -> None:
    for room in [_ROOMS[family]] if family in _ROOMS else _ROOMS.values():
        package = importlib.import_module(room)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):  # kernels, which take long to import
                importlib.import_module(f"{room}.{module.name}")


def algorithms(family: str | None = None) -> dict[str, type]:
    """Algorithm classes with a title by name, those of one `family` (``"phase"``, ``"tomography"``) or all."""
    _discover(family)
    return {n: c for n, c in sorted(_algorithms.items()) if c.title and family in (None, c.family)}


def algorithm(name: str) -> type:
    """The algorithm class named `name`, in any case; an unknown name raises InputError."""
    _discover()
    found = _algorithms.get(name.lower())
    if found is None:
        raise InputError("algorithm", f"there is no {name!r}", f"Choose one of {', '.join(algorithms())}")
    return found
