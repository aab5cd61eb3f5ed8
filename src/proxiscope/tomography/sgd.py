"""Stochastic gradient descent over tilts, with Laplacian smoothing (eq. 5.9 of the thesis)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, When
from ..physics.projectors import Projector, packed_slices
from ..physics.projectors import memory as projector_memory
from ..physics.smoothing import Order, Sigma, Smoothing, laplacian_smoothing, smooth_lanes
from . import kernels
from .base import DescentState, IterativeTomography, Setup
from .problem import TiltSeries

_COSTS = {"none": 4, "indices": 11, "slice": 25, "volume": 44}
"""What a pass costs by its smoothing, in projections there and back of all tilts at once; as measured."""

_VOLUMES = {"none": 0, "indices": 0, "slice": 1.7, "volume": 3.7}
"""Volumes that smoothing holds: a spectrum, its factors, and those between which it is packed and unpacked."""


class Batch:
    """A few tilts of a series, with what a step along them needs.

    Parameters
    ----------
    work : Setup
    series : TiltSeries
    tilts : NDArray of int
    scratch : float32, ``projector.domain_shape``
        Overwritten.

    Attributes
    ----------
    projector : Projector
    step : float
        1 / L_s, where L_s bounds the eigenvalues of A_s* A_s: the largest row sum of A_s A_s*.
    """

    def __init__(self, work: Setup, series: TiltSeries, tilts: NDArray[Any], scratch: NDArray[Any]):
        self.projector, self._measured, self._valid = work.part(series, tilts)
        self._kept = np.ones(len(tilts), np.float32)
        self._residual = np.ones(self.projector.range_shape, np.float32)
        sums = self.projector.forward(self.projector.adjoint(self._residual, scratch))
        largest = float(sums.max()) * (1 if work.in_slices else 1.1)  # about other axes a few weights are negative
        self.step = 1 / largest if largest > 0 else 0.0  # a tilt shifted so far that no ray meets the volume

    def gradient(self, volume: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """A_s* (A_s u - b_s) into `out`."""
        self.projector.forward(volume, self._residual)
        kernels.subtract(self._residual, self._measured, self._valid, self._kept)
        return self.projector.adjoint(self._residual, out)


class SGDSetup(Setup):
    """A packed tilt series, its batches, and what smooths their gradients."""

    def __init__(self, series: TiltSeries, volume: tuple[int, int, int], algorithm: "SGD"):
        super().__init__(series, volume, algorithm.kind, algorithm.film)
        self.update = self.empty(self.projector.domain_shape)
        used = np.flatnonzero(self.kept)
        count = -(-len(used) // algorithm.tilts_at_once)
        self.batches = [Batch(self, series, used[i::count], self.update) for i in range(count)]
        self.smooth = smoother(self.projector, volume, algorithm.smoothing, algorithm.sigma, algorithm.order)


def smoother(
    projector: Projector, volume: tuple[int, int, int], along: str, sigma: float, order: int
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """What smooths a gradient in the projector's layout, (block, z, x, slice) or (z, y, x), which it may overwrite."""
    shape = projector.domain_shape
    packed = len(shape) == 4
    if along == "none":
        return lambda gradient: gradient
    if along == "indices":

        def smooth_indices(gradient: NDArray[Any]) -> NDArray[Any]:
            if not packed:
                return laplacian_smoothing(gradient, sigma, order, out=gradient)
            smooth_lanes(gradient.reshape(shape[0], -1, shape[3]), sigma, order)
            return gradient

        return smooth_indices
    if along == "slice":
        smooth = Smoothing(shape, sigma, order, (1, 2) if packed else (0, 2))
    else:
        smooth = Smoothing(volume, sigma, order)

    def smooth_volume(gradient: NDArray[Any]) -> NDArray[Any]:
        if not packed or along == "slice":
            return smooth(gradient, gradient)
        unpacked = projector.unpack_volume(gradient)
        return projector.pack_volume(smooth(unpacked, unpacked))

    return smooth_volume


@dataclass(kw_only=True)
class SGDState(DescentState):
    """Adds the generator that draws the order of the tilts."""

    rng: np.random.Generator


Smoothed = When("smoothing", "indices", "slice", "volume")


