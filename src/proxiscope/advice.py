"""Which algorithm to take for data at hand: the rules of the page *Choosing an algorithm*.

They follow from errors that were measured on simulated data, which are in docs/choosing.json; the tests hold them to
these. What is recognised costs a few milliseconds, whatever the size of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import algorithm

if TYPE_CHECKING:  # who asks about one of them has imported it
    from .phase import DiffractionPattern
    from .tomography import TiltSeries

_LOOKED_AT = 256
"""Pixels along an axis of an image that are looked at."""

_BRIGHT = 0.5
"""Share of an image's mean from which on its sides count as covered by the sample."""

_ALL_AROUND = 1.5
"""Usual steps from the last tilt to the first, half a turn on, up to which there is no wedge."""


@dataclass(frozen=True)
class SeriesFacts:
    """What is recognised in a tilt series.

    Parameters
    ----------
    tilts : int
    wedge : float or None
        Degrees in which no tilt lies, 180 of a single one; None about several axes.
    film : bool
        Whether the images are covered up to all four sides.
    """

    tilts: int
    wedge: float | None
    film: bool = False


@dataclass(frozen=True)
class PatternFacts:
    """What is recognised in a diffraction pattern.

    Parameters
    ----------
    object : str
        As of `DiffractionPattern`.
    oversampling : float or None
        Pixels of the frame for each of the support; None where that is not known yet.
    missing : int
        Pixels that are not measured in the middle, along the axis where they are most.
    ndim : int
        2 of an image, 3 of a volume.
    """

    object: str = "non-negative"
    oversampling: float | None = None
    missing: int = 0
    ndim: int = 2


Facts: TypeAlias = SeriesFacts | PatternFacts


