"""Hybrid input-output (Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from ..core import Doc
from . import kernels
from .base import Work
from .projections import Polished, ProjectionState, on_object


@dataclass(frozen=True, kw_only=True)
class HIO(Polished, name="hio", title="Hybrid input-output (HIO)"):
    """Hybrid input-output: push the object back where it breaks its constraints instead of cutting it off.

    It escapes local minima, and keeps oscillating when the data are noisy.
    """

    beta: Annotated[float, Interval(ge=0.01, le=2), Doc("Feedback of the pixels that break the constraints.")] = 0.9

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- u where u satisfies the object's constraints, else g - beta u."""
        on_object(kernels.hio_feedback, work, state, np.float32(self.beta))
