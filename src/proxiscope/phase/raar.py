"""Relaxed averaged alternating reflections (Luke, Inverse Problems 21, 37 (2005))."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval

from ..core import Doc, Example, Label, Schedule
from ..core.parameters import at
from . import kernels
from .base import Work
from .projections import Polish, Polished, ProjectionState, on_object


@dataclass(frozen=True, kw_only=True)
class RAAR(Polished, name="raar", title="Relaxed averaged alternating reflections (RAAR)"):
    """Relaxed averaged alternating reflections: between a reflection scheme that explores and one that settles."""

    use: ClassVar[str] = (
        "Clean data, instead of HIO; the run ends with error reduction. On noisy data GPS came much closer in our runs."
    )

    beta: Annotated[
        Schedule,
        Interval(ge=0.01, le=1),
        Label("Relaxation beta"),
        Example("0: 0.9, 0.5: 0.75"),
        Doc("Weight of the reflections over the run, as fraction of the run: value."),
    ] = ((0.0, 0.9),)
    polish: Polish = 50

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- beta/2 (R_S R_M + 1) g + (1 - beta) P_M g, with reflections R = 2 P - 1 and P_M g = u."""
        beta = at(self.beta, state.iteration / self.iterations)
        on_object(kernels.raar, work, state, np.float32(beta))
