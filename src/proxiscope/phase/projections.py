"""What the algorithms share that project onto the measured magnitudes in every iteration."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Zero
from ..core.arrays import copied
from ..core.threads import elementwise
from .base import PhaseState, Work
from .shrink_wrap import ShrinkWrap


@dataclass(kw_only=True)
class ProjectionState(PhaseState):
    """`input` g: what the last update made. `image` u = P_M(g): g with the measured magnitudes."""

    input: NDArray[Any]
    image: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class ProjectionAlgorithm(ShrinkWrap[ProjectionState]):
    """An iteration g <- update(g, u), u <- P_M(g) with two FFTs, where P_M imposes the measured magnitudes."""

    State: ClassVar[type] = ProjectionState

    def begin(self, work: Work, spectrum: NDArray[Any], support: NDArray[Any]) -> ProjectionState:
        """Both images are the start."""
        image = work.transform.inverse(spectrum, work.transform.image())
        return ProjectionState(support=support, input=copied(image), image=image)

    def update(self, work: Any, state: Any) -> None:
        """The next input g from the last one and its u, in place."""
        raise NotImplementedError

    def advance(self, work: Any, state: ProjectionState) -> None:
        """g <- update(g, u); u <- P_M(g)."""
        self.update(work, state)
        work.project(state.input, state.image)

    def object(self, work: Any, state: ProjectionState) -> NDArray[Any]:
        """u."""
        return state.image


Feedback = Annotated[
    float,
    Interval(ge=0.01, le=2),
    Label("Feedback beta"),
    Doc("How strongly pixels that break the constraints are pushed back."),
]

Polish = Annotated[
    int,
    Interval(ge=0, le=10_000),
    Label("Final ER iterations"),
    Zero("none"),
    Doc("Iterations of error reduction at the end of the run, at most half of it, which settle what oscillates."),
]


@dataclass(frozen=True, kw_only=True)
class Polished(ProjectionAlgorithm):
    """A projection algorithm whose run may end with error reduction."""

    polish: Polish = 0

    def advance(self, work: Any, state: ProjectionState) -> None:
        """The algorithm's own iteration, or one of error reduction once the end is near."""
        if state.iteration < self.iterations - min(self.polish, self.iterations // 2):
            super().advance(work, state)
        else:
            work.constrain(self.object(work, state), state.support, state.input)
            work.project(state.input, state.image)


def on_object(
    kernel: Callable[..., Any], work: Work, state: ProjectionState, *scalars: float | np.floating[Any]
) -> None:
    """Run a kernel (g, u, support, non_negative, ...) over the object."""
    elementwise(kernel, (state.input, state.image, state.support), work.non_negative, *scalars)
