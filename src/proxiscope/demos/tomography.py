"""Tomography one tilt at a time: stochastic gradient descent with Laplacian smoothing and without."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Unit
from .base import Curve, Demo, Frame, LayerData, Plot

SIZE = 64
"""Pixels of the slice along each axis."""

GAP = 4
"""Pixels between slices that lie side by side."""

PLAIN, SMOOTH, SIRT = "SGD", "LS-SGD", "SIRT"
TRUTH = "truth"
PLACES = {TRUTH: (0, 0), SIRT: (0, 1), PLAIN: (1, 0), SMOOTH: (1, 1)}
"""Row and column of each slice."""


@dataclass(frozen=True, kw_only=True)
class Tomography(Demo, name="tomography", title="Tilt by tilt"):
    """A slice of a vesicle from few electrons, reconstructed tilt by tilt."""

    order: ClassVar[int] = 3
    look_at: ClassVar[str] = (
        "Each step sees one noisy projection: SGD fits its noise, and its error turns up after a few passes; with "
        "smoothed gradients (LS-SGD) it goes on falling."
    )
    loses: ClassVar[str] = (
        "With many electrons, such as a dose of 10000, there is little noise to be kept out: SGD is far ahead, since "
        "smoothing only slows the fine detail down."
    )

    sigma: Annotated[
        float, Interval(ge=0, le=100), Label("Smoothing sigma"), Doc("How much gradients are smoothed; 0 is SGD.")
    ] = 3.0
    smoothing: Annotated[
        Literal["slice", "indices"], Label("Smoothed along"), Doc("Both axes of the slice, or its pixels in a row.")
    ] = "slice"
    step_size: Annotated[float, Interval(ge=0.01, le=1), Doc("Of both; 1 is the largest that is sure.")] = 0.3
    passes: Annotated[int, Interval(ge=1, le=200), Doc("Passes over all tilts.")] = 20
    tilts: Annotated[int, Interval(ge=5, le=180), Doc("Projections over 180 degrees.")] = 45
    dose: Annotated[
        float, Interval(ge=1, le=10_000), Unit("electrons"), Doc("In the brightest pixel of the projections.")
    ] = 100.0

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """All three side by side, pass by pass."""
        from ..core import iterate
        from ..simulate import tilt_series, vesicle
        from ..tomography import SIRT as Simultaneous
        from ..tomography import TiltSeries
        from ..tomography.sgd import SGD

        truth = vesicle((SIZE, SIZE), seed=3)
        angles = np.arange(self.tilts) * 180 / self.tilts - 90
        exact = tilt_series(truth[:, None], angles).projections.clip(0)
        counts = self.dose / exact.max()
        noisy = np.random.default_rng(seed).poisson(exact * counts) / counts
        series = TiltSeries(noisy, angles, announce=False)
        common: dict[str, Any] = {"max_iterations": self.passes}
        smoothed: dict[str, Any] = (
            {"smoothing": self.smoothing, "sigma": self.sigma} if self.sigma else {"smoothing": "none"}
        )
        runs = {
            SIRT: Simultaneous(**common),
            PLAIN: SGD(smoothing="none", step_size=self.step_size, **common),
            SMOOTH: SGD(step_size=self.step_size, **smoothed, **common),
        }
        scene = _Scene(truth)
        yield scene.frame(0.0)
        running = {name: iterate(algorithm, series, seed=seed) for name, algorithm in runs.items()}
        for _ in range(self.passes):
            for name, run in running.items():
                progress = next(run)
                scene.take(name, progress.estimate()[:, 0])
            yield scene.frame(progress.iteration / self.passes)


@dataclass
class _Scene:
    """What has been shown so far."""

    truth: NDArray[Any]
    errors: dict[str, list[float]] = field(default_factory=lambda: {PLAIN: [], SMOOTH: [], SIRT: []})
    _layers: dict[str, LayerData] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in PLACES:
            self._show(name, self.truth if name == TRUTH else np.zeros_like(self.truth))
        self._layers["names"] = _names()

    def take(self, name: str, image: NDArray[Any]) -> None:
        """A method has made a pass."""
        self.errors[name].append(float(np.linalg.norm(image - self.truth) / np.linalg.norm(self.truth)))
        self._show(name, image)

    def _show(self, name: str, image: NDArray[Any]) -> None:
        place = np.array(PLACES[name]) * (SIZE + GAP)
        options = {"name": name, "translate": tuple(place.tolist()), "contrast_limits": (0.0, 1.0)}
        self._layers[name] = (image, options, "image")

    def frame(self, fraction: float) -> Frame:
        """What there is to see now."""
        curves = [Curve(name, np.arange(1, len(e) + 1), np.array(e)) for name, e in self.errors.items()]
        said = [f"{name} {_in_words(errors)}" for name, errors in self.errors.items() if errors]
        plot = Plot("pass over all tilts", "relative error", tuple(curves)) if said else None
        return Frame(fraction, tuple(self._layers.values()), plot, ", ".join(said))


def _in_words(errors: list[float]) -> str:
    """The last one, and the lowest where that was before."""
    return f"{errors[-1]:.3f}" + (f" (lowest {min(errors):.3f})" if min(errors) < errors[-1] else "")


def _names() -> LayerData:
    """What is written into the corners of the slices."""
    corners = np.array(list(PLACES.values()), float) * (SIZE + GAP) + [7, 3]
    text = {"string": list(PLACES), "color": "white", "size": 11, "anchor": "upper_left"}
    options = {"name": "names", "size": 0.1, "face_color": "transparent", "border_color": "transparent", "text": text}
    return corners, options, "points"
