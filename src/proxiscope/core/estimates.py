"""How long a run will take and how much memory, before it is begun and even before there is a problem.

The time of an iteration is a constant, and a rate times `Algorithm.work`. The rates in the table were measured on two
cores; what runs take on the computer at hand corrects them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .algorithm import Algorithm
from .validation import FILLED_IN

OVERHEAD = 3e-5
"""Seconds that an iteration takes whatever the size of the problem."""

RATES: Mapping[str, float] = {
    "angle-refinement": 1.15e-10, "best-quality": 0.9e-10, "difference-map": 1.2e-10, "ensemble": 0.9e-10,
    "er": 1.2e-10, "er-hio": 1.2e-10, "fbp": 1.6e-10, "genfire": 5.5e-11, "gps-f": 1.25e-10, "gps-r": 1.25e-10,
    "gradient-descent": 1.4e-10, "hio": 1.2e-10, "oss": 1.5e-10, "poisson-ml": 1.1e-9, "raar": 1.2e-10,
    "resire": 1.15e-10, "resire-accelerated": 1.2e-10, "resire-tv": 2.4e-10, "sart": 7.5e-10, "sgd": 1.5e-10,
    "sirt": 1.15e-10, "wbp": 2e-10,
}  # fmt: skip
"""Seconds for a unit of work by the algorithm's name; of one that is not listed the median."""

_corrections: dict[str, float] = {}


class _Pixels:
    """Stands for a mask of which only the number of pixels is known, of so many in all."""

    def __init__(self, marked: int, size: int):
        self._marked, self._size = marked, size

    def sum(self) -> int:
        return self._marked

    def all(self) -> bool:
        return self._marked == self._size


