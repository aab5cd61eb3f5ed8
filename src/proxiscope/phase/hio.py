"""Hybrid input-output (Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import kernels
from .base import Work
from .projections import Feedback, Polished, ProjectionState, on_object


@dataclass(frozen=True, kw_only=True)
class HIO(Polished, name="hio", title="Hybrid input-output (HIO)"):
    """Hybrid input-output: push the object back where it breaks its constraints instead of cutting it off.

    It escapes local minima, and keeps oscillating when the data are noisy.
    """

    use: ClassVar[str] = (
        "Clean data: it escapes local minima. In noise it never settles; take GPS, or end the run with iterations "
        "of ER."
    )

    beta: Feedback = 0.9

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- u where u satisfies the object's constraints, else g - beta u."""
        on_object(kernels.hio_feedback, work, state, np.float32(self.beta))
