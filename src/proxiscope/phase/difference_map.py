"""The difference map (Elser, J. Opt. Soc. Am. A 20, 40 (2003))."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from ..core import Doc
from ..core.threads import elementwise
from . import kernels
from .base import Work
from .projections import Polished, ProjectionState


@dataclass(frozen=True, kw_only=True)
class DifferenceMap(Polished, name="difference-map", title="Difference map (DM)"):
    """Difference map: the difference of two estimates drives the iterate until both constraints agree.

    With beta = 1, where it is the Douglas-Rachford iteration, it takes two FFTs, otherwise four.
    """

    _images: ClassVar[int] = 9

    beta: Annotated[float, Interval(ge=0.1, le=1.5), Doc("Step, with gamma = 1/beta for both estimates.")] = 1.0
    polish: Annotated[
        int,
        Interval(ge=0, le=10_000),
        Doc("Iterations of error reduction at the end of the run, at most half of it, which settle what oscillates."),
    ] = 50

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- g + beta (P_S f_M(g) - P_M f_S(g)), f_M = (1 + 1/beta) P_M - 1/beta, f_S = (1 - 1/beta) P_S + 1/beta."""
        beta, estimate = np.float32(self.beta), state.image
        if self.beta != 1:
            arrays = (state.input, state.support, work.image)
            elementwise(kernels.relaxed_constraint, arrays, work.non_negative, beta)
            estimate = work.project(work.image, work.image)
        arrays = (state.input, state.image, estimate, state.support)
        elementwise(kernels.difference_map, arrays, work.non_negative, beta)
