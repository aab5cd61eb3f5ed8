"""When to stop: criteria that end an iteration before its last step, and the wrapper that watches for them.

A criterion is a frozen dataclass of parameters, declared like those of an algorithm. It looks at one recorded figure.
What it remembers of a run lies in the function that its `watch` makes, so that the same criterion can serve many runs.
A run that is taken up again from a saved state is watched as if it had never ended where what was recorded before is
given, and anew from there where it is not.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Interval

from .algorithm import Algorithm, Iterative, Progress, State
from .errors import InputError
from .marks import Doc, Label, Unit, Zero
from .parameters import check_parameters

Look = Callable[[float], str]
"""Takes each recorded figure in turn, and says why the run should end, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Base of the criteria; a subclass says by `watch` when to stop."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    figure: ClassVar[str] = "r_factor"
    """The recorded figure that it looks at."""
    families: ClassVar[tuple[str, ...]] = ("phase", "tomography")
    """Families of algorithms that record it."""
    remedy: ClassVar[str] = "Use another criterion"
    """What to do where the figure is not recorded."""
    keeps_lowest: ClassVar[bool] = False
    """Whether the result is the recorded iterate at which the figure was lowest."""

    def __post_init__(self) -> None:
        check_parameters(self)

    def watch(self) -> Look:
        """A function that takes the recorded figures of one run in turn."""
        raise NotImplementedError

    def check_problem(self, problem: Any) -> None:
        """Raise InputError if `problem` cannot give the figure."""


@dataclass(frozen=True, kw_only=True)
class Discrepancy(Criterion):
    """Discrepancy principle (Morozov 1966): stop once the misfit is down to the noise.

    The misfit is the root mean square of A u - b. What is fitted below the noise is noise. A method that has many
    unknowns fits some of it well before: hence a factor below one.
    """

    name: ClassVar[str] = "discrepancy"
    title: ClassVar[str] = "Misfit down to the noise"
    figure: ClassVar[str] = "misfit"
    families: ClassVar[tuple[str, ...]] = ("tomography",)
    remedy: ClassVar[str] = "Use it with an iterative method of tomography"

    noise: Annotated[
        float,
        Interval(ge=0),
        Label("Noise level"),
        Zero("estimated"),
        Doc("Standard deviation of the noise, in the unit of the data; 0 to estimate it from them."),
    ] = 0.0
    factor: Annotated[
        float,
        Interval(ge=0.01, le=100),
        Unit("x noise"),
        Label("Stop at misfit"),
        Doc("Stop where the misfit is at most so many times the noise."),
    ] = 0.95

    def watch(self) -> Look:
        """Compare with a level that stays; raises InputError where that is still to be estimated."""
        if not self.noise:
            raise InputError("noise", "0, to be estimated", "Give its level, or run by reconstruct, which estimates it")

        def look(misfit: float) -> str:
            if misfit > self.factor * self.noise:
                return ""
            return f"the misfit of {misfit:.4g} is within {self.factor:g} times the noise of {self.noise:.4g}"

        return look


@dataclass(frozen=True, kw_only=True)
class Stagnation(Criterion):
    """What the criteria share that stop when a figure falls no more.

    They follow the lowest value so far, so that one that goes up and down is judged by where its lows lead.
    """

    if TYPE_CHECKING:  # the parameters, which each declares with its own words
        patience: int
        tolerance: float

    def watch(self) -> Look:
        """Compare the lowest value so far with that of `patience` records before."""
        lowest: deque[float] = deque(maxlen=self.patience + 1)

        def look(value: float) -> str:
            lowest.append(min(value, lowest[-1] if lowest else math.inf))
            fall = lowest[0] - lowest[-1]
            if len(lowest) <= self.patience or fall > self.tolerance * abs(lowest[0]):
                return ""
            return self.reason(lowest[-1], fall)

        return look

    def reason(self, lowest: float, fall: float) -> str:
        """Why to stop, of the lowest value and how far it fell in the last `patience` records."""
        raise NotImplementedError


Patience = Annotated[
    int,
    Interval(ge=1, le=100_000),
    Unit("records"),
    Label("Patience"),
    Doc("Recorded iterations in which the figure has to fall."),
]
Tolerance = Annotated[
    float,
    Interval(ge=0, le=1),
    Label("Smallest fall that counts"),
    Doc("A fall by no more than this share of the figure is none."),
]


@dataclass(frozen=True, kw_only=True)
class HeldOut(Stagnation):
    """Held-out data: stop when their R-factor, the free one, finds no new minimum.

    What helps to predict tilts or pixels that the reconstruction does not see is no noise. The result is the recorded
    iterate at the minimum.
    """

    name: ClassVar[str] = "held-out"
    title: ClassVar[str] = "Free R-factor of held-out data"
    figure: ClassVar[str] = "free_r_factor"
    remedy: ClassVar[str] = (
        "Hold some out first: --hold-out-tilts 10 or --hold-out 0.05 on the command line, 'Held out' in the panels, "
        "series.hold_out() or pattern.hold_out() in Python"
    )
    keeps_lowest: ClassVar[bool] = True

    patience: Patience = 10
    tolerance: Tolerance = 0.0

    def check_problem(self, problem: Any) -> None:
        """Raise InputError if nothing is held out."""
        if getattr(problem, "held_out", None) is None:
            raise InputError("stop", f"{self.name}, and nothing is held out", self.remedy)

    def reason(self, lowest: float, fall: float) -> str:
        """The minimum, and for how long there was none after it."""
        return f"the free R-factor has not fallen below {lowest:.2%} for {self.patience} recorded iterations"


