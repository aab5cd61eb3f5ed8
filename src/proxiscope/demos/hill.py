"""Clustering points in the plane: Lloyd's algorithm (EM) gets stuck, stochastic backward Euler jumps the hill."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Zero
from .base import COLOURS, Curve, Demo, Frame, LayerData, Plot

EM, SBE = "EM", "SBE, from where EM stopped"
CLUSTERS = ("#009e73", "#cc79a7", "#f0e442", "#999999")
"""Of the points; the centroids have the colours of the curves, and another shape each."""

TRAIL = 200
"""Places of a centroid that are shown: where it is, and where it was before."""

DRAWN = slice(None, None, 2)
"""Points that are drawn; all are clustered."""


@dataclass(frozen=True, kw_only=True)
class Hill(Demo, name="hill", title="Jump the hill"):
    """The points of thesis section 4.3.1: four clusters, and a start that puts two centroids into one of them."""

    order: ClassVar[int] = 1
    look_at: ClassVar[str] = (
        "Two of EM's centroids share a cluster and never leave it; SBE starts there, and one of them walks over to the "
        "clusters that have none."
    )
    loses: ClassVar[str] = (
        "With the step gamma0 = K it jumps in most draws, with half of it in none; and k-means++ with ten "
        "starts finds the same minimum without any of this."
    )

    gamma0: Annotated[
        float,
        Interval(ge=0, le=8),
        Label("First step gamma0"),
        Zero("K"),
        Doc("First step size: K is that of the thesis; 1.5 K to 2 K jumped in each of 40 draws, K / 2 in none."),
    ] = 0.0
    batch_size: Annotated[int, Interval(ge=10, le=4000), Doc("Points of a mini-batch; fewer make more noise.")] = 1000
    max_iterations: Annotated[int, Interval(ge=1, le=1000), Label("Outer iterations"), Doc("Implicit steps.")] = 150
    inner_iterations: Annotated[
        int, Interval(ge=1, le=100), Doc("Fixed-point iterations in each step, each on a fresh mini-batch.")
    ] = 10
    restarts: Annotated[
        int, Interval(ge=0, le=100), Label("Starts of k-means++"), Zero("none"), Doc("For comparison, at the end.")
    ] = 10

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """EM from the start of the thesis, SBE from where that stopped, and what k-means++ finds."""
        from ..core import iterate
        from ..learning import SBE as Stochastic
        from ..learning import Lloyd, PointSet
        from ..learning.gaussians import START, four_gaussians

        points = four_gaussians(np.random.default_rng(seed))
        k, problem = len(START), PointSet(points, start=START)
        scene = _Scene(points)
        yield scene.move(EM, START, 0.0)
        em = Lloyd(n_clusters=k)
        for progress in iterate(em, problem):
            yield scene.move(EM, progress.estimate(), 0.2 * (1 - 0.7**progress.iteration))
        sbe = Stochastic(
            n_clusters=k, gamma0=self.gamma0, batch_size=self.batch_size, max_iterations=self.max_iterations,
            inner_iterations=self.inner_iterations, check_every=self.max_iterations,
        )  # fmt: skip
        stuck = scene.places[EM][-1]
        yield scene.move(SBE, stuck, 0.2)
        for progress in iterate(sbe, PointSet(points, start=stuck), seed=seed):
            yield scene.move(SBE, progress.estimate(), 0.2 + 0.75 * progress.iteration / progress.total)
        for i in range(self.restarts):
            *_, last = iterate(Lloyd(n_clusters=k, start="k-means++"), PointSet(points), seed=seed + i)
            scene.best = min(scene.best, last.metrics["objective"])
            yield scene.frame(0.95 + 0.05 * i / self.restarts)
        yield scene.frame(1.0)


@dataclass
class _Scene:
    """What has been shown so far."""

    points: NDArray[Any]
    places: dict[str, list[NDArray[Any]]] = field(default_factory=lambda: {EM: [], SBE: []})
    objectives: dict[str, list[float]] = field(default_factory=lambda: {EM: [], SBE: []})
    best: float = np.inf
    _drawn: NDArray[Any] = field(init=False)
    _labels: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    _layers: dict[str, LayerData] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._drawn = on_screen(self.points[DRAWN])

    def move(self, name: str, centroids: NDArray[Any], fraction: float) -> Frame:
        """The centroids of a method are elsewhere."""
        from ..learning.clustering import assign

        labels, objective = assign(self.points, np.ascontiguousarray(centroids))
        self.places[name].append(centroids)
        self.objectives[name].append(objective)
        if not np.array_equal(labels, self._labels):
            self._labels = labels
            self._layers["points"] = _points(self._drawn, labels)
        self._layers[name] = _centroids(name, self.places[name][-TRAIL:])
        return self.frame(fraction)

    def frame(self, fraction: float) -> Frame:
        """What there is to see now."""
        return Frame(fraction, tuple(self._layers.values()), self._plot(), self._figures())

    def _plot(self) -> Plot:
        em, sbe = self.objectives[EM], self.objectives[SBE]
        stopped = len(em) - 1
        end = max(stopped, stopped + len(sbe) - 1)
        curves = [Curve(EM, [*range(len(em)), end], [*em, em[-1]])]
        if sbe:
            curves.append(Curve(SBE, np.arange(len(sbe)) + stopped, np.array(sbe)))
        if np.isfinite(self.best):
            curves.append(Curve("k-means++, best start", [0, end], [self.best] * 2))
        return Plot("iteration", "objective", tuple(curves), logarithmic=True)

    def _figures(self) -> str:
        em, sbe = self.objectives[EM], self.objectives[SBE]
        said = [f"EM {em[-1]:.3f}"]
        said += [f"SBE {sbe[-1]:.3f}"] if sbe else []
        said += [f"k-means++ {self.best:.3f}"] if np.isfinite(self.best) else []
        return ", ".join(said)


def _points(points: NDArray[Any], labels: NDArray[Any]) -> LayerData:
    colours = np.array([_rgba(c) for c in CLUSTERS], np.float32)[labels[DRAWN]]
    options = {"name": "points", "size": 0.15, "border_width": 0, "face_color": colours, "opacity": 0.6}
    return points, options, "points"


def _centroids(name: str, places: list[NDArray[Any]]) -> LayerData:
    """The centroids of a method, and smaller where they were before."""
    places = [places[0]] * (TRAIL - len(places)) + places  # always as many, so that they are only moved
    colour, symbol = (COLOURS[0], "square") if name == EM else (COLOURS[1], "disc")
    sizes = np.repeat([0.2] * (TRAIL - 1) + [0.75], len(places[0]))
    options = {
        "name": name.split(",")[0], "size": sizes, "symbol": symbol, "face_color": colour, "border_color": "black",
        "border_width": 0.12,
    }  # fmt: skip
    return on_screen(np.concatenate(places)), options, "points"


def on_screen(points: NDArray[Any]) -> NDArray[Any]:
    """Points (x, y) as rows and columns, y upwards."""
    return np.ascontiguousarray(points[:, ::-1] * [-1, 1])


def _rgba(colour: str) -> tuple[float, ...]:
    return (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0)