@dataclass(frozen=True)
class Advice:
    """An algorithm for data at hand.

    Attributes
    ----------
    algorithm : str
        Its name.
    parameters : Mapping[str, Any]
        Those that are not at their defaults.
    found : str
        What was recognised in the data, in words.
    why : str
        A sentence on why it is this one.
    """

    algorithm: str
    found: str
    why: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The algorithm as lists call it, with its parameters."""
        return ", ".join([algorithm(self.algorithm).title, *map(_in_words, self.parameters.items())])

    @property
    def options(self) -> str:
        """The same for the command line, with words in capitals for what is not known here."""
        flags = (
            f"--{name.replace('_', '-')}" + ("" if v is True else f" {v:g}") for name, v in self.parameters.items()
        )
        return " ".join([self.algorithm, "FILE", *flags] + ["--depth PIXELS"] * ("film" in self.parameters))

    def __str__(self) -> str:
        return f"{self.title}. Found: {self.found}. {self.why}"


def advise(problem: "TiltSeries | DiffractionPattern | Facts") -> Advice:
    """The algorithm that came closest to the truth on simulated data of this kind.

    Parameters
    ----------
    problem : TiltSeries, DiffractionPattern, SeriesFacts or PatternFacts
        The data, or what was recognised in them.

    Returns
    -------
    Advice
    """
    facts = problem if isinstance(problem, Facts) else _facts(problem)
    return _for_series(facts) if isinstance(facts, SeriesFacts) else _for_pattern(facts)


def _facts(problem: Any) -> Facts:
    if hasattr(problem, "projections"):
        return series_facts(problem.rotations, problem.projections, problem.used)
    missing = missing_middle(problem.magnitudes, problem.known)
    return PatternFacts(problem.object, problem.oversampling_ratio, missing, problem.magnitudes.ndim)


def series_facts(
    tilts: ArrayLike, projections: NDArray[Any] | None = None, used: NDArray[np.bool_] | None = None
) -> SeriesFacts:
    """What is recognised of angles (tilt,) or Euler triples (tilt, 3), and of the images (tilt, y, x) if given.

    All tilts count, or those that are `used`. Images may be those of the first tilts only.
    """
    angles = np.asarray(tilts, np.float64)
    triples = angles if angles.ndim == 2 else angles[:, None] * (0, 1, 0)
    counted = np.ones(len(angles), bool) if used is None else np.asarray(used)
    film = projections is not None and _covered(projections, triples, counted)
    return SeriesFacts(int(counted.sum()), _wedge(triples[counted]), film)


def missing_middle(values: NDArray[Any], known: NDArray[Any] | None = None) -> int:
    """Pixels in a row that were not measured, through zero frequency, along the axis where they are most.

    Those are NaN in `values`, or zero in `known`; only the pixels on the axes are looked at.
    """
    middle = tuple(n // 2 for n in values.shape)
    longest = 0
    for axis, at in enumerate(middle):
        through = (*middle[:axis], slice(None), *middle[axis + 1 :])
        measured = ~np.isnan(np.asarray(values[through], np.float64))
        if known is not None:
            measured &= np.asarray(known[through]) != 0
        after, before = np.flatnonzero(measured[at:]), np.flatnonzero(measured[at::-1])
        up, down = (int(found[0]) if len(found) else len(measured) // 2 for found in (after, before))
        longest = max(longest, up + down - 1)
    return longest


def _for_series(facts: SeriesFacts) -> Advice:
    found = f"{facts.tilts} tilts about several axes"
    if facts.tilts == 1:
        found = "a single tilt"
    elif facts.wedge is not None:
        gap = f"with a wedge of {facts.wedge:.3g} degrees" if facts.wedge else "all around"
        found = f"{facts.tilts} tilts {gap}"
    if facts.film:
        why = "A film goes on beyond the images: give its depth. If this is none, remove the background first."
        return Advice("resire-tv", f"{found}, covered up to all sides", why, {"weight": 1.0, "film": True})
    why = "In our tests it came closest, or within a quarter of that, at any noise and wedge, and need not be stopped."
    if facts.wedge is None:
        why = "It came closest in our tests about one axis, and need not be stopped. Several axes were not measured."
    return Advice("resire-tv", found, why, {"weight": 1.0})


def _for_pattern(facts: PatternFacts) -> Advice:
    found = {
        "non-negative": "a real, non-negative object", "real": "a real object", "complex": "a complex object",
        "complex-positive": "a complex object",
    }[facts.object]  # fmt: skip
    if facts.oversampling is not None:
        found += f", oversampling ratio {facts.oversampling:.2g}"
    if facts.missing:
        found += f", {facts.missing} pixels missing in the middle"
    in_2d = "" if facts.ndim == 2 else " Measured in 2-D only."
    if facts.object.startswith("complex"):
        why = "Without the outline, which shrink-wrap finds, few runs came near a complex object in our tests."
        return Advice("gps-r", found, why + in_2d, {"shrink_every": 20})
    if facts.missing > _speckle(facts):
        why = "With the middle missing only the outline helps: shrink-wrap finds it if the object has a sharp edge."
        return Advice("gps-r", found, why + in_2d, {"shrink_every": 20})
    why = "Most often right of single starts, but for shrink-wrap, which suits sharp edges. Best quality is surer."
    return Advice("gps-r", found, why + in_2d)


def _speckle(facts: PatternFacts) -> float:
    """Pixels that a speckle is wide: the frame over the object, of which the box of half the frame is the largest."""
    return 2.0 if facts.oversampling is None else float(facts.oversampling) ** (1 / facts.ndim)


def _wedge(triples: NDArray[np.float64]) -> float | None:
    """Degrees of the widest gap between tilts about y, modulo half a turn; 0 where it is about as wide as others."""
    if triples[:, [0, 2]].any():
        return None
    angles = np.unique(triples[:, 1] % 180)
    if len(angles) < 2:
        return 180.0
    gaps = np.append(np.diff(angles), angles[0] + 180 - angles[-1])
    widest = float(gaps.max())
    return widest if widest > _ALL_AROUND * np.median(gaps) else 0.0


def _covered(projections: NDArray[Any], triples: NDArray[np.float64], counted: NDArray[np.bool_]) -> bool:
    """Whether the least tilted of the images that count are bright along all four sides."""
    among = np.flatnonzero(counted[: len(projections)])
    least = among[np.argsort(np.abs(triples[among, 1]), kind="stable")[:3]]
    return len(least) > 0 and all(_bright_sides(np.asarray(projections[i])) for i in least)


def _bright_sides(image: NDArray[Any]) -> bool:
    steps = [max(1, n // _LOOKED_AT) for n in image.shape]
    rim = max(1, round(0.02 * min(image.shape)))
    bulk = np.nanmean(image[:: steps[0], :: steps[1]], dtype=np.float64)
    sides = (image[:rim, :: steps[1]], image[-rim:, :: steps[1]], image[:: steps[0], :rim], image[:: steps[0], -rim:])
    return bool(bulk > 0 and min(np.nanmean(side, dtype=np.float64) for side in sides) > _BRIGHT * bulk)


def _in_words(parameter: tuple[str, Any]) -> str:
    name, value = parameter
    words = {"film": "extended film", "weight": f"weight {value:g}", "shrink_every": "with shrink-wrap"}
    return words[name]
