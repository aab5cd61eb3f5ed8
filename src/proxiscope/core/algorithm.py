"""The contract that every algorithm obeys, and the one loop that runs them all.

An algorithm is a frozen dataclass of parameters with a few functions of a problem and a state. The state
holds everything that the next step depends on, the random generator included: a loop that is stopped and
taken up again from a saved state goes on bit for bit as if it had never stopped.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import partial
from numbers import Number
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from annotated_types import Interval
from numpy.typing import NDArray

from .arrays import check_room, dtype_name, is_array, place
from .errors import DivergedError, InputError
from .marks import Doc, Label
from .memory import Proposal
from .parameters import build, check_parameters
from .registry import register

PRESETS = {"thesis": "As in the thesis", "fast": "Fast preview", "best": "Best quality"}
"""Names of presets, with their titles."""

P = TypeVar("P")
S = TypeVar("S", bound="State")


@dataclass
class State:
    """Where an iteration has got to. Subclasses add arrays, numbers and random generators.

    From `Algorithm.init` on, an array keeps its shape and dtype: a state that is taken up again is held to it.

    Attributes
    ----------
    iteration : int
        Those that are done.
    work
        What `Algorithm.prepare` made; it is rebuilt instead of saved.
    """

    iteration: int = field(default=0, kw_only=True)
    work: Any = field(default=None, repr=False, compare=False, kw_only=True, metadata={"transient": True})


def saved_fields(state: Any) -> list[Field[Any]]:
    """The fields of a state, class or instance, that a checkpoint holds."""
    return [f for f in fields(state) if not f.metadata.get("transient")]


@dataclass(frozen=True)
class Progress:
    """What an iteration yields; valid until the next one is asked for.

    Attributes
    ----------
    iteration, total : int
        Iterations done, and those that the run has in all.
    metrics : Mapping[str, float]
        Figures recorded at this iteration; empty at iterations that record none.
    state : State
        The state, for a checkpoint. The next step may reuse its buffers.
    algorithm : Algorithm
        The one at work, which is another than at the start where the run was changed.
    """

    iteration: int
    total: int
    metrics: Mapping[str, float]
    state: State = field(repr=False)
    _estimate: Callable[[], NDArray[Any]] = field(repr=False)
    algorithm: "Algorithm[Any, Any] | None" = field(default=None, repr=False)

    def estimate(self) -> NDArray[Any]:
        """A fresh array with the present image (y, x) or volume (z, y, x); computed only when asked for."""
        return self._estimate()


@dataclass(frozen=True, kw_only=True)
class Algorithm(Generic[P, S]):
    """Base of all algorithms.

    A concrete algorithm is declared as ``class HIO(PhaseRetrieval, name="hio", title="...")``; naming it
    registers it, and with a title it appears in every face.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    family: ClassVar[str] = ""
    Problem: ClassVar[type]
    State: ClassVar[type[State]]
    merit: ClassVar[str] = "r_factor"
    """The recorded figure that tells how good an iterate is, the lower the better."""
    result_is_best: ClassVar[bool] = False
    """Whether a run's result is the recorded iterate with the lowest figure of merit rather than the last."""
    random_start: ClassVar[bool] = False
    """Whether the seed matters."""
    use: ClassVar[str] = ""
    """A sentence on when to use it, and when not."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Values of parameters by the name of a preset, one of `PRESETS`; the others are at their defaults."""
    remedy: ClassVar[str] = "Bin or crop the data."
    """What to do where the memory does not suffice, and none of its `proposals` fits."""

    def __init_subclass__(cls, *, name: str = "", title: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name, cls.title = name, title
            register(cls)

    def __post_init__(self) -> None:
        check_parameters(self)

    @classmethod
    def preset(cls, name: str) -> Self:
        """The algorithm with the parameters of a preset; raises InputError where it has none of that name."""
        if name not in cls.presets:
            remedy = f"Choose one of {', '.join(cls.presets)}" if cls.presets else "Set its parameters"
            raise InputError("preset", f"{cls.name} has none called {name!r}", remedy)
        return build(cls, cls.presets[name])

    @property
    def iterations(self) -> int:
        """Steps that a whole run takes."""
        return getattr(self, "max_iterations", 1)

    def total(self, problem: P, state: S) -> int:
        """Steps that a whole run takes, where they depend on the problem."""
        return self.iterations

    def prepare(self, problem: P) -> Any:
        """Operators, kernels and scratch buffers for `problem`; nothing that a result depends on."""
        raise NotImplementedError

    def init(self, problem: P, seed: int) -> S:
        """The state before the first step, with the random generator seeded by `seed`."""
        raise NotImplementedError

    def step(self, problem: P, state: S) -> S:
        """The state after one more iteration; may reuse the buffers of `state`, which is dead afterwards."""
        raise NotImplementedError

    def metrics(self, problem: P, state: S) -> Mapping[str, float]:
        """Figures of merit of the present estimate."""
        raise NotImplementedError

    def estimate(self, problem: P, state: S) -> NDArray[Any]:
        """The present image (y, x) or volume (z, y, x) as a fresh float32 array."""
        raise NotImplementedError

    def products(self, problem: P, state: S) -> Mapping[str, NDArray[Any]]:
        """Further arrays that a run leaves beside its estimate."""
        return {}

    def told(self, problem: P, state: S) -> Mapping[str, Any]:
        """What the record of a result says beside parameters and seed, in plain values that JSON can hold."""
        return {}

    def records(self, iteration: int) -> bool:
        """Whether metrics are recorded at `iteration`."""
        return True

    def era(self, state: S) -> int:
        """A number that grows when iterates from before can no longer be compared with those after."""
        return 0

    def finished(self, state: S) -> bool:
        """Whether the run is over although it has iterations left."""
        return False

    def check_problem(self, problem: P) -> None:
        """Raise InputError if `problem`, though of the right type, is one that the algorithm cannot take."""

    def check_state(self, problem: P, state: S) -> None:
        """Raise InputError if `state`, though of the right make, is not one of this algorithm on `problem`."""

    def memory(self, problem: P) -> int:
        """Bytes that a run on `problem` allocates at its peak, an upper estimate."""
        raise NotImplementedError

    def proposals(self, problem: P, have: int) -> Iterable[Proposal]:
        """What fits into `have` bytes where a run on `problem` does not, best first; asked for only then."""
        return ()

    def work(self, problem: P) -> float:
        """Elementary operations of an iteration on `problem`, up to a constant; for estimates of the time."""
        return 1.0

    def workspace(self, problem: P, state: S) -> Any:
        """What `prepare` made for this run, made now if the state is new or was loaded."""
        if state.work is None:
            state.work = self.prepare(problem)
        return state.work


MaxIterations = Annotated[int, Interval(ge=1, le=1_000_000), Label("Iterations"), Doc("Iterations of a whole run.")]


@dataclass(frozen=True, kw_only=True)
class Iterative:
    """Mixin for algorithms that iterate.

    Parameters
    ----------
    max_iterations : int
        Iterations of a whole run.
    """

    max_iterations: MaxIterations = 100


def check(algorithm: Algorithm[Any, Any], problem: Any, seed: int = 0) -> None:
    """Check that `algorithm` can take `problem` and `seed`, and that the memory suffices.

    Parameters
    ----------
    algorithm : Algorithm
        What is to run.
    problem : DiffractionPattern, TiltSeries or other data
        On what.
    seed : int
        Of what is random.

    Raises
    ------
    InputError
        If the problem is of another kind, or one that the algorithm cannot take, or the seed is negative.
    NotEnoughMemoryError
        If the run would need more memory than is available; its `proposals` fit.
    """
    if not isinstance(algorithm, Algorithm):
        raise InputError("algorithm", f"got {algorithm!r}", "Give an instance, such as proxiscope.tomography.RESIRE()")
    if not isinstance(problem, algorithm.Problem):
        raise InputError(
            "problem",
            f"{algorithm.name} got a {type(problem).__name__}",
            f"It takes a {algorithm.Problem.__name__}",
        )
    if seed < 0:
        raise InputError("seed", f"got {seed}", "Give a whole number >= 0")
    algorithm.check_problem(problem)
    _check_memory(algorithm, problem)


def _check_memory(algorithm: Algorithm[Any, Any], problem: Any) -> None:
    proposals = partial(algorithm.proposals, problem)
    check_room(algorithm.name, algorithm.memory(problem), device_for(algorithm), algorithm.remedy, proposals)


def iterate(
    algorithm: Algorithm[P, S],
    problem: P,
    *,
    state: S | None = None,
    seed: int = 0,
    changes: Mapping[int, Algorithm[P, S]] | None = None,
) -> Iterator[Progress]:
    """Run `algorithm` on `problem`, one `Progress` an iteration.

    To cancel, stop asking; to pause, wait with the next request; to resume, pass the `state` where a run had
    got to (see `save_checkpoint`): the result is bit for bit that of a run that was never interrupted.

    Parameters
    ----------
    algorithm : Algorithm
    problem : DiffractionPattern, TiltSeries or other data
        What `algorithm.Problem` names.
    state : State, optional
        Where to go on; a fresh start when omitted.
    seed : int
        Seed of what is random, such as the start or the order of the tilts.
    changes : Mapping[int, Algorithm], optional
        What goes on in its stead after an iteration, such as the same algorithm with another step size. It is looked
        into before each step, so that it can be filled in while the run waits.

    Yields
    ------
    Progress

    Raises
    ------
    InputError, NotEnoughMemoryError
        As `check` says, at once; an InputError where a change cannot go on from the state that there is.
    DivergedError
        If a recorded figure is not finite.
    """
    check(algorithm, problem, seed)
    return _iterate(algorithm, problem, state, seed, {} if changes is None else changes)


def _iterate(
    first: Algorithm[P, S], problem: P, state: S | None, seed: int, changes: Mapping[int, Algorithm[P, S]]
) -> Iterator[Progress]:
    algorithm = first
    if state is None:
        state = first.init(problem, seed)
    else:
        algorithm = due(first, changes, state.iteration)
        state = taken_up(algorithm, problem, state)
    while True:
        now = due(first, changes, state.iteration)
        if now is not algorithm:
            algorithm, state = now, taken_up(now, problem, state)
        total = algorithm.total(problem, state)
        if state.iteration >= total or algorithm.finished(state):
            return
        state = algorithm.step(problem, state)
        metrics: Mapping[str, float] = {}
        if algorithm.records(state.iteration) or state.iteration == total or algorithm.finished(state):
            metrics = algorithm.metrics(problem, state)
            check_finite(algorithm, state.iteration, metrics)
        yield Progress(state.iteration, total, metrics, state, partial(algorithm.estimate, problem, state), algorithm)


def check_finite(algorithm: Algorithm[Any, Any], iteration: int, metrics: Mapping[str, float]) -> None:
    """Raise DivergedError if a recorded figure is not finite."""
    if not all(math.isfinite(value) for value in metrics.values()):
        raise diverged(algorithm, iteration, merit_in_words(algorithm))


def diverged(algorithm: Algorithm[Any, Any], iteration: int, what: str) -> DivergedError:
    """The error for an iteration at which something is not finite."""
    return DivergedError(
        f"{algorithm.name} diverged at iteration {iteration}: its {what} is no longer finite. Reduce the step size or "
        "relaxation."
    )


def merit_in_words(algorithm: Algorithm[Any, Any]) -> str:
    """The figure of merit as it is written: "R-factor", "objective"."""
    return algorithm.merit.replace("r_factor", "R-factor").replace("_", " ")


def due(first: Algorithm[Any, Any], changes: Mapping[int, Algorithm[Any, Any]], iteration: int) -> Algorithm[Any, Any]:
    """The algorithm at work after `iteration`: that of the latest change, or the first."""
    made = [i for i in changes if i <= iteration]
    return changes[max(made)] if made else first


def device_for(algorithm: Algorithm[Any, Any]) -> str:
    """The device on which the arrays of an algorithm's states lie."""
    return getattr(algorithm, "device", "cpu")


def placed(state: S, device: str) -> S:
    """A state once its arrays are on a device, but for those of fields marked ``on_host``."""
    for name in (f.name for f in saved_fields(state) if not f.metadata.get("on_host")):
        if is_array(value := getattr(state, name)):
            setattr(state, name, place(value, device))
    return state


def copy_of(state: S) -> S:
    """A state to go on from later, whatever becomes of this one."""
    return type(state)(**{f.name: _copied(getattr(state, f.name)) for f in saved_fields(state)})


def _copied(value: Any) -> Any:
    """The same of what a state holds: states in it are copied without their work, too."""
    if isinstance(value, list):
        return [_copied(one) for one in value]
    return copy_of(value) if isinstance(value, State) else copy.deepcopy(value)


def check_state(algorithm: Algorithm[P, S], problem: P, state: S) -> None:
    """Raise InputError unless `algorithm` can go on from `state` on `problem`."""
    taken_up(algorithm, problem, replace(state))


def taken_up(algorithm: Algorithm[P, S], problem: P, state: S) -> S:
    """A state to go on from, once it has proved to be of the same make as a fresh one for this problem.

    Kernels trust the shapes; and work that was prepared for another problem must not be used for this one.
    """
    if not isinstance(problem, algorithm.Problem):
        raise InputError("algorithm", f"{algorithm.name} for a {type(problem).__name__}", "Go on with one of its kind")
    algorithm.check_problem(problem)
    state.work = None  # it is made anew, and need not take memory meanwhile
    _check_memory(algorithm, problem)
    fresh = algorithm.init(problem, 0)
    if type(state) is not type(fresh):
        raise InputError(
            "state", f"a {type(state).__name__}", f"{algorithm.name} goes on from a {type(fresh).__name__}"
        )
    for name in (f.name for f in saved_fields(fresh)):
        expected, found = _make(getattr(fresh, name)), _make(getattr(state, name))
        if expected != found:
            raise InputError(
                "state",
                f"its {name} is {found} where this run takes {expected}",
                "Resume with the algorithm and the data that the state belongs to",
            )
    if not isinstance(state.iteration, int) or state.iteration < 0:
        raise InputError("state", f"iteration {state.iteration}", "Resume from a state that a run yielded")
    algorithm.check_state(problem, state)
    state.work = fresh.work
    return placed(state, device_for(algorithm))


def same_make(one: State, other: State) -> bool:
    """Whether two states have fields of the same kinds, shapes and dtypes."""
    names = [f.name for f in saved_fields(one)]
    return type(one) is type(other) and all(_make(getattr(one, n)) == _make(getattr(other, n)) for n in names)


def _make(value: Any) -> str:
    if is_array(value):
        return f"{dtype_name(value)} of shape {tuple(value.shape)}"
    return "a number" if isinstance(value, Number) else f"a {type(value).__name__}"
