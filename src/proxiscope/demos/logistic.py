"""Logistic regression on digits: how much the loss differs from seed to seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label
from .base import COLOURS, Curve, Demo, Frame, LayerData, Plot

GAP = 5
"""Pixels above each row of weights, for its name."""


@dataclass(frozen=True, kw_only=True)
class Logistic(Demo, name="logistic", title="Logistic regression"):
    """scikit-learn's digits, each pixel standardised: SGD, with a fifth of the step, variance-reduced, and smoothed."""

    order: ClassVar[int] = 5
    look_at: ClassVar[str] = (
        "The band about each curve: smoothing the gradients (LS-SGD) makes the loss spread about a third as much from "
        "seed to seed as with SGD."
    )
    loses: ClassVar[str] = (
        "With a fifth of the step it spreads a twentieth as much, and as many digits are classified rightly. With "
        "mini-batches of 100 there is hardly a spread to lessen."
    )

    seeds: Annotated[int, Interval(ge=2, le=100), Doc("Runs of each method, which order the digits differently.")] = 10
    epochs: Annotated[int, Interval(ge=1, le=500), Doc("Passes over the digits.")] = 15
    step_size: Annotated[float, Interval(ge=0.01, le=20), Label("Step size"), Doc("Of all but one method.")] = 0.5
    batch_size: Annotated[int, Interval(ge=1, le=1437), Doc("Digits of a mini-batch; fewer make more noise.")] = 10
    sigma: Annotated[
        float, Interval(ge=0.1, le=100), Label("Smoothing sigma"), Doc("Strength of the smoothing of LS-SGD.")
    ] = 1.0
    smoothing_order: Annotated[
        int, Interval(ge=1, le=10), Label("Smoothing order"), Doc("Power of the Laplacian in LS-SGD.")
    ] = 1

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """All methods side by side, epoch by epoch."""
        from ..core import iterate
        from ..learning.datasets import digits
        from ..learning.logistic import standardised

        problem = standardised(digits(), each=True)
        methods = self._methods()
        runs = {
            name: [iterate(method, problem, seed=seed + i) for i in range(self.seeds)]
            for name, method in methods.items()
        }
        seen: dict[str, list[NDArray[Any]]] = {name: [] for name in methods}
        weights: dict[str, NDArray[Any]] = {}
        named = _names(list(methods), int(problem.points.shape[1] ** 0.5))
        for epoch in range(1, self.epochs + 1):
            for i, (name, members) in enumerate(runs.items()):
                moments = [next(member) for member in members]
                seen[name].append(np.array([(m.metrics["loss"], m.metrics["accuracy"]) for m in moments]))
                weights[name] = moments[0].estimate()[:, :-1]
                done = (epoch - 1 + (i + 1) / len(methods)) / self.epochs
                layers = (named, _mosaic(weights)) if len(weights) == len(methods) else ()
                yield Frame(done, layers, _plot(seen), _figures(seen))

    def _methods(self) -> dict[str, Any]:
        from ..learning import LogisticRegression

        common: dict[str, Any] = {
            "max_iterations": self.epochs,
            "batch_size": self.batch_size,
            "check_every": 1,
            "decay_every": 0,
        }
        step: dict[str, Any] = {"step_size": self.step_size}
        return {
            "SGD": LogisticRegression(**common, **step),
            "SGD, 1/5 of the step": LogisticRegression(**common, step_size=self.step_size / 5),
            "SVRG": LogisticRegression(**common, **step, method="svrg"),
            "LS-SGD": LogisticRegression(**common, **step, sigma=self.sigma, order=self.smoothing_order),
        }


def _plot(seen: dict[str, list[NDArray[Any]]]) -> Plot:
    curves = []
    for name, epochs in seen.items():
        if epochs:
            losses = np.array(epochs)[:, :, 0]
            x = np.arange(1, len(losses) + 1)
            curves.append(Curve(name, x, losses.mean(axis=1), losses.std(axis=1)))
    return Plot("epoch", "training loss", tuple(curves), logarithmic=True)


def _figures(seen: dict[str, list[NDArray[Any]]]) -> str:
    """The accuracies."""
    last = {name: 100 * epochs[-1][:, 1] for name, epochs in seen.items() if epochs}
    return "right, %: " + ", ".join(f"{name} {a.mean():.1f} ± {a.std():.1f}" for name, a in last.items())


def _mosaic(weights: dict[str, NDArray[Any]]) -> LayerData:
    """The weights as images, a row for each method and a column for each digit, each row in its own scale."""
    rows = []
    for values in weights.values():
        side = int(values.shape[1] ** 0.5)
        tiles = np.full((len(values), side + GAP, side + 1), np.nan, np.float32)
        tiles[:, GAP:, :side] = values.reshape(-1, side, side) / np.abs(values).max()
        rows.append(tiles.transpose(1, 0, 2).reshape(side + GAP, -1))
    image = np.concatenate(rows)[:, :-1]
    return image, {"name": "weights", "colormap": "PiYG", "contrast_limits": (-1.0, 1.0)}, "image"


def _names(methods: list[str], side: int) -> LayerData:
    """The methods' names above the rows of weights, in the colours of their curves."""
    corners = np.array([((side + GAP) * i + GAP - 1, -0.5) for i in range(len(methods))])
    colours = list(COLOURS[: len(methods)])
    text = {"string": methods, "color": colours, "size": 10, "anchor": "upper_left"}
    options = {"name": "names", "size": 0.1, "face_color": "transparent", "border_color": "transparent", "text": text}
    return corners, options, "points"
