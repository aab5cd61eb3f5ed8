"""Simultaneous iterative reconstruction technique (Gilbert 1972; thesis eq. 3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from ..core.algorithm import MaxIterations
from ..core.arrays import Device, namespace_of, place
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries


class SirtSetup(Setup):
    """A packed tilt series with the row and column sums of the projector."""

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], kind: str, film: bool, device: str = "cpu"):
        super().__init__(series, volume, kind, film, device)
        ones = place(np.ones(self.projector.domain_shape, np.float32), device)
        usable = place(np.ones(self.projector.range_shape, np.float32), device) * self.usable()
        inverted = inverse if self.in_slices else bounded_inverse
        self.row_weights = inverted(self.projector.forward(ones))
        self.column_weights = inverted(self.projector.adjoint(usable, ones))
        self.scaled = self.empty(self.projector.range_shape)
        self.gradient = self.empty(self.projector.domain_shape)
        if not self.in_slices:
            self.column_weights /= max(1, 1.05 * self._largest_eigenvalue(usable * self.row_weights))

    def _largest_eigenvalue(self, row_weights: NDArray[Any], rounds: int = 8) -> float:
        """Largest eigenvalue of C A* R A, by power iteration from a random volume."""
        volume = place(np.random.default_rng(0).random(self.projector.domain_shape, np.float32), self.device)
        self.kernels.normalise(volume)
        for _ in range(rounds):
            self.kernels.multiply(row_weights, self.projector.forward(volume, self.scaled), out=self.scaled)
            volume = self.column_weights * self.projector.adjoint(self.scaled, self.gradient)
            largest = self.kernels.normalise(volume)
        return largest


def inverse(sums: NDArray[Any]) -> NDArray[Any]:
    """1 / sums, and 0 where a ray or a voxel meets nothing."""
    threshold = np.float32(1e-3) * sums.max()
    return np.divide(1, sums, out=np.zeros_like(sums), where=sums > threshold)


def bounded_inverse(sums: NDArray[Any]) -> NDArray[Any]:
    """1 / sums, of which each counts as a tenth of the largest and as one voxel at least.

    Of rays about other axes that only graze the volume positive and negative weights may cancel.
    """
    xp = namespace_of(sums)
    least = max(np.float32(0.1) * np.float32(float(xp.max(sums))), np.float32(1))
    return 1 / xp.clip(sums, float(least), None)


@dataclass(frozen=True, kw_only=True)
class SIRT(IterativeTomography, name="sirt", title="SIRT"):
    """Simultaneous iterative reconstruction: u <- u - lambda C A* R (A u - b).

    R and C hold the inverse row and column sums of the projector, the column sums over usable pixels. With a single
    axis they bound the step, because the projector's weights are not negative. About other axes a few are: there the
    largest eigenvalue of C A* R A, found by power iteration, divides C where it is above one.
    """

    use: ClassVar[str] = (
        "What the field knows best, for comparison. RESIRE came a little closer in our tests, in as many iterations."
    )

    Setup: ClassVar[type] = SirtSetup
    _series: ClassVar[int] = 6

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "thesis": {"max_iterations": 400}, "fast": {"max_iterations": 50},
    }  # fmt: skip

    projector: Annotated[
        Literal["real-space", "fourier-slice"],
        Doc("How volumes are projected: rays in real space, or the exact Fourier slice theorem."),
    ] = "real-space"
    device: Device = "cpu"
    relaxation: Annotated[
        float,
        Interval(ge=0.01, le=1.99),
        Label("Relaxation lambda"),
        Doc("Relaxation lambda: the part of each step that is taken."),
    ] = 1.0
    max_iterations: MaxIterations = 200

    @property
    def kind(self) -> str:
        """Kind of projector that the method uses."""
        return self.projector

    def descend(self, work: SirtSetup, state: DescentState) -> None:
        """Eq. 3.5, weighted by the sums of rows, which there are squared norms, and of columns."""
        work.kernels.multiply(state.residual, work.row_weights, out=work.scaled)
        gradient = work.projector.adjoint(work.scaled, work.gradient)
        work.kernels.descend(state.volume, gradient, self.relaxation, self.positivity, work.column_weights)
