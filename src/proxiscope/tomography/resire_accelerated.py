"""RESIRE with momentum (A. Beck and M. Teboulle, SIAM J. Imaging Sci. 2, 183 (2009))."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import copied
from .base import ON_HOST, DescentState
from .resire import FAST, Resire, ResireSetup


@dataclass(kw_only=True)
class MomentumState(DescentState):
    """Adds the volume and residual of the iteration before, and t_k (block,), from which the momentum follows."""

    previous: NDArray[Any]
    previous_residual: NDArray[Any]
    t: NDArray[Any] = field(metadata=ON_HOST)


@dataclass(frozen=True, kw_only=True)
class AcceleratedRESIRE(Resire, name="resire-accelerated", title="RESIRE, accelerated"):
    """RESIRE with momentum (FISTA): the R-factor that takes RESIRE hundreds of iterations in a few dozen.

    Each step starts beyond the present volume, along its last change; the momentum begins anew whenever the misfit
    rises (B. O'Donoghue and E. Candes, Found. Comput. Math. 15, 715 (2015)). It fits the noise as much sooner as all
    else: stop it early, by the noise level or by held-out tilts.
    """

    use: ClassVar[str] = (
        "Any tilts, and nothing assumed of the object: it fits soonest. So it does noise: end it by the noise level "
        "or by held-out tilts."
    )

    State: ClassVar[type] = MomentumState
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = FAST

    _volumes: ClassVar[int] = 5
    _series: ClassVar[int] = 4

    def start(self, state: DescentState) -> MomentumState:
        """``u_-1 = u_0``, ``t_0 = 1``."""
        common = {f.name: getattr(state, f.name) for f in fields(state)}
        return MomentumState(
            **common,
            previous=copied(state.volume),
            previous_residual=copied(state.residual),
            t=np.ones_like(state.slowdown),
        )

    def descend(self, work: Any, state: Any) -> None:
        """A gradient step from the extrapolated volume."""
        gradient, momentum = self.ahead(work, state, state.squares > 1.0001 * state.previous_squares)
        step = work.step / state.slowdown
        work.kernels.leap(state.volume, state.previous, gradient, momentum, step, self.positivity, work.weights)
        self.swap(state)

    def ahead(
        self, work: ResireSetup, state: MomentumState, rose: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Gradient at the extrapolated volume, whose residual follows from the last two, and the momentum (block,).

        In blocks in which the misfit `rose` the momentum begins anew.
        """
        state.slowdown[rose & (state.t < 2.5)] *= 1.5  # with little momentum, t_1 = 1.62 or t_2 = 2.19: too long a step
        state.t[rose] = 1
        t = (1 + np.sqrt(1 + 4 * state.t**2)) / 2
        momentum, state.t = (state.t - 1) / t, t
        work.kernels.extrapolate(state.residual, state.previous_residual, momentum)
        return work.projector.adjoint(state.previous_residual, work.gradient), momentum

    def swap(self, state: MomentumState) -> None:
        """The new volume lies where the previous one was; the previous residual makes room for the new one."""
        state.volume, state.previous = state.previous, state.volume
        state.residual, state.previous_residual = state.previous_residual, state.residual
