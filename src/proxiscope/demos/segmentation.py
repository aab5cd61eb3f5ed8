"""Clustering what a layer holds at each of its points: pixels, colours, spectra, diffraction patterns."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import DivergedError, Doc, Group, Label, Progress, Unit, Zero
from ._features import Features, features, prepared
from ._grains import grains
from .base import Curve, Demo, Frame, LayerData, Plot

FITTED = 200_000
"""Points that the centroids are fitted to at most; all are labelled."""

LABELS = (
    "#56b4e9", "#d55e00", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#e69f00", "#999999", "#882255", "#44aa99",
    "#ddcc77", "#332288",
)  # fmt: skip
"""Of the labels, in turn."""

TOLD = 10
"""Sizes of clusters."""

EM: Final = "EM"
SBE: Final = "SBE"
PLUS: Final = "k-means++"


@dataclass(frozen=True, kw_only=True)
class Segmentation(Demo, name="segmentation", title="Segment a layer"):
    """K-means of the points of a layer, after a principal component analysis, into labels."""

    order: ClassVar[int] = 2
    takes_layer: ClassVar[bool] = True
    look_at: ClassVar[str] = (
        "Pixels, spectra or diffraction patterns that are alike get the same label; from nearly half of the random "
        "starts EM ends in a worse minimum, SBE seldom."
    )
    loses: ClassVar[str] = (
        "SBE takes clusters to be of equal size: for a small phase on a large background choose k-means++, whose best "
        "of ten starts was as good or better on all images that we tried."
    )

    n_clusters: Annotated[int, Interval(ge=2, le=50), Label("Clusters"), Doc("How many regions there are.")] = 6
    method: Annotated[
        Literal["SBE", "k-means++", "EM"],
        Doc("Whose labels are shown: stochastic backward Euler, the best of several starts, or EM. All are compared."),
    ] = SBE
    n_components: Annotated[
        int,
        Interval(ge=0, le=100),
        Label("Components"),
        Zero("all values"),
        Doc("Principal components that are clustered, if there are more values at each point."),
    ] = 12
    compared: Annotated[
        Literal["guess", "each pixel", "first axis", "last axis", "last two axes"],
        Doc(
            "What is compared from point to point. A guess: colours or channels; of other three axes the last, a "
            "spectrum, or a first that is much longer; of four the last two, a pattern."
        ),
    ] = "guess"
    smoothing: Annotated[
        float, Interval(ge=0, le=20), Unit("px"), Zero("none"), Doc("Smooth over neighbours before.")
    ] = 0.0
    standard: Annotated[
        bool, Label("Equal variances"), Doc("Scale all values to the same variance before, as for channels.")
    ] = False
    gamma0: Annotated[
        float, Interval(ge=0, le=1000), Label("First step gamma0"), Zero("K"), Group("SBE"), Doc("First step size.")
    ] = 0.0
    max_iterations: Annotated[
        int, Interval(ge=1, le=1000), Label("Outer iterations"), Group("SBE"), Doc("Implicit steps.")
    ] = 60
    batch_size: Annotated[int, Interval(ge=10, le=100_000), Group("SBE"), Doc("Points of a mini-batch.")] = 1000
    restarts: Annotated[
        int, Interval(ge=1, le=100), Label("Starts of k-means++"), Group("Comparison"), Doc("The best one counts.")
    ] = 10

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """EM and SBE from the same random start, and the best of several starts by k-means++."""
        from ..core import iterate
        from ..learning import SBE as Stochastic
        from ..learning import Lloyd, PointSet

        rng = np.random.default_rng(seed)
        data = grains(np.random.default_rng(0))[0] if data is None else data
        found = features(data, self.compared)
        scene = _Scene(found, self.method)
        yield scene.frame(0.0)
        preparing = prepared(found, scene.finite, self.n_components, self.standard, self.smoothing, rng)
        yield from scene.prepare(preparing)
        usable = np.flatnonzero(scene.finite)
        fitted = np.ascontiguousarray(scene.points[rng.choice(usable, min(len(usable), FITTED), replace=False)])
        k = self.n_clusters
        random = Lloyd(n_clusters=k)
        random.check_problem(PointSet(fitted))
        first = random.first_centroids(PointSet(fitted), rng)
        problem = PointSet(fitted, start=first)
        for progress in iterate(random, problem):
            scene.move(EM, progress)
            yield scene.frame(0.1 + 0.1 * (1 - 0.9**progress.iteration))
        scene.settle(EM, progress)
        sbe = Stochastic(
            n_clusters=k, gamma0=self.gamma0, batch_size=self.batch_size, max_iterations=self.max_iterations,
            inner_iterations=10, check_every=1,
        )  # fmt: skip
        try:
            for progress in iterate(sbe, problem, seed=seed):
                scene.move(SBE, progress)
                yield scene.frame(0.2 + 0.7 * progress.iteration / progress.total)
            scene.settle(SBE, progress)
        except DivergedError:
            if self.method == SBE:
                raise
        for i in range(self.restarts):
            *_, last = iterate(Lloyd(n_clusters=k, start=PLUS), PointSet(fitted), seed=seed + i)
            scene.take_best(last)
            yield scene.frame(0.9 + 0.1 * i / self.restarts)
        yield scene.frame(1.0)


@dataclass
class _Scene:
    """What has been shown so far."""

    found: Features
    method: str
    about: str = ""
    points: Any = None
    objectives: dict[str, list[float]] = field(default_factory=lambda: {EM: [], SBE: []})
    best: float = np.inf
    finite: NDArray[Any] = field(init=False)
    _layers: dict[str, LayerData] = field(default_factory=dict)
    _sizes: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        self.finite = self.found.finite
        if self.found.apart:
            total = self.found.values.sum(axis=1, dtype=np.float64).astype(np.float32).reshape(self.found.shape)
            self._layers["sum"] = (total, {"name": "sum"}, "image")

    def prepare(self, preparing: Generator[float, None, tuple[NDArray[Any], str]]) -> Iterator[Frame]:
        """Let the points be prepared."""
        while True:
            try:
                yield self.frame(0.1 * next(preparing))
            except StopIteration as done:
                self.points, self.about = done.value
                return

    def move(self, name: str, progress: Progress) -> None:
        """The centroids of a method are elsewhere; of many points the labels follow now and then."""
        self.objectives[name].append(progress.metrics["objective"])
        if progress.iteration % (1 + len(self.points) // FITTED) == 0:
            self.settle(name, progress)

    def settle(self, name: str, progress: Progress) -> None:
        """The labels follow, if they are those of the method."""
        if name == self.method:
            self._label(progress.estimate())

    def take_best(self, progress: Progress) -> None:
        """A start by k-means++ has come to its end."""
        if progress.metrics["objective"] < self.best:
            self.best = progress.metrics["objective"]
            if self.method == PLUS:
                self._label(progress.estimate())

    def _label(self, centroids: NDArray[Any]) -> None:
        from ..learning.clustering import assign

        labels = assign(self.points, centroids)[0].astype(np.uint8) + np.uint8(1)
        labels[~self.finite] = 0
        self._sizes = np.bincount(labels, minlength=len(centroids) + 1)[1:] / max(1, int(np.count_nonzero(self.finite)))
        options = {"name": "labels", "opacity": 0.7, "colormap": LABELS}
        self._layers["labels"] = (labels.reshape(self.found.shape), options, "labels")

    def frame(self, fraction: float) -> Frame:
        """What there is to see now."""
        return Frame(fraction, tuple(self._layers.values()), self._plot(), self._figures(), self.found.over)

    def _plot(self) -> Plot | None:
        em, sbe = (np.array(self.objectives[name]) for name in (EM, SBE))
        end = max(len(em), len(sbe), 2)
        curves = []
        if len(em):
            curves.append(Curve("EM, random start", [*range(1, len(em) + 1), end], [*em, em[-1]]))
        if len(sbe):
            curves.append(Curve("SBE, same start", np.arange(1, len(sbe) + 1), sbe))
        if np.isfinite(self.best):
            curves.append(Curve("k-means++, best start", [1, end], [self.best] * 2))
        return Plot("iteration", "objective", tuple(curves)) if curves else None

    def _figures(self) -> str:
        ends = {"EM": self.objectives[EM][-1:], "SBE": self.objectives[SBE][-1:], PLUS: [self.best]}
        known = [f"{name} {value[0]:.4g}" for name, value in ends.items() if value and np.isfinite(value[0])]
        said = [", ".join(known)] if known else []
        if self._sizes is not None:
            shares = [f"{100 * share:.0f}" for share in np.sort(self._sizes)[::-1]]
            smaller = f" and {len(shares) - TOLD} smaller" if len(shares) > TOLD else ""
            said += ["sizes " + ", ".join(shares[:TOLD]) + smaller + " %"]
        left_out = len(self.finite) - np.count_nonzero(self.finite)
        said += [f"{left_out} points that are not finite have label 0"] if left_out else []
        return "; ".join([*said, self.found.about + self.about])
