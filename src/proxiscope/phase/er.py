"""Error reduction (Gerchberg and Saxton 1972; Fienup, Appl. Opt. 21, 2758 (1982))."""

from dataclasses import dataclass
from typing import ClassVar

from .base import Work
from .projections import ProjectionAlgorithm, ProjectionState


@dataclass(frozen=True, kw_only=True)
class ER(ProjectionAlgorithm, name="er", title="Error reduction (ER)"):
    """Error reduction: project in turn onto the measured magnitudes and onto the object's constraints.

    It never raises its error and stops at the nearest minimum: use it to polish what another algorithm found.
    """

    use: ClassVar[str] = (
        "To polish what another algorithm found, by Start from. Not from random phases: it stops at the nearest "
        "minimum."
    )

    def update(self, work: Work, state: ProjectionState) -> None:
        """g <- P_S(u)."""
        work.constrain(state.image, state.support, state.input)
