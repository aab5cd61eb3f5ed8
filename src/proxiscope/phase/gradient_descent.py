"""Gradient descent on the misfit of the magnitudes, with Laplacian smoothing (eq. 5.5 of the thesis)."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from ..core import Doc, Label, When
from ..core.threads import elementwise
from ..physics.on_device import DeviceSmoothing
from ..physics.smoothing import Order, Sigma, Smoothing, laplacian_smoothing
from . import kernels
from .base import Work
from .problem import DiffractionPattern
from .projections import ProjectionAlgorithm, ProjectionState

Smoothed = When("smoothing", "indices", "image")


class SmoothingWork(Work):
    """Adds what smooths a gradient in place: `smooth`, None where nothing does."""

    def __init__(self, problem: DiffractionPattern, algorithm: "GradientDescent"):
        super().__init__(problem, algorithm.device)
        self.smooth: Any = None
        sigma, order = algorithm.sigma, algorithm.order
        if algorithm.smoothing == "none":
            return
        if self.device != "cpu":
            shape = problem.shape if algorithm.smoothing == "image" else (math.prod(problem.shape),)
            self.smooth = DeviceSmoothing(shape, sigma, order, problem.real, self.device)
        elif algorithm.smoothing == "indices":
            self.smooth = partial(laplacian_smoothing, sigma=sigma, order=order, out=self.image)
        else:
            self.smooth = partial(Smoothing(self.image.shape, sigma, order, dtype=self.image.dtype), out=self.image)


@dataclass(frozen=True, kw_only=True)
class GradientDescent(ProjectionAlgorithm, name="gradient-descent", title="Gradient descent"):
    """Gradient descent on ``|| |F u| - b ||^2 / 2``, constrained: ``u <- P_S(u - t A_sigma^-1 (u - P_M u))``.

    P_M(u) has the measured magnitudes and the phases of u, and u - P_M(u) is the gradient, here inside the support. At
    t = 1 and without smoothing this is error reduction. A_sigma^-1 smooths the gradient along pixel `indices`, as the
    thesis does with the entries of a tensor, or over the `image` (a volume likewise): what is coarse comes first.
    That slows it and led to no better image in our tests; a step beyond 1 without smoothing is a little quicker.
    """

    use: ClassVar[str] = (
        "To see what smoothing of gradients does in phasing: in our tests nothing for the better. To polish, take "
        "error reduction or, for counted photons, maximum likelihood."
    )

    _images: ClassVar[int] = 10

    step_size: Annotated[
        float,
        Interval(ge=0.01, le=2),
        Label("Step size t"),
        Doc("Step t; without smoothing, 1 is error reduction."),
    ] = 1.5
    smoothing: Annotated[
        Literal["none", "indices", "image"],
        Label("Smoothing of gradients"),
        Doc("Smooth each gradient not at all, along pixel indices as in the thesis, or over the image or volume."),
    ] = "none"
    sigma: Annotated[Sigma, Smoothed] = 1.0
    order: Annotated[Order, Smoothed] = 1

    def prepare(self, problem: DiffractionPattern) -> SmoothingWork:
        """The measured data, scratch and what smooths."""
        return SmoothingWork(problem, self)

    def update(self, work: SmoothingWork, state: ProjectionState) -> None:
        """g <- P_S(g - t A_sigma^-1 (g - u))."""
        elementwise(kernels.gradient, (state.input, state.image, state.support, work.image))
        if work.smooth is not None:
            work.smooth(work.image)
        step = np.float32(self.step_size)
        elementwise(kernels.descend, (state.input, work.image, state.support), work.non_negative, step)
