"""Maximum-likelihood refinement for counted photons (Thibault and Guizar-Sicairos, New J. Phys. 14, 063004 (2012))."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..core import Doc, InputError, Label
from ..core.algorithm import MaxIterations
from ..core.arrays import namespace_of, on_host, place, zeros
from ..core.threads import suited
from ..physics.fourier import self_paired
from . import kernels, quasi_newton
from .base import PhaseRetrieval, PhaseState, Work
from .problem import DiffractionPattern


class Likelihood(Work):
    """The Poisson likelihood of the measured intensities, in double precision.

    `counts` is, on the spectrum, how many of the pixels k and -k were measured; `intensities` the sum of theirs.
    """

    def __init__(self, problem: DiffractionPattern, device: str = "cpu"):
        super().__init__(problem, device)
        self.double = self.transform.spectrum(np.float64)
        self.wide = self.transform.image(np.float64)
        parts = [on_host(b) for b in self.measured.parts]
        counts: Any = sum((b >= 0).astype(np.float64) for b in parts)
        intensities: Any = sum(np.where(b >= 0, b, 0).astype(np.float64) ** 2 for b in parts)
        self.counts, self.intensities = place(counts, device), place(intensities, device)
        self.pixels = float(counts.sum())
        self._twice = place(~self_paired(problem.shape), device) if problem.real else None

    def embed(self, values: NDArray[Any], support: NDArray[Any]) -> NDArray[Any]:
        """The image that has `values` inside the support."""
        self.wide[...] = 0
        self.wide[support] = values.view(self.wide.dtype)
        return self.wide

    def cost(self, values: NDArray[Any], support: NDArray[Any], background: float) -> tuple[float, NDArray[Any]]:
        """Half the deviance and its gradient, of an object given inside the support as real numbers."""
        spectrum = self.transform.forward(self.embed(values, support), self.double)
        arrays = (a.reshape(-1) for a in (spectrum, self.counts, self.intensities))
        cost = float(suited(kernels.poisson, spectrum)(*arrays, background))
        if self._twice is not None:  # the inverse counts the other columns twice, at k and at -k
            spectrum[..., self._twice] /= 2
        gradient = self.transform.inverse(spectrum, self.wide)[support]
        return cost, 2 * math.prod(support.shape) * gradient.view(values.dtype)

    def read_out(self, values: NDArray[Any], support: NDArray[Any]) -> float:
        """Variance of the read-out noise over the intensity of a photon, from the misfit of an object.

        The brightest pixels tell the intensity of a photon, which is the variance of their intensities over their
        mean; the variance of the darker half beyond that is the read-out noise. That is rough, and low where
        negative counts were cut off.
        """
        spectrum = self.transform.forward(self.embed(values, support), self.double)
        every_count, intensities = on_host(self.counts), on_host(self.intensities)
        measured = every_count > 0
        counts, intensities = every_count[measured], intensities[measured]
        model = np.abs(on_host(spectrum)[measured]) ** 2
        variance = counts * (model - intensities / counts) ** 2
        bright, dark = model >= np.quantile(model, 0.9), model <= np.median(model)
        photon = (variance[bright] / model[bright]).mean() if model.max() > 0 else 0.0
        if photon == 0:
            return 0.0
        excess = float((variance[dark] - photon * model[dark]).mean() / photon)
        return min(max(0.0, excess), float(np.median(intensities / counts)))


@dataclass(kw_only=True)
class LikelihoodState(PhaseState):
    """`values` of the object inside the support (float64; real and imaginary parts in turn), their `gradient`, and
    the last steps and changes of the gradient (`steps`, `changes`). `background` is the variance of the read-out
    noise over the intensity of a photon. `cost` is half the deviance. Once `converged`, nothing changes any more."""

    values: NDArray[Any]
    gradient: NDArray[Any]
    steps: NDArray[Any]
    changes: NDArray[Any]
    cost: float
    background: float
    converged: bool = False


@dataclass(frozen=True, kw_only=True)
class PoissonML(PhaseRetrieval[LikelihoodState], name="poisson-ml", title="Maximum likelihood (Poisson)"):
    """Maximum likelihood: refine a result to the object that most likely gave the counted photons.

    It needs an earlier result to start from, and improves it to what the noise allows. Quasi-Newton steps that keep
    the object's constraints.
    """

    use: ClassVar[str] = (
        "Last, to refine a good result of counted photons. It needs one to start from, and finds no object by itself."
    )

    State: ClassVar[type] = LikelihoodState
    result_is_best: ClassVar[bool] = False
    random_start: ClassVar[bool] = False
    needs_start: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    _images: ClassVar[int] = 14

    max_iterations: MaxIterations = 100
    read_out: Annotated[
        Literal["estimated", "none"],
        Label("Read-out noise"),
        Doc("Read-out noise of the detector: roughly estimated from the misfit of the start, or none."),
    ] = "estimated"

    def check_problem(self, problem: DiffractionPattern) -> None:
        """Refuse a problem without a start, and a device that there is not."""
        super().check_problem(problem)
        if problem.start is None:
            raise InputError(
                "start",
                "there is none",
                "Give an earlier result to refine (--start FILE, starting_from(), or Start from)",
            )

    def memory(self, problem: DiffractionPattern) -> int:
        """Bytes that a run on `problem` allocates at its peak; the steps it learns from are those of the support."""
        values = int(problem.support.sum()) * (8 if problem.real else 16)
        return super().memory(problem) + (4 * quasi_newton.MEMORY + 20) * values

    def prepare(self, problem: DiffractionPattern) -> Likelihood:
        """The likelihood."""
        return Likelihood(problem, self.device)

    def started(
        self, work: Likelihood, problem: DiffractionPattern, seed: int, background: float | None = None
    ) -> LikelihoodState:
        """The start inside the support; with a `background` that is known already, if it is given.

        Raises
        ------
        InputError
            If it is zero inside the support.
        """
        support = place(problem.support.copy(), work.device)
        start = work.constrain(place(problem.start, work.device), support, work.transform.image())
        work.wide[...] = start
        values = work.wide[support].view(work.intensities.dtype)
        if not namespace_of(values).any(values):
            raise InputError("start", "it is zero inside the support", "Give a start that lies in the support")
        if background is None:
            background = work.read_out(values, support) if self.read_out == "estimated" else 0.0
        cost, gradient = work.cost(values, support, background)
        steps, changes = (zeros((quasi_newton.MEMORY, len(values)), np.float64, work.device) for _ in range(2))
        return LikelihoodState(
            support=support, values=values, gradient=gradient, steps=steps, changes=changes, cost=cost,
            background=background,
        )  # fmt: skip

    def advance(self, work: Likelihood, state: LikelihoodState) -> None:
        """One quasi-Newton step."""
        bounded = self._bounded(work, len(state.values))
        quasi_newton.step(lambda values: work.cost(values, state.support, state.background), state, bounded)

    def object(self, work: Likelihood, state: LikelihoodState) -> NDArray[Any]:
        """u."""
        work.image[...] = work.embed(state.values, state.support)
        return work.image

    def metrics(self, problem: DiffractionPattern, state: LikelihoodState) -> Mapping[str, float]:
        """``"r_factor"`` and ``"free_r_factor"``, and the ``"deviance"`` per pixel, in units of the intensity."""
        work = self.workspace(problem, state)
        return {**super().metrics(problem, state), "deviance": 2 * state.cost / work.pixels}

    def _bounded(self, work: Likelihood, size: int) -> NDArray[Any] | None:
        """Which values must not be negative."""
        if not work.non_negative:
            return None
        bounded = np.ones(size, bool)
        if not work.transform.real:
            bounded[1::2] = False
        return place(bounded, work.device)
