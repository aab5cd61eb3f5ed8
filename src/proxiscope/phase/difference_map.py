"""The difference map (Elser, J. Opt. Soc. Am. A 20, 40 (2003))."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from ..core.threads import elementwise
from . import kernels
from .base import Work
from .problem import DiffractionPattern
from .projections import Polish, Polished, ProjectionState


@dataclass(frozen=True, kw_only=True)
class DifferenceMap(Polished, name="difference-map", title="Difference map (DM)"):
    """Difference map: the difference of two estimates drives the iterate until both constraints agree.

    With beta = 1, where it is the Douglas-Rachford iteration, it takes two FFTs, otherwise four.
    """

    use: ClassVar[str] = "Clean data in which HIO gets stuck. On noisy data GPS came much closer in our runs."

    _images: ClassVar[int] = 9

    beta: Annotated[
        float, Interval(ge=0.1, le=1.5), Label("Step beta"), Doc("Step; both estimates are reflected by 1/beta.")
    ] = 1.0
    polish: Polish = 50

    def object(self, work: Work, state: ProjectionState) -> NDArray[Any]:
        """P_M f_S(g), which solves the problem at a fixed point; with beta = 1 that is u."""
        if self.beta == 1:
            return state.image
        arrays = (state.input, state.support, work.image)
        elementwise(kernels.relaxed_constraint, arrays, work.non_negative, np.float32(self.beta))
        return work.project(work.image, work.image)

    def work(self, problem: DiffractionPattern) -> float:
        """Twice as many transforms where beta is not 1."""
        return super().work(problem) * (1 if self.beta == 1 else 2)

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- g + beta (P_S f_M(g) - P_M f_S(g)), f_M = (1 + 1/beta) P_M - 1/beta, f_S = (1 - 1/beta) P_S + 1/beta."""
        arrays = (state.input, state.image, self.object(work, state), state.support)
        elementwise(kernels.difference_map, arrays, work.non_negative, np.float32(self.beta))
