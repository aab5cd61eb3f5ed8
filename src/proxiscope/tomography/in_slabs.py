"""Large series: a volume reconstructed in slabs along the tilt axis, one after the other."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, InputError, Label, NotEnoughMemoryError, State, Unit, Zero
from ..core.algorithm import same_make
from ..core.memory import Proposal, available
from ..physics.projectors import memory as projector_memory
from ..physics.projectors import packed_slices
from .base import Setup, Tomography
from .film import whole_rays
from .problem import TiltSeries
from .resire_accelerated import AcceleratedRESIRE
from .slabs import BLOCK, Geometry, Slab, Work

OVERLAP = 8
"""Slices added on both sides where tilts are not exactly about y."""

_FREE = 0.8  # of the available memory


@dataclass
class SlabsState(State):
    """Where a reconstruction in slabs has got to.

    `volume` (z, y, x) holds the slabs that are done, and zero elsewhere; `members` is the state of the slab under way,
    or nothing. `done` and `running` (2, tilt) are sums of |A u - b| and of its squares: over the rows that no later
    slab shows in, and over the others that those so far show in. `common` holds what the slabs share, see
    `Setup.of_the_whole`, and `thickness` is that of a slab in slices.
    """

    volume: NDArray[Any]
    members: list[State]
    done: NDArray[Any]
    running: NDArray[Any]
    common: NDArray[Any]
    thickness: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class InSlabs(Algorithm[TiltSeries, SlabsState], name="in-slabs"):
    """Reconstruct in slabs along the tilt axis, one after the other, in less memory than the whole takes.

    About a single axis slices do not affect each other, and the volume is that of the whole bit for bit, whatever
    the slabs, unless the method itself looks across slices. Where it does, and where tilts are turned slightly about x
    or z, or shifted, slabs overlap, and the volume is nearly that of the whole.
    """

    State: ClassVar[type[State]] = SlabsState
    family: ClassVar[str] = "tomography"
    Problem: ClassVar[type] = TiltSeries
    remedy: ClassVar[str] = "Bin or crop the data, reduce the depth of the volume, or make the slabs thinner."

    algorithm: Tomography[Any] = field(default=AcceleratedRESIRE(), metadata={"part": True})
    slices: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("px"),
        Label("Thickness of a slab"),
        Zero("as memory allows"),
        Doc("Thickness of a slab, rounded up to blocks of 32 about a single axis; 0 for what the memory allows."),
    ] = 0
    memory_limit: Annotated[
        float,
        Interval(ge=0, le=1e6),
        Unit("GB"),
        Zero("what is available"),
        Doc("What a run may take beside the data; 0 for what is available."),
    ] = 0.0
    overlap: Annotated[
        int,
        Interval(ge=0, le=10_000),
        Unit("px"),
        Zero("as needed"),
        Doc("Slices added on both sides of a slab where slices affect each other; 0 for what the method needs."),
    ] = 0

    def __post_init__(self) -> None:
        """Check the parameters, and that the algorithm is one of tomography that can be cut."""
        super().__post_init__()
        if not isinstance(self.algorithm, Tomography) or self.algorithm.slice_reach is None:
            found = getattr(self.algorithm, "name", repr(self.algorithm))
            raise InputError("algorithm", f"{found} cannot be run in slabs", "Give another, such as RESIRE()")

    @property
    def random_start(self) -> bool:  # type: ignore[override]  # the part decides
        """Whether the seed matters to the algorithm."""
        return self.algorithm.random_start

    @property
    def iterations(self) -> int:
        """Iterations of one slab."""
        return self.algorithm.iterations

    def total(self, problem: TiltSeries, state: SlabsState) -> int:
        """Iterations of all slabs."""
        return self.iterations * len(self.workspace(problem, state).slabs(state.thickness))

    def geometry(self, problem: TiltSeries) -> Geometry:
        """How slices lie on the detector."""
        return Geometry(problem, self.algorithm.volume_shape(problem), self.algorithm.film)

    def independent(self, geometry: Geometry) -> bool:
        """Whether slices do not affect each other."""
        return geometry.plain and not self.algorithm.slice_reach

    def slabs(self, geometry: Geometry, thickness: int) -> list[Slab]:
        """The slabs of so many slices."""
        reach = self.algorithm.slice_reach or 0
        own = reach if geometry.plain else max(reach, OVERLAP)
        return geometry.slabs(thickness, 0 if self.independent(geometry) else self.overlap or own)

    def prepare(self, problem: TiltSeries) -> Work:
        """The misfit of nothing, and room for what a slab needs."""
        return Work(self, problem)

    def init(self, problem: TiltSeries, seed: int) -> SlabsState:
        """No slab has begun."""
        sums = np.zeros((2, len(problem.projections)))
        return SlabsState(
            volume=np.zeros(self.algorithm.volume_shape(problem), np.float32), members=[], done=sums,
            running=sums.copy(), common=np.zeros(len(self.common(problem))), thickness=self.thickness(problem),
            seed=seed,
        )  # fmt: skip

    def check_problem(self, problem: TiltSeries) -> None:
        """Refuse what the algorithm refuses, tilts that turn too much, and (NotEnoughMemoryError) too little memory."""
        self.algorithm.check_problem(problem)
        self.geometry(problem).check()
        need = self.memory(problem) if self.memory_limit else 0
        if need > 1e9 * self.memory_limit:
            raise NotEnoughMemoryError(
                f"{self.name} needs about {need / 1e9:.3g} GB for slabs of {self.thickness(problem)} slices and is "
                f"limited to {self.memory_limit:g} GB. Raise the limit, make the slabs thinner if they can be, bin or "
                "crop the data, or reduce the depth of the volume."
            )

    def check_state(self, problem: TiltSeries, state: SlabsState) -> None:
        """Refuse a state that belongs to another reconstruction."""
        fits = isinstance(state.thickness, int) and state.thickness > 0
        fits = fits and len(state.members) == (state.iteration % self.iterations > 0)
        if fits and state.members:
            inner, series = self.workspace(problem, state).enter(self._slab(problem, state, state.iteration))
            fits = same_make(inner.init(series, state.seed), state.members[0])
        if not fits:
            raise InputError("state", "that of other slabs", "Resume with the algorithm and data that it belongs to")

    def records(self, iteration: int) -> bool:
        """When the algorithm records, and at the end of each slab."""
        own = (iteration - 1) % self.iterations + 1
        return self.algorithm.records(own) or own == self.iterations

    def step(self, problem: TiltSeries, state: SlabsState) -> SlabsState:
        """An iteration of the slab that is under way."""
        work: Work = self.workspace(problem, state)
        if not state.iteration:
            self._begin(problem, state)
        slab = self._slab(problem, state, state.iteration)
        inner, series = work.enter(slab)
        if not state.members and tells_nothing(inner, series):
            nothing = np.zeros(
                (state.volume.shape[0], slab.slices[1] - slab.slices[0], state.volume.shape[2]), np.float32
            )
            self._end(problem, state, slab, work.misfit(state.volume, slab, nothing))
            return state
        member = state.members[0] if state.members else inner.init(series, state.seed)
        set_shared(inner.workspace(series, member), dict(zip(work.common, state.common.tolist(), strict=True)))
        member = inner.step(series, member)
        state.members = [member]
        state.iteration += 1
        sums = self._sums(work, member)
        if member.iteration < inner.iterations and not inner.finished(member):
            state.running = state.running if sums is None else sums
            return state
        estimate = inner.estimate(series, member)
        rows = work.misfit(state.volume, slab, estimate) if sums is None else sums[..., None]
        (a, b), first = slab.kept, slab.slices[0]
        state.volume[:, a:b] = estimate[:, a - first : b - first]
        self._end(problem, state, slab, rows)
        return state

    def _begin(self, problem: TiltSeries, state: SlabsState) -> None:
        """Find what the slabs share, and what no slab shows in."""
        work: Work = self.workspace(problem, state)
        slabs, names = work.slabs(state.thickness), work.common
        state.done = work.empty[..., : slabs[0].seen[0]].sum(axis=-1)
        found: dict[str, list[float]] = {name: [] for name in names}
        for slab in slabs if names and len(slabs) > 1 else []:
            inner, series = work.enter(slab)
            for name, value in shared_values(inner, series, names).items():
                found[name].append(value)
            work.leave()
        state.common[...] = [choose(found[name]) if found[name] else 0 for name, choose in names.items()]

    def _end(self, problem: TiltSeries, state: SlabsState, slab: Slab, rows: NDArray[Any]) -> None:
        """Leave a slab whose rows have these sums."""
        work: Work = self.workspace(problem, state)
        slabs = work.slabs(state.thickness)
        following = slabs.index(slab) + 1
        state.members, state.iteration = [], following * self.iterations
        work.leave()
        start = slabs[following].seen[0] if following < len(slabs) else problem.shape[1]
        final = start - slab.seen[0]
        state.done = state.done + rows[..., :final].sum(axis=-1)
        state.running = rows[..., final:].sum(axis=-1)

    def _sums(self, work: Work, member: Any) -> NDArray[Any] | None:
        """Sums (2, tilt) that the step left, where a slab shows in rows of its own and nowhere else."""
        sums = getattr(member.work, "sums", None)
        return sums.T if sums is not None and self.independent(work.geometry) else None

    def _slab(self, problem: TiltSeries, state: SlabsState, iteration: int) -> Slab:
        slabs = self.workspace(problem, state).slabs(state.thickness)
        return slabs[min(iteration // self.iterations, len(slabs) - 1)]

    def common(self, problem: TiltSeries) -> dict[str, Callable[[Iterable[float]], float]]:
        """`Setup.of_the_whole`, without the step where all slices are measured alike and it is the same by itself."""
        shared = dict(getattr(self.algorithm, "Setup", Setup).of_the_whole)
        compared = problem.used if problem.held_out is None else problem.used | problem.held_out
        if problem.valid[compared].all() and self.geometry(problem).plain:
            shared.pop("step", None)
        return shared

    def metrics(self, problem: TiltSeries, state: SlabsState) -> Mapping[str, float]:
        """``"r_factor"`` (eq. 3.9) of the whole, ``"free_r_factor"`` of held-out tilts; ``"misfit"``, as it stands.

        What no slab has reached counts as zero.
        """
        work: Work = self.workspace(problem, state)
        slab, running = self._slab(problem, state, max(state.iteration - 1, 0)), state.running
        if state.members:
            inner, series = work.enter(slab)
            if not (self.independent(work.geometry) and running.any()):
                estimate = inner.estimate(series, state.members[0])
                running = work.misfit(state.volume, slab, estimate).sum(axis=-1)
        sums = state.done + running + work.empty[..., slab.seen[1] :].sum(axis=-1)
        groups = {"r_factor": work.used, "free_r_factor": work.held_out}
        figures = {n: float((sums[0, some] / work.totals[some]).mean()) for n, some in groups.items() if some.any()}
        return figures | {"misfit": float(np.sqrt(sums[1, work.used].sum() / work.pixels))}

    def estimate(self, problem: TiltSeries, state: SlabsState) -> NDArray[Any]:
        """Volume (z, y, x), float32: zero in slabs that have not begun."""
        volume = state.volume.copy()
        if state.members:
            slab = self._slab(problem, state, state.iteration - 1)
            (a, b), first = slab.kept, slab.slices[0]
            inner, series = self.workspace(problem, state).enter(slab)
            volume[:, a:b] = inner.estimate(series, state.members[0])[:, a - first : b - first]
        return volume

    def memory(self, problem: TiltSeries) -> int:
        """Bytes that a run allocates at its peak: the volume, and what the largest slab needs."""
        return self._need(problem, self.thickness(problem))

    def proposals(self, problem: TiltSeries, have: int) -> Iterable[Proposal]:
        """Thinner slabs, out of core, and binning, as far as they fit."""
        from .proposals import proposals

        return proposals(self, problem, have)

    def thickness(self, problem: TiltSeries) -> int:
        """Slices of a slab: as wanted, or the most that the memory allows."""
        geometry = self.geometry(problem)
        unit = BLOCK if geometry.plain else BLOCK // 4
        if self.slices:
            return unit * -(-self.slices // unit) if geometry.plain else self.slices
        budget = 1e9 * self.memory_limit or _FREE * available()
        choices = range(unit, geometry.volume[1] + unit, unit)
        fitting = bisect_right(choices, budget, key=lambda thickness: self._need(problem, thickness))
        return choices[max(fitting - 1, 0)]

    def _need(self, problem: TiltSeries, thickness: int) -> int:
        geometry = self.geometry(problem)
        tilts, rows, columns = problem.shape
        volume = 4 * int(np.prod(geometry.volume))
        own = volume + 40 * tilts * rows + 32 * rows * columns + (2 * tilts * rows * columns if geometry.film else 0)
        largest = max(self.slabs(geometry, thickness), key=_size)
        series = geometry.part(largest.slices, largest.rows)
        inner = replace(self.algorithm, height=largest.slices[1] - largest.slices[0])
        return own + max(volume, inner.memory(series) + self._judging(geometry, largest))

    def _judging(self, geometry: Geometry, slab: Slab) -> int:
        """Bytes that the figures of a slab take where the algorithm does not leave them."""
        if self.independent(geometry) or slab.seen[0] == slab.seen[1]:
            return 0
        (first, last), (depth, _, width) = geometry.around(slab), geometry.volume
        part, volume = geometry.part((first, last), slab.seen), (depth, last - first, width)
        tilts, rows, columns = part.shape
        held = 3 * depth * packed_slices(last - first) * width + 2 * tilts * packed_slices(rows) * columns
        own = projector_memory(self.algorithm.kind, part.rotations, (rows, columns), volume, part.shifts)
        return 4 * held + own


def _size(slab: Slab) -> tuple[bool, int]:
    """What the memory that a slab takes grows with."""
    rows = slab.rows[1] - slab.rows[0]
    return rows > 0, slab.slices[1] - slab.slices[0] + rows


def _usable(algorithm: Tomography[Any], series: TiltSeries) -> NDArray[np.bool_]:
    """Pixels (tilt, y, x) that a reconstruction of a slab is compared at."""
    valid = series.valid & series.used[:, None, None]
    if algorithm.film and valid.size:
        valid &= whole_rays(series, algorithm.work_shape(series))
    return valid


def shared_values(algorithm: Tomography[Any], series: TiltSeries, names: Iterable[str]) -> dict[str, float]:
    """What a slab contributes to the values that all share; empty where nothing can come of it."""
    if not _usable(algorithm, series).any():
        return {}
    setup = algorithm.prepare(series)
    if "step" in names and setup.valid is None:  # here, but not in the whole, whose step allows for that
        setup.valid = np.ones_like(setup.measured)
        setup.step = setup.safe_step()
    return {name: value for name in names if (value := float(getattr(setup, name))) > 0}


def tells_nothing(algorithm: Tomography[Any], series: TiltSeries) -> bool:
    """Whether the rows of a slab hold nothing, so that nothing comes of it."""
    return not series.projections.any(where=_usable(algorithm, series))


def set_shared(setup: Any, values: Mapping[str, float]) -> None:
    """Have a slab use the values of the whole, as far as there are any."""
    for name, value in values.items():
        if value:
            setattr(setup, name, value)