@dataclass(frozen=True, kw_only=True)
class Plateau(Stagnation):
    """Plateau: stop when R_F hardly falls any more.

    It saves time, and knows nothing of the noise.
    """

    name: ClassVar[str] = "plateau"
    title: ClassVar[str] = "Plateau of R_F"

    patience: Patience = 10
    tolerance: Tolerance = 0.005

    def reason(self, lowest: float, fall: float) -> str:
        """How little it fell."""
        share = fall / abs(lowest + fall) if fall else 0.0
        return f"R_F fell by {share:.2%} of itself, to {lowest:.2%}, in {self.patience} recorded iterations"


_CRITERIA = {cls.name: cls for cls in (Discrepancy, HeldOut, Plateau)}


def criteria(algorithm: type[Algorithm[Any, Any]] | None = None) -> dict[str, type[Criterion]]:
    """The criteria by name, all or those that make sense with an algorithm class; none if that does not iterate.

    Parameters
    ----------
    algorithm : type, optional
        A class of algorithms; all criteria without one.

    Returns
    -------
    dict
        Classes of criteria by their names.
    """
    if algorithm is None:
        return dict(_CRITERIA)
    if not issubclass(algorithm, Iterative):
        return {}
    return {name: cls for name, cls in _CRITERIA.items() if algorithm.family in cls.families}


def lowest_of(chosen: Iterable[Criterion]) -> str:
    """The figure at whose minimum the result lies by these criteria; empty where they do not say.

    Parameters
    ----------
    chosen : iterable of Criterion
        Those of a run.

    Returns
    -------
    str
        Such as ``"free_r_factor"``.
    """
    return next((criterion.figure for criterion in chosen if criterion.keeps_lowest), "")


class until(Iterator[Progress]):
    """Iterate until a criterion is met, as in ``for progress in until(iterate(algorithm, problem), Plateau())``.

    The progress that meets it is the last one. `reconstruct` also estimates the noise, and keeps the best iterate where
    a criterion asks for that.

    Parameters
    ----------
    progresses : iterable of Progress
        From `iterate`, of any algorithm, begun anew or taken up again.
    *criteria : Criterion
        The first that is met ends it; without any all comes through.
    era : callable, optional
        Of the state, such as `Algorithm.era`: when it changes, figures from before no longer compare, and the criteria
        begin to watch anew.
    changes : Mapping[int, Algorithm], optional
        Those of `iterate`: the criteria watch what follows the last of them.
    before : iterable of Row, optional
        What was recorded before `progresses` begin, of a run that is taken up again: `Record.rows`. If the last of
        them meets a criterion, nothing comes through.

    Attributes
    ----------
    criteria : tuple of Criterion
    reason : str
        Why it ended, a sentence; empty as long as no criterion is met.

    Raises
    ------
    InputError
        If a criterion is not complete, at once; if its figure is not recorded, at the first record.
    """

    def __init__(
        self,
        progresses: Iterable[Progress],
        *criteria: Criterion,
        era: Callable[[State], int] = lambda state: 0,
        changes: Mapping[int, Algorithm[Any, Any]] | None = None,
        before: Iterable[tuple[int, int, Mapping[str, float]]] = (),
    ):
        self.criteria, self.reason = criteria, ""
        self._changes = {} if changes is None else changes
        self._progresses, self._era_of, self._era = iter(progresses), era, (-1, 0)
        self._looks = [criterion.watch() for criterion in criteria]
        for row in before if criteria else ():
            self.reason = self._judged(*row)

    def __next__(self) -> Progress:
        if self.reason:
            raise StopIteration
        progress = next(self._progresses)
        if self.criteria and progress.metrics:
            self.reason = self._judged(progress.iteration, self._era_of(progress.state), progress.metrics)
        return progress

    def _judged(self, iteration: int, era_of_state: int, figures: Mapping[str, float]) -> str:
        changed = max(self._changes, default=-1)
        if iteration <= changed:
            return ""
        era = (changed, era_of_state)
        if era != self._era:
            self._era, self._looks = era, [criterion.watch() for criterion in self.criteria]
        found = [look(_figure(c, figures)) for c, look in zip(self.criteria, self._looks, strict=True)]
        return next((f"Stopped at iteration {iteration}: {why}." for why in found if why), "")


def _figure(criterion: Criterion, figures: Mapping[str, float]) -> float:
    if criterion.figure not in figures:
        raise InputError("stop", f"{criterion.name}, and no {criterion.figure} is recorded", criterion.remedy)
    return figures[criterion.figure]