@dataclass(frozen=True, kw_only=True)
class SGD(IterativeTomography, name="sgd", title="Stochastic gradient descent (SGD)"):
    """Gradient descent tilt by tilt, in random order: u <- P+(u - t / L_s A_sigma^-1 A_s* (A_s u - b_s)).

    L_s bounds the eigenvalues of A_s* A_s, so that t = 1 is safe. An iteration is a pass over all tilts. A_sigma^-1
    smooths each gradient: it holds back what is fine, which the noise of a single projection is and the object is
    less. Along `indices` it runs through the voxels of a slice in the order z, x as the thesis does with the entries
    of a tensor (about other axes, through those of the volume); over a `slice` perpendicular to the tilt axis, and
    over the `volume`, in the object's own geometry.

    Without smoothing it fits the noise within a few passes, and its best pass is as good as that of SIRT or RESIRE,
    whatever the step. Smoothing lowers that error, over the volume to half in very noisy data, more than a filter
    afterwards does. Later passes still fit the noise, and total variation, where it suits the object, does better.
    """

    use: ClassVar[str] = (
        "Noisy projections, in a few smoothed passes: less noise than RESIRE or SIRT at their best, far slower. End it "
        "early. RESIRE with total variation mostly does better."
    )

    State: ClassVar[type] = SGDState
    Setup: ClassVar[type] = SGDSetup
    random_start: ClassVar[bool] = True
    _series: ClassVar[int] = 6

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "thesis": {"smoothing": "indices", "sigma": 1.0}, "fast": {"max_iterations": 8},
    }  # fmt: skip

    step_size: Annotated[
        float,
        Interval(ge=0.001, le=2),
        Label("Step size t"),
        Doc("Step t in units of the longest that is safe without smoothing; shorter ones take more passes."),
    ] = 1.0
    smoothing: Annotated[
        Literal["none", "indices", "slice", "volume"],
        Label("Smoothing of gradients"),
        Doc("Smooth each gradient not at all, along voxel indices as in the thesis, in slices, or over the volume."),
    ] = "volume"
    sigma: Annotated[Sigma, Smoothed] = 3.0
    order: Annotated[Order, Smoothed] = 1
    tilts_at_once: Annotated[
        int, Interval(ge=1, le=100_000), Doc("Tilts in a step; the more, the less random and the more passes.")
    ] = 1
    max_iterations: Annotated[
        int, Interval(ge=1, le=1_000_000), Label("Passes"), Doc("Passes over all tilts of a whole run.")
    ] = 30

    @property
    def slice_reach(self) -> int:  # type: ignore[override]  # a parameter decides
        """Slices on either side that smoothing over the volume takes in; it also joins the last ones to the first."""
        return math.ceil(4 * self.sigma ** (0.5 / self.order)) if self.smoothing == "volume" else 0

    def prepare(self, problem: TiltSeries) -> SGDSetup:
        """The projectors, the packed projections and what smooths."""
        return SGDSetup(problem, self.work_shape(problem), self)

    def init(self, problem: TiltSeries, seed: int) -> SGDState:
        """u = 0; `seed` decides the order of the tilts in each pass."""
        state: Any = self.starting_from(problem, None)
        state.rng = np.random.default_rng(seed)
        return state

    def start(self, state: DescentState) -> SGDState:
        """The state with a generator."""
        return SGDState(**{f.name: getattr(state, f.name) for f in fields(state)}, rng=np.random.default_rng(0))

    def memory(self, problem: TiltSeries) -> int:
        """Bytes at the peak; batches have projectors and projections of their own, and smoothing a spectrum."""
        depth, rows, columns = volume = self.work_shape(problem)
        own = projector_memory(self.kind, problem.rotations, problem.shape[1:], volume, problem.shifts)
        smoothing = int(4 * _VOLUMES[self.smoothing] * depth * packed_slices(rows) * columns)
        return super().memory(problem) + own + smoothing

    def work(self, problem: TiltSeries) -> float:
        """That of a pass, smoothing included."""
        return _COSTS[self.smoothing] * super().work(problem)

    def descend(self, work: SGDSetup, state: SGDState) -> None:
        """One pass, the constraints applied after each step."""
        for i in state.rng.permutation(len(work.batches)):
            batch = work.batches[i]
            gradient = work.smooth(batch.gradient(state.volume, work.update))
            kernels.descend(state.volume, gradient, self.step_size * batch.step, self.positivity)
            work.constrain(state.volume)
