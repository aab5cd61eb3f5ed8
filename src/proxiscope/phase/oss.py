"""Oversampling smoothness (Rodriguez et al., J. Appl. Cryst. 46, 312 (2013))."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import copied
from ..core.threads import elementwise
from ..physics.fourier import frequencies, gaussian
from . import kernels
from .base import Work
from .projections import Feedback, ProjectionAlgorithm, ProjectionState
from .stages import Staged, StagedState, StagedWork


@dataclass(kw_only=True)
class OSSState(StagedState, ProjectionState):
    """`best_input` belongs to the lowest R-factor so far."""

    best_input: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class OSS(Staged[OSSState], ProjectionAlgorithm, name="oss", title="Oversampling smoothness (OSS)"):
    """Oversampling smoothness: hybrid input-output whose density outside the support is smoothed.

    The filter's width in the spectrum narrows from stage to stage, and each stage starts from the best iterate so
    far. Widths and order are those of its authors' code. Takes four FFTs an iteration.
    """

    use: ClassVar[str] = (
        "Noisy data, well known in the field: much better than HIO, less sure than GPS, and four FFTs an iteration "
        "instead of two."
    )

    State: ClassVar[type] = OSSState
    _images: ClassVar[int] = 9
    _ffts: ClassVar[int] = 4

    beta: Feedback = 0.9

    def begin(self, work: Work, spectrum: NDArray[Any], support: NDArray[Any]) -> OSSState:
        """Both images are the start."""
        image = work.transform.inverse(spectrum, work.transform.image())
        return OSSState(support=support, input=copied(image), image=image, best_input=copied(image))

    def update(self, work: StagedWork, state: OSSState) -> None:
        """g <- u where u satisfies the constraints, g - beta u elsewhere, which outside the support is smoothed."""
        self.enter_stage(work, state)
        elementwise(kernels.feedback, (state.input, state.image), np.float32(self.beta))
        spectrum = work.transform.forward(state.input, work.spectrum)
        elementwise(kernels.weigh, (spectrum.reshape(len(work.rows), -1), work.rows), work.columns)
        smoothed = work.transform.inverse(spectrum, work.image)
        arrays = (state.input, state.image, smoothed, state.support)
        elementwise(kernels.oss_feedback, arrays, work.non_negative)

    def filter(self, work: Work, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """exp(-k^2 / (2 alpha^2)) on the spectrum."""
        return gaussian(frequencies(work.transform.shape, work.transform.real), width)

    def keep_best(self, state: OSSState) -> None:
        """Note g."""
        state.best_input[...] = state.input

    def return_to_best(self, work: Work, state: OSSState) -> None:
        """g of the best iterate, and its u."""
        state.input[...] = state.best_input
        work.project(state.input, state.image)