@dataclass(frozen=True)
class PatternSize:
    """What is known of a diffraction pattern before it is made; stands for it in `Algorithm.memory` and `work`.

    Parameters
    ----------
    shape : tuple of int
        (y, x) or (z, y, x).
    real : bool
        Whether the object is real.
    support_pixels : int, optional
        Pixels in the support; by default those of the central box of half the frame.
    """

    shape: tuple[int, ...]
    real: bool = True
    support_pixels: int | None = None

    @property
    def magnitudes(self) -> NDArray[np.float32]:
        """An array of that shape that takes no memory."""
        return np.broadcast_to(np.float32(0), self.shape)

    @property
    def support(self) -> _Pixels:
        """The pixels in the support, to be counted."""
        size = math.prod(self.shape)
        return _Pixels(size // 2 ** len(self.shape) if self.support_pixels is None else self.support_pixels, size)


@dataclass(frozen=True, eq=False)
class SeriesSize:
    """What is known of a tilt series before it is made; stands for it in `Algorithm.memory` and `work`.

    Parameters
    ----------
    shape : tuple of int
        (tilt, y, x).
    tilts : array_like, (tilt,) or (tilt, 3), optional
        Angles about y, or Euler triples, in degrees; evenly from -60 to 60 by default.
    shifts : array_like, (tilt, 2), optional
        In pixels.
    used : array_like of bool, (tilt,), optional
        Tilts that are reconstructed from; all by default.
    masked : bool
        Whether some pixels are not usable.
    support_shape : tuple of int, optional
        (z, y, x) of the support, if there is one.
    """

    shape: tuple[int, int, int]
    tilts: NDArray[np.float64] = FILLED_IN
    shifts: NDArray[np.float64] = FILLED_IN
    used: NDArray[np.bool_] = FILLED_IN
    masked: bool = False
    support_shape: tuple[int, int, int] | None = None

    if TYPE_CHECKING:  # what it takes is wider than what it holds

        def __init__(
            self,
            shape: tuple[int, int, int],
            tilts: ArrayLike | None = None,
            shifts: ArrayLike | None = None,
            used: ArrayLike | None = None,
            masked: bool = False,
            support_shape: tuple[int, int, int] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        count = self.shape[0]
        tilts = np.linspace(-60, 60, count) if self.tilts is None else np.asarray(self.tilts, float)
        if tilts.ndim == 1:
            tilts = np.stack([0 * tilts, tilts, 0 * tilts], axis=1)
        shifts = np.zeros((count, 2)) if self.shifts is None else np.asarray(self.shifts, float)
        used = np.ones(count, bool) if self.used is None else np.asarray(self.used, bool)
        for name, value in {"tilts": tilts, "shifts": shifts, "used": used}.items():
            object.__setattr__(self, name, value)

    @property
    def rotations(self) -> NDArray[np.float64]:
        """Euler triples (tilt, 3)."""
        return self.tilts

    @property
    def angles(self) -> NDArray[np.float64]:
        """Angles about y (tilt,)."""
        return self.tilts[:, 1]

    @cached_property
    def single_axis(self) -> bool:
        """Whether all tilts turn about y alone."""
        return not (self.tilts[:, [0, 2]].any() or self.shifts.any())

    @property
    def valid(self) -> _Pixels:
        """Whether all pixels are usable."""
        return _Pixels(0 if self.masked else 1, 1)

    @property
    def support(self) -> NDArray[np.bool_] | None:
        """An array of its shape that takes no memory."""
        return None if self.support_shape is None else np.broadcast_to(True, self.support_shape)

    def copy_with(self, rotations: ArrayLike) -> "SeriesSize":
        """The same with other tilts."""
        return replace(self, tilts=np.asarray(rotations, float))


Size = PatternSize | SeriesSize


def size_of(problem: Any) -> Size:
    """The size of a problem that there is already."""
    if isinstance(problem, Size):
        return problem
    if hasattr(problem, "magnitudes"):
        return PatternSize(problem.shape, problem.real, int(problem.support.sum()))
    support = None if problem.support is None else problem.support.shape
    masked = not problem.valid.all()
    return SeriesSize(problem.shape, problem.rotations, problem.shifts, problem.used, masked, support)


def estimate_memory(algorithm: Algorithm[Any, Any], size: Size) -> int:
    """Bytes that a run allocates at its peak beside the data, as `Algorithm.memory` says for the problem itself.

    GENFIRE counts its grid points for that, which takes up to half a second. For runs `InSlabs` only the problem tells.

    Raises
    ------
    InputError
        If the algorithm cannot take tilts, or make a volume, of that kind.
    """
    if isinstance(size, SeriesSize):
        algorithm.check_problem(size)
    return algorithm.memory(size)


def estimate_seconds(algorithm: Algorithm[Any, Any], size: Size) -> float:
    """Seconds that a run to its last iteration takes; within a factor of two or so.

    What ends a run early, and the first run of an algorithm, which may compile, do not count.
    """
    correction = _corrections.get(algorithm.name) or median(list(_corrections.values()) or [1.0])
    return algorithm.iterations * correction * _expected(algorithm, size)


def note_speed(algorithm: Algorithm[Any, Any], problem: Any, seconds_per_iteration: float) -> None:
    """Remember how long an iteration took on a problem (or size), for estimates to come; too short a time is ignored.

    Algorithms that have not been run yet are taken to be as much faster or slower than expected as those that have.
    """
    if seconds_per_iteration > 0:
        _corrections[algorithm.name] = seconds_per_iteration / _expected(algorithm, size_of(problem))


def forget_speeds() -> None:
    """Go back to the speeds of the table."""
    _corrections.clear()


def _expected(algorithm: Algorithm[Any, Any], size: Size) -> float:
    """Seconds of an iteration by the table."""
    rate = RATES.get(algorithm.name) or median(RATES.values())
    return OVERHEAD + rate * algorithm.work(size)


def in_words(seconds: float) -> str:
    """A time as exact as an estimate is, such as "about 40 s"."""
    if seconds < 1:
        return "under a second"
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 95 * length:
            return f"about {_leading(seconds / length)} {unit}"
    return f"about {_leading(seconds / 86400)} days"


def memory_in_words(size: float) -> str:
    """Bytes in words, such as "340 MB" or "1.2 GB"."""
    if size < 9.5e8:
        return f"{max(1, round(size / 1e6)):d} MB"
    return f"{size / 1e9:.1f} GB"


def _leading(number: float) -> int:
    """A number above a half rounded to its first digit."""
    scale = 10 ** math.floor(math.log10(max(number, 1)))
    return max(1, round(number / scale) * scale)
