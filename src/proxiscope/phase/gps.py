"""Generalized proximal smoothing (Pham et al., Opt. Express 27, 2792 (2019); thesis eqs 2.13-2.28)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Example, Label, Schedule
from ..core.arrays import copied
from ..core.parameters import at
from ..core.threads import elementwise
from ..physics.fourier import frequencies, gaussian
from . import kernels
from .base import FAST, Work
from .stages import Staged, StagedState, StagedWork

Sigma = Annotated[
    Schedule,
    Interval(ge=0, le=1e6),
    Label("Relaxation sigma"),
    Example("0: 0, 0.8: 1"),
    Doc("Relaxation of the measured magnitudes, as fraction of the run: value. Small to search, large to settle."),
]


THESIS = {"sigma": ((0.0, 0.01), (0.4, 0.1))}
"""That of the yeast spore, the only one that is printed; all else there is the default."""


@dataclass(kw_only=True)
class GPSState(StagedState):
    """Primal z and dual F y on the spectrum (complex64), the latter `y_hat`, and both of the best iterate so far."""

    z: NDArray[Any]
    y_hat: NDArray[Any]
    best_z: NDArray[Any]
    best_y_hat: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class GPS(Staged[GPSState]):
    """What GPS-R and GPS-F share: a primal-dual iteration (eq. 2.13) with two FFTs."""

    State: ClassVar[type] = GPSState

    sigma: Sigma = ((0.0, 0.0), (0.8, 1.0))
    s: Annotated[
        float,
        Interval(ge=0.01, le=0.99),
        Label("Dual step s"),
        Doc("Step size of the dual variable; s t must stay below 1."),
    ] = 0.9
    t: Annotated[
        float,
        Interval(ge=0.01, le=1),
        Label("Primal step t"),
        Doc("Step size of the primal variable; s t must stay below 1."),
    ] = 1.0

    def begin(self, work: Work, spectrum: NDArray[Any], support: NDArray[Any]) -> GPSState:
        """z is the start, y = 0."""
        zeros = work.transform.spectrum
        return GPSState(support=support, z=spectrum, y_hat=zeros(), best_z=copied(spectrum), best_y_hat=zeros())

    def magnitudes(self, work: Work, state: GPSState, kept: float, step: float) -> None:
        """z' <- prox(z - t F y) of eqs 2.14 and 2.28, and F y <- kept F y + step (2 z' - z)."""
        eps = at(self.sigma, state.iteration / self.iterations) / self.t
        scalars = map(np.float32, (eps, self.t, kept, step))
        elementwise(kernels.gps_magnitudes, (state.z, state.y_hat, work.measured.magnitudes), *scalars)
        work.transform.symmetrize(state.z)

    def object(self, work: Work, state: GPSState) -> NDArray[Any]:
        """u = F^-1 z."""
        work.spectrum[...] = state.z
        return work.transform.inverse(work.spectrum, work.image)

    def keep_best(self, state: Any) -> None:
        """Note z and F y."""
        state.best_z[...], state.best_y_hat[...] = state.z, state.y_hat

    def return_to_best(self, work: Work, state: Any) -> None:
        """z and F y of the best iterate."""
        state.z[...], state.y_hat[...] = state.best_z, state.best_y_hat


@dataclass(frozen=True, kw_only=True)
class GPSR(GPS, name="gps-r", title="GPS-R (real-space smoothing)"):
    """Generalized proximal smoothing in real space: a primal-dual iteration whose two constraints are relaxed.

    It tolerates noise and converges where HIO oscillates. A low-pass filter smooths the dual variable, more from
    stage to stage, and each stage starts from the best iterate so far (algorithm 1 of the thesis).
    """

    use: ClassVar[str] = (
        "The first to try with noisy data and a support that fits. Change sigma first: small values search, large "
        "ones settle."
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **FAST, "thesis": THESIS, "best": {"restart": False, "max_iterations": 3000},
    }  # fmt: skip

    sigma: Sigma = ((0.0, 0.0), (0.6, 0.1), (0.8, 1.0))

    def advance(self, work: StagedWork, state: GPSState) -> None:
        """Eqs 2.14 and 2.18: F y <- W F proj_S*(y + s F^-1(2 z' - z))."""
        self.enter_stage(work, state)
        self.magnitudes(work, state, kept=1, step=self.s)
        y = work.transform.inverse(state.y_hat, work.image)
        elementwise(kernels.gps_dual, (y, state.support), work.non_negative)
        work.transform.forward(y, state.y_hat)
        elementwise(kernels.weigh, (state.y_hat.reshape(len(work.rows), -1), work.rows), work.columns)

    def filter(self, work: Work, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """W = exp(-s k^2 / (2 alpha^2)) on the spectrum."""
        return gaussian(frequencies(work.transform.shape, work.transform.real), width / math.sqrt(self.s))


@dataclass(kw_only=True)
class GPSFState(GPSState):
    """The dual `y` in real space too, and that of the best iterate."""

    y: NDArray[Any]
    best_y: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class GPSF(GPS, name="gps-f", title="GPS-F (Fourier smoothing)"):
    """Generalized proximal smoothing in Fourier space: a primal-dual iteration whose two constraints are relaxed.

    It tolerates noise and converges where HIO oscillates. The dual variable is damped away from the centre, which
    smooths its spectrum, more from stage to stage, and each stage starts from the best iterate so far (algorithm 2
    of the thesis).
    """

    use: ClassVar[str] = (
        "When the support may be too large: then with a wide first filter. In a support that fits it needs more "
        "starts than GPS-R."
    )

    State: ClassVar[type] = GPSFState
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **FAST, "thesis": THESIS, "best": {"restart": False, "widest": 4.0, "max_iterations": 3000},
    }  # fmt: skip

    def begin(self, work: Work, spectrum: NDArray[Any], support: NDArray[Any]) -> GPSFState:
        """z is the start, y = 0."""
        state = super().begin(work, spectrum, support)
        return GPSFState(**vars(state), y=work.transform.image(), best_y=work.transform.image())

    def advance(self, work: StagedWork, state: Any) -> None:
        """Eqs 2.14 and 2.27: y <- W proj_S*(y + s F^-1(2 z' - z))."""
        self.enter_stage(work, state)
        self.magnitudes(work, state, kept=0, step=1)
        d = work.transform.inverse(state.y_hat, work.image)
        images = (a.reshape(len(work.rows), -1) for a in (state.y, d, state.support))
        elementwise(kernels.gps_weighed_dual, (*images, work.rows), work.columns, work.non_negative, np.float32(self.s))
        work.transform.forward(state.y, state.y_hat)

    def filter(self, work: Work, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """W = exp(-s r^2 / (2 alpha^2)) on the frame."""
        shape = work.transform.shape
        return gaussian([np.arange(n) - n // 2.0 for n in shape], width * max(shape) / math.sqrt(self.s))

    def keep_best(self, state: Any) -> None:
        """Note z and y."""
        super().keep_best(state)
        state.best_y[...] = state.y

    def return_to_best(self, work: Work, state: Any) -> None:
        """z and y of the best iterate."""
        super().return_to_best(work, state)
        state.y[...] = state.best_y
