"""The support as the object itself shows it (Marchesini et al., Phys. Rev. B 68, 140101 (2003))."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import scipy
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Example, Group, Label, Schedule, Unit, When, Zero
from ..core.arrays import device_of, dtype_name, namespace_of, place
from ..core.parameters import at
from .base import PhaseRetrieval, S, Work


def shrink_wrapped(
    image: NDArray[Any], threshold: float, blur: float, non_negative: bool = False
) -> NDArray[Any] | None:
    """Where the blurred object exceeds a share of its maximum; None where that says nothing.

    Parameters
    ----------
    image : ndarray, real or complex
        The object before its constraints, so that the support can grow too.
    threshold : float
        Share of the maximum, between 0 and 1.
    blur : float
        Width (sigma) of the Gaussian blur in pixels.
    non_negative : bool
        Whether what is negative does not count.

    Returns
    -------
    ndarray of bool, or None
        None when there is no object, when the support would be one pixel, or half of the frame or more.
    """
    xp = namespace_of(image)
    signed = non_negative and "complex" not in dtype_name(image)
    blurred = blurred_by(blur, xp.clip(image, 0, None) if signed else xp.abs(image))
    support = blurred > threshold * xp.max(blurred)
    return support if 1 < xp.count_nonzero(support) < math.prod(support.shape) / 2 else None


def blurred_by(sigma: float, image: Any) -> Any:
    """A periodic image blurred by a Gaussian, which ends at four times its width."""
    if sigma == 0:
        return image
    if isinstance(image, np.ndarray):
        return scipy.ndimage.gaussian_filter(image, sigma, mode="wrap")
    xp, factors = namespace_of(image), [_transfer_function(sigma, n) for n in image.shape]
    factors[-1] = factors[-1][: image.shape[-1] // 2 + 1]
    spectrum = xp.fft.rfftn(image)
    for axis, values in enumerate(factors):
        spectrum *= place(values.reshape([-1 if a == axis else 1 for a in range(image.ndim)]), device_of(image))
    return xp.fft.irfftn(spectrum, s=tuple(image.shape), axes=tuple(range(image.ndim)))


def _transfer_function(sigma: float, length: int) -> NDArray[np.float32]:
    """Of SciPy's Gaussian filter around a circle of so many pixels."""
    impulse = np.zeros(length)
    impulse[0] = 1
    return np.fft.fft(scipy.ndimage.gaussian_filter1d(impulse, sigma, mode="wrap")).real.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class ShrinkWrap(PhaseRetrieval[S]):
    """An algorithm that may update its support by shrink-wrap while it runs."""

    shrink_every: Annotated[
        int,
        Interval(ge=0, le=10_000),
        Label("Iterations between updates"),
        Zero("off"),
        Doc("Iterations between two updates of the support by shrink-wrap; 0 keeps it as it is."),
        Group("Shrink-wrap"),
    ] = 0
    shrink_threshold: Annotated[
        Schedule,
        Interval(ge=0.01, le=0.99),
        Label("Threshold"),
        Example("0: 0.15, 0.5: 0.1"),
        When("shrink_every"),
        Doc("Share of the blurred object's maximum that the new support exceeds, as fraction of the run: value."),
        Group("Shrink-wrap"),
    ] = ((0.0, 0.15),)
    shrink_blur: Annotated[
        Schedule,
        Interval(ge=0, le=50),
        Unit("px"),
        Label("Blur"),
        Example("0: 3, 0.5: 1"),
        When("shrink_every"),
        Doc("Width (sigma) of the blur, as fraction of the run: value."),
        Group("Shrink-wrap"),
    ] = ((0.0, 3.0), (0.2, 2.0), (0.4, 1.5), (0.6, 1.0))
    shrink_until: Annotated[
        float,
        Interval(ge=0.01, le=1),
        Unit("of the run"),
        Label("Updates end at"),
        When("shrink_every"),
        Doc("Fraction of the run after which the support is left alone, so that the object can settle."),
        Group("Shrink-wrap"),
    ] = 0.8

    def update_support(self, work: Work, state: S) -> None:
        """Shrink-wrap where it is due."""
        if not self._due(state.iteration):
            return
        done = state.iteration / self.iterations
        threshold, blur = at(self.shrink_threshold, done), at(self.shrink_blur, done)
        support = shrink_wrapped(self.object(work, state), threshold, blur, work.non_negative)
        if support is not None and namespace_of(support).any(support != state.support):
            state.support[...] = support
            state.shrunk += 1

    def _due(self, iteration: int) -> bool:
        if self.shrink_every == 0 or iteration % self.shrink_every:
            return False
        return iteration <= self.shrink_until * self.iterations
