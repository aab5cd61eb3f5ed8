"""Cycles of hybrid input-output and error reduction (Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from ..core import Doc, Label
from . import kernels
from .base import Work
from .projections import Feedback, ProjectionAlgorithm, ProjectionState, on_object


@dataclass(frozen=True, kw_only=True)
class ERHIO(ProjectionAlgorithm, name="er-hio", title="ER-HIO cycles"):
    """Cycles of hybrid input-output, which escapes minima, and error reduction, which settles in them.

    The run ends with error reduction.
    """

    use: ClassVar[str] = (
        "Bragg diffraction and other complex objects, with shrink-wrap. On noisy real images GPS came much closer "
        "in our runs."
    )

    hio_iterations: Annotated[
        int, Interval(ge=1, le=10_000), Label("HIO iterations per cycle"), Doc("Iterations of HIO in a cycle.")
    ] = 40
    er_iterations: Annotated[
        int, Interval(ge=1, le=10_000), Label("ER iterations per cycle"), Doc("Iterations of ER in a cycle.")
    ] = 10
    beta: Feedback = 0.9

    def update(self, work: Work, state: ProjectionState) -> None:
        """HIO's update or ER's."""
        left = (self.iterations - 1 - state.iteration) % (self.hio_iterations + self.er_iterations)
        if left < self.er_iterations:
            work.constrain(state.image, state.support, state.input)
        else:
            on_object(kernels.hio_feedback, work, state, np.float32(self.beta))
