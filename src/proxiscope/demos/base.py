"""What a demonstration is: parameters, what to look at, and a run that yields frames."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..core.parameters import check_parameters

LayerData = tuple[Any, dict[str, Any], str]
"""A layer as napari's readers give it: data, attributes with a ``name``, and its type."""

COLOURS = ("#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#f0e442", "#999999")
"""Of curves, in their order, and of what belongs to them in the layers: colour-blind people tell them apart (Okabe and
Ito, Color Universal Design, 2008)."""


@dataclass(frozen=True)
class Curve:
    """A named curve: x and y, and optionally how far y spreads on either side."""

    name: str
    x: Sequence[float] | NDArray[Any]
    y: Sequence[float] | NDArray[Any]
    spread: Sequence[float] | NDArray[Any] | None = None


@dataclass(frozen=True)
class Plot:
    """Curves with the names of their axes, in the order of the legend."""

    x: str
    y: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False


@dataclass(frozen=True)
class Frame:
    """What there is to see at one moment of a demonstration; never changed afterwards.

    Parameters
    ----------
    fraction : float
        Done so far, 0 to 1.
    layers : tuple of LayerData
        All layers of the demonstration, told apart by their names; those that are new or changed since are repainted.
    plot : Plot or None
    figures : str
        One line of numbers to read.
    over : tuple of int
        Axes of the data that the layers lie over, where a demonstration works on those of a layer.
    """

    fraction: float
    layers: tuple[LayerData, ...] = ()
    plot: Plot | None = None
    figures: str = ""
    over: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Base of the demonstrations: a frozen dataclass of parameters, declared as those of an algorithm.

    A concrete one is declared as ``class Hill(Demo, name="hill", title="...")``.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    order: ClassVar[int] = 0
    """Where it stands among the others."""
    look_at: ClassVar[str] = ""
    """A sentence on what to look at."""
    loses: ClassVar[str] = ""
    """A sentence on when the method loses."""
    takes_layer: ClassVar[bool] = False
    """Whether it works on the data of a layer (`run` gets an array) or brings its own."""
    immediate: ClassVar[bool] = False
    """Whether it is quick enough to run anew whenever a parameter is changed, as by a slider."""

    def __init_subclass__(cls, *, name: str = "", title: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name, cls.title = name, title
            _demos[name] = cls

    def __post_init__(self) -> None:
        check_parameters(self)

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """Frames, the last with a fraction of 1. Between two of them little time passes, so that it can be stopped.

        Raises
        ------
        InputError
            If the data cannot be used.
        """
        raise NotImplementedError


_demos: dict[str, type[Demo]] = {}


@cache
def _discover() -> None:
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")


def demos() -> Mapping[str, type[Demo]]:
    """The demonstrations by name, in their order."""
    _discover()
    return dict(sorted(_demos.items(), key=lambda item: (item[1].order, item[0])))
