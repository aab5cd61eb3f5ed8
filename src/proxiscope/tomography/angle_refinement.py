"""Reconstruction with refinement of the tilts, which the thesis mentions for nanoparticles (section 3.3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, InputError, Label, State, Unit, When, Zero
from ..core.algorithm import same_make
from ..physics.projectors import GeneralProjector
from ..physics.rotations import euler_angles, rotation_matrices, rotations_by
from .base import Film, Positivity, Tomography
from .film import resized, whole_rays
from .problem import TiltSeries
from .resire_accelerated import AcceleratedRESIRE

Moves = When("rounds", Interval(ge=2))
"""Tilts are moved after each round but the last."""

_STEP = 0.5  # degrees, of the finite differences
_LARGEST = 2.0  # degrees or pixels that a tilt may move in a round


@dataclass
class RefinementState(State):
    """Geometry: Euler triples (tilt, 3) in degrees, shifts (tilt, 2) in pixels; and the state of the reconstruction.

    That is the one of `members`. `lowest` is the lowest R-factor at the end of a round, `idle` the rounds since it
    fell.
    """

    rotations: NDArray[Any]
    shifts: NDArray[Any]
    members: list[Any]
    lowest: float = np.inf
    idle: int = 0


@dataclass
class Work:
    """The series with the tilts of the present round, once it has been made."""

    series: TiltSeries | None = None


@dataclass(frozen=True, kw_only=True)
class AngleRefinement(Tomography[RefinementState], name="angle-refinement", title="RESIRE, refining the tilts"):
    """Reconstruct and refine each tilt's three angles and its shift in turn, until the R-factor no longer falls.

    Each round moves every tilt by a Gauss-Newton step on the misfit of its projection, to fractions of a degree and of
    a pixel, and then goes on with accelerated RESIRE from the volume so far. Start with series that are aligned to a
    few pixels and degrees. Held-out tilts are refined as well: their R-factor is not quite free.
    """

    use: ClassVar[str] = (
        "Series whose tilts and shifts are known only to a few degrees and pixels. It takes dozens of times as "
        "long: bin them first."
    )

    State: ClassVar[type] = RefinementState
    refines_tilts: ClassVar[bool] = True
    slice_reach: ClassVar[int | None] = None

    rounds: Annotated[
        int, Interval(ge=1, le=10_000), Label("Rounds, at most"), Doc("Rounds at the most; 1 refines nothing.")
    ] = 30
    steps: Annotated[
        int,
        Interval(ge=1, le=1000),
        Label("Iterations per round"),
        Doc("Iterations of accelerated RESIRE in a round."),
    ] = 50
    refine: Annotated[
        Literal["all", "tilt", "shifts"],
        Moves,
        Doc("What to refine: all three angles and the shifts, only the tilt and the shifts, or only the shifts."),
    ] = "all"
    smoothing: Annotated[
        float,
        Interval(ge=0, le=10),
        Unit("px"),
        Label("Blur of derivatives"),
        Zero("none"),
        Moves,
        Doc("Blur of the derivatives, but for those by the tilt, so that the noise in the volume does not steer."),
    ] = 1.0
    damping: Annotated[
        float,
        Interval(ge=0.1, le=1),
        Label("Part of each step taken"),
        Moves,
        Doc("Part of each Gauss-Newton step that is taken."),
    ] = 0.7
    patience: Annotated[
        int,
        Interval(ge=1, le=1000),
        Unit("rounds"),
        Label("Patience"),
        Moves,
        Doc("Rounds without a fall of the R-factor by 0.05 % of it that end the run."),
    ] = 3
    positivity: Positivity = True
    film: Film = False

    _series: ClassVar[int] = 14

    @cached_property
    def reconstruction(self) -> AcceleratedRESIRE:
        """What reconstructs in each round."""
        size = {name: getattr(self, name) for name in ("depth", "height", "width")}
        return AcceleratedRESIRE(max_iterations=self.steps, positivity=self.positivity, film=self.film, **size)

    def memory(self, problem: TiltSeries) -> int:
        """Bytes that a run on `problem` allocates at its peak."""
        return super().memory(problem) + self.reconstruction.memory(_turned(problem))

    def work(self, problem: TiltSeries) -> float:
        """Of the reconstruction, and of the projections that tell how to move the tilts."""
        moves = {"all": 7, "tilt": 3, "shifts": 1}[self.refine]
        return self.reconstruction.work(_turned(problem)) * (1 + moves / (2 * self.steps))

    def work_shape(self, problem: TiltSeries) -> tuple[int, int, int]:
        """(z, y, x) of the volume that is computed in."""
        return self.reconstruction.work_shape(problem)

    def check_problem(self, problem: TiltSeries) -> None:
        """Raise InputError also if the reconstruction cannot take it."""
        super().check_problem(problem)
        self.reconstruction.check_problem(problem)
        if problem.shape[1] < 2:
            raise InputError("projections", "one row of pixels", "Give at least two: a shift along y shows in them")

    @property
    def iterations(self) -> int:
        """Steps that a whole run takes, one iteration of the reconstruction each."""
        return self.rounds * self.steps

    def prepare(self, problem: TiltSeries) -> Work:
        """Room for the series with its tilts moved; the projector changes in each round."""
        return Work()

    def init(self, problem: TiltSeries, seed: int) -> RefinementState:
        """u = 0 and the tilts as given; there is nothing random, so `seed` has no effect."""
        members = [self.reconstruction.init(problem, seed)]
        return RefinementState(problem.rotations.copy(), problem.shifts.copy(), members, work=Work())

    def check_state(self, problem: TiltSeries, state: RefinementState) -> None:
        """Refuse a state that belongs to another reconstruction."""
        expected = self.reconstruction.init(self.series(problem, state), 0)
        if len(state.members) != 1 or not same_make(expected, state.members[0]):
            raise InputError("state", "that of another refinement", "Resume with the data that it belongs to")

    def series(self, problem: TiltSeries, state: RefinementState) -> TiltSeries:
        """The series with the tilts as refined so far."""
        return problem.copy_with(rotations=state.rotations, shifts=state.shifts)

    def step(self, problem: TiltSeries, state: RefinementState) -> RefinementState:
        """An iteration of the reconstruction; at the beginning of a round, first move the tilts by what it tells."""
        method, work = self.reconstruction, self.workspace(problem, state)
        if work.series is None:
            work.series = self.series(problem, state)
        if state.iteration and state.iteration % self.steps == 0:
            volume = self._volume(state, work.series)
            self._move(problem, state, volume)
            work.series = self.series(problem, state)
            state.members[0] = method.starting_from(work.series, volume)
        state.members[0] = method.step(work.series, state.members[0])
        state.iteration += 1
        if state.iteration % self.steps == 0:
            r_factor = state.members[0].r_factor
            fell = r_factor < 0.9995 * state.lowest
            state.lowest, state.idle = min(state.lowest, r_factor), 0 if fell else state.idle + 1
        return state

    def _volume(self, state: RefinementState, series: TiltSeries) -> NDArray[Any]:
        """The volume (z, y, x) that is computed in."""
        inner = state.members[0]
        return self.reconstruction.workspace(series, inner).projector.unpack_volume(inner.volume)

    def finished(self, state: RefinementState) -> bool:
        """Whether the R-factor has stopped falling."""
        return state.idle >= self.patience

    def _move(self, problem: TiltSeries, state: RefinementState, volume: NDArray[Any]) -> None:
        """A damped Gauss-Newton step of every tilt, about the detector's axes."""
        matrices = rotation_matrices(state.rotations)
        alive = np.asarray(problem.projections.any(axis=(1, 2)))
        valid = problem.valid & alive[:, None, None]  # a dead tilt stays where it is
        if self.film:
            valid &= whole_rays(self.series(problem, state), volume.shape)

        def project(turned: NDArray[Any]) -> NDArray[Any]:
            geometry = euler_angles(turned), problem.shape[1:], volume.shape, state.shifts
            return GeneralProjector(*geometry).forward(volume)

        axes = {"all": (1, 0, 2), "tilt": (1,), "shifts": ()}[self.refine]
        turns = [rotations_by(_STEP * np.eye(3)[axis]) for axis in axes]
        projected = project(matrices)
        slopes = [(project(matrices @ turn) - project(matrices @ turn.T)) / (2 * _STEP) for turn in turns]
        slopes += [-slope for slope in np.gradient(projected, axis=(1, 2))]
        for slope in slopes:
            slope *= valid  # only now: the edge of a mask is no slope
        residual = (problem.projections - projected) * valid
        moves = np.clip(
            self.damping * _gauss_newton(residual, slopes, self._blurred(slopes)),
            -_LARGEST,
            _LARGEST,
        )
        vectors = np.zeros((len(matrices), 3))
        vectors[:, axes] = moves[:, :-2]
        turned, shifts = _anchored(matrices @ rotations_by(vectors), state.shifts + moves[:, -2:], problem)
        state.rotations, state.shifts = euler_angles(turned, near=problem.rotations), shifts

    def _blurred(self, slopes: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Derivatives to weigh the residual by.

        The volume holds the noise of the very projections that it is compared with, so that noise correlates with
        noise; blurred derivatives do not see it. That by the tilt stays sharp: a blurred one lets the object stretch
        along the beam and all tilts with it.
        """
        blurred = [
            scipy.ndimage.gaussian_filter(slope, (0, self.smoothing, self.smoothing)) if self.smoothing else slope
            for slope in slopes
        ]
        return slopes[:1] + blurred[1:] if self.refine != "shifts" else blurred

    def metrics(self, problem: TiltSeries, state: RefinementState) -> Mapping[str, float]:
        """Those of the reconstruction, with the tilts as refined so far."""
        return self.reconstruction.metrics(problem, state.members[0])

    def estimate(self, problem: TiltSeries, state: RefinementState) -> NDArray[Any]:
        """Volume (z, y, x), float32."""
        work = self.workspace(problem, state)
        if work.series is None:
            work.series = self.series(problem, state)
        return resized(self._volume(state, work.series), self.volume_shape(problem)).copy()

    def products(self, problem: TiltSeries, state: RefinementState) -> Mapping[str, NDArray[Any]]:
        """``"rotations"``, Euler triples (tilt, 3) in degrees, and ``"shifts"`` (tilt, 2) in pixels, as refined."""
        return {"rotations": state.rotations.copy(), "shifts": state.shifts.copy()}


def _turned(series: TiltSeries) -> TiltSeries:
    """The series with tilts that are not about one axis, whose projector takes more memory."""
    return series.copy_with(rotations=np.add(series.rotations, [0.1, 0, 0.1]))


def _gauss_newton(
    residual: NDArray[Any], slopes: list[NDArray[Any]], instruments: list[NDArray[Any]]
) -> NDArray[np.float64]:
    """Steps (tilt, parameter) x that solve <w_i, residual> = sum_j <w_i, slope_j> x_j for each tilt."""
    normal = np.empty((len(residual), len(slopes), len(slopes)))
    right = np.empty((len(residual), len(slopes), 1))
    for t, r in enumerate(residual):
        j, w = (np.stack([s[t].ravel() for s in each]).astype(np.float64) for each in (slopes, instruments))
        normal[t], right[t, :, 0] = w @ j.T, w @ r.ravel()
    diagonal = np.abs(np.einsum("tii->ti", normal))
    tiny = 1e-12 * diagonal.max() + np.finfo(float).tiny
    normal += np.eye(len(slopes)) * (1e-3 * diagonal + tiny)[:, :, None]
    return np.linalg.solve(normal, right)[..., 0].astype(np.float64, copy=False)


def _anchored(matrices: NDArray[Any], shifts: NDArray[Any], problem: TiltSeries) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same geometry without the turn and the shift of the whole object that it has gained over the given one."""
    given = rotation_matrices(problem.rotations)
    turn = scipy.spatial.transform.Rotation.from_matrix(given @ matrices.transpose(0, 2, 1)).mean().as_matrix()
    along = np.concatenate([matrices[:, :, 1], matrices[:, :, 0]])
    moved = (shifts - problem.shifts).T.ravel()
    offset = np.linalg.lstsq(along, moved, rcond=None)[0]
    return turn @ matrices, shifts - (along @ offset).reshape(2, -1).T
