"""What the algorithms share that smooth in stages, more from each to the next."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Unit, When
from ..core.arrays import place
from .base import PhaseState, Work
from .problem import DiffractionPattern
from .shrink_wrap import ShrinkWrap


@dataclass(kw_only=True)
class StagedState(PhaseState):
    """`best_r_factor` is the lowest so far with the support at hand; `best_shrunk` says which that is."""

    best_r_factor: float = math.inf
    best_shrunk: int = 0


S = TypeVar("S", bound=StagedState)


class StagedWork(Work):
    """The filter of the stage at hand, as factors of rows and columns, on the device."""

    stage = -1
    rows: NDArray[Any]
    columns: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Staged(ShrinkWrap[S]):
    """An algorithm with a filter that changes from stage to stage."""

    State: ClassVar[type] = StagedState

    stages: Annotated[int, Interval(ge=1, le=100), Label("Smoothing stages"), Doc("Stages of smoothing in a run.")] = 10
    restart: Annotated[
        bool,
        Label("Stages start from the best"),
        Doc("Start each stage from the best iterate so far."),
        When("stages", Interval(ge=2)),
    ] = True
    widest: Annotated[
        float,
        Interval(ge=0.01, le=100),
        Unit("frames"),
        Label("First filter width"),
        Doc("Width of the first stage's filter, in widths of the frame."),
    ] = 2.0
    narrowest: Annotated[
        float,
        Interval(ge=0.01, le=100),
        Unit("frames"),
        Label("Last filter width"),
        Doc("Width of the last stage's filter, in widths of the frame."),
        When("stages", Interval(ge=2)),
    ] = 0.2

    def prepare(self, problem: DiffractionPattern) -> StagedWork:
        """The measured data, scratch, and room for the filter."""
        return StagedWork(problem, self.device)

    def filter(self, work: Any, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """The filter of `width` frames, as factors of rows and columns."""
        raise NotImplementedError

    def keep_best(self, state: S) -> None:
        """Note the iterate as the best so far."""
        raise NotImplementedError

    def return_to_best(self, work: Any, state: S) -> None:
        """Go back to the best iterate so far."""
        raise NotImplementedError

    def enter_stage(self, work: StagedWork, state: S) -> None:
        """To be called before each iteration: the filter of its stage, and at the first one the best iterate."""
        stage = self._stage(state.iteration)
        if self.restart and stage != self._stage(state.iteration - 1) and math.isfinite(state.best_r_factor):
            self.return_to_best(work, state)
        if stage != work.stage:
            width = np.linspace(self.widest, self.narrowest, self.stages)[stage]
            work.stage = stage
            work.rows, work.columns = (place(factors, work.device) for factors in self.filter(work, width))

    def judged(self, state: S) -> None:
        """Keep the iterate if it is better than all before with its support."""
        if self.restart and (state.shrunk != state.best_shrunk or state.r_factor < state.best_r_factor):
            state.best_r_factor, state.best_shrunk = state.r_factor, state.shrunk
            self.keep_best(state)

    def _stage(self, iteration: int) -> int:
        return iteration * self.stages // self.iterations
