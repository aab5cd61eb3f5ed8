"""Cycles of hybrid input-output and error reduction (Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc
from . import kernels
from .base import Work
from .projections import ProjectionAlgorithm, ProjectionState, on_object


@dataclass(frozen=True, kw_only=True)
class ERHIO(ProjectionAlgorithm, name="er-hio", title="ER-HIO cycles"):
    """Cycles of hybrid input-output, which escapes minima, and error reduction, which settles in them.

    The run ends with error reduction.
    """

    hio_iterations: Annotated[int, Interval(ge=1, le=10_000), Doc("Iterations of HIO in a cycle.")] = 40
    er_iterations: Annotated[int, Interval(ge=1, le=10_000), Doc("Iterations of ER in a cycle.")] = 10
    beta: Annotated[float, Interval(ge=0.01, le=2), Doc("Feedback of HIO.")] = 0.9

    def update(self, work: Work, state: ProjectionState) -> None:
        """HIO's update or ER's."""
        left = (self.iterations - 1 - state.iteration) % (self.hio_iterations + self.er_iterations)
        if left < self.er_iterations:
            work.constrain(state.image, state.support, state.input)
        else:
            on_object(kernels.hio_feedback, work, state, np.float32(self.beta))
