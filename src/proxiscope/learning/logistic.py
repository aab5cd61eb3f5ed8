"""Multi-class logistic regression by stochastic gradient descent, smoothed or variance-reduced (thesis section 5.3.1).

SVRG is from R. Johnson and T. Zhang, NIPS 26, 315 (2013); smoothing from S. Osher et al., Res. Math. Sci. 9, 55 (2022).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Algorithm, Doc, Iterative, Label, State, When, Zero
from ..physics.smoothing import laplacian_smoothing
from . import _softmax
from .problem import LabelledSet

_BLOCK = 100
"""Points that are multiplied by the weights at a time: they stay in the cache, and mostly are too few to be spread over
threads by the linear algebra, which might change how sums are rounded."""


@dataclass
class LogisticState(State):
    """Weights (k, d) and bias (k,), float32, and the generator that orders the points."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    rng: np.random.Generator


class Setup:
    """What an epoch needs: the labels as rows of ones and zeros, the smoothing of the bias, and buffers.

    Attributes
    ----------
    one_hot : float32, (n, k)
    gradient, bias_gradient : float32, (k, d) and (k,)
        Of the latest mini-batch.
    """

    def __init__(self, problem: LabelledSet, sigma: float, order: int):
        classes, size = problem.classes, problem.shape[1]
        self.points, self.sigma, self.order = problem.points, sigma, order
        self.one_hot = np.eye(classes, dtype=np.float32)[problem.labels]
        unit = np.eye(classes, dtype=np.float32)  # as a matrix, which is quicker for so few entries
        self.bias_smoothing = np.array([laplacian_smoothing(row, sigma, order) for row in unit])
        self.gradient, self.bias_gradient = np.empty((classes, size), np.float32), np.empty(classes, np.float32)
        self.rows, self.logits = np.empty((_BLOCK, size), np.float32), np.empty((_BLOCK, classes), np.float32)

    def differentiate(self, state: LogisticState, chosen: NDArray[np.intp], references: NDArray[Any]) -> None:
        """Mean of (p - q) x^T over the chosen points x into `gradient`, and of p - q into `bias_gradient`.

        p are their probabilities and q the rows of `references` (n, k).
        """
        self.bias_gradient.fill(0)
        scale = np.float32(1 / len(chosen))
        for begin in range(0, len(chosen), _BLOCK):
            block = chosen[begin : begin + _BLOCK]
            rows = np.take(self.points, block, axis=0, out=self.rows[: len(block)], mode="clip")  # else it is buffered
            logits = np.dot(rows, state.weights.T, out=self.logits[: len(block)])
            _softmax.residuals(logits, state.bias, references, block, scale, self.bias_gradient)
            if begin:
                self.gradient += np.dot(logits.T, rows)
            else:
                np.dot(logits.T, rows, out=self.gradient)

    def anchor(self, state: LogisticState) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Probabilities (n, k) of all points, and the gradients (k, d) and (k,) of the mean cross entropy of all."""
        found = probabilities(self.points, state.weights, state.bias)
        residuals = found - self.one_hot
        residuals /= np.float32(len(found))
        blocks = (slice(begin, begin + _BLOCK) for begin in range(0, len(found), _BLOCK))
        gradient = sum(np.dot(residuals[block].T, self.points[block]) for block in blocks)
        return found, gradient, residuals.sum(axis=0)

    def smooth(self) -> None:
        """(A_sigma^n)^-1 on the gradients of the weights, flattened, and of the bias (eq. 5.9)."""
        laplacian_smoothing(self.gradient, self.sigma, self.order, out=self.gradient)
        self.bias_gradient[:] = self.bias_smoothing @ self.bias_gradient


def _logits(points: NDArray[Any], weights: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Blocks of points, and their logits (point, class) without the bias."""
    for begin in range(0, len(points), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        yield block, np.dot(points[block], weights.T)


def probabilities(points: NDArray[Any], weights: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.float32]:
    """Probabilities (n, k) of the classes of points (n, d), for weights (k, d) and bias (k,); all float32."""
    found = np.empty((len(points), len(bias)), np.float32)
    for block, logits in _logits(points, weights):
        _softmax.softmax(logits, bias)
        found[block] = logits
    return found


def judge(points: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any], bias: NDArray[Any]) -> tuple[float, float]:
    """Mean cross entropy of points (n, d) with labels (n,), and the fraction of them that is classified rightly."""
    sums = [_softmax.judge(logits, bias, labels[block]) for block, logits in _logits(points, weights)]
    entropy, right = np.sum(sums, axis=0) / len(points)
    return float(entropy), float(right)


def standardised(problem: LabelledSet, *, each: bool = False) -> LabelledSet:
    """The same with the mean of all training values subtracted, and divided by their standard deviation.

    With `each`, of each coordinate by itself; one that never varies is not divided.
    """
    axis = 0 if each else None
    mean, deviation = problem.points.mean(axis, dtype=float), problem.points.std(axis, dtype=float)
    deviation = np.where(deviation > 0, deviation, 1)
    points, test_points = ((a - mean) / deviation for a in (problem.points, problem.test_points))
    return replace(problem, points=points, test_points=test_points)


@dataclass(frozen=True, kw_only=True)
class LogisticRegression(
    Iterative, Algorithm[LabelledSet, LogisticState], name="logistic-regression", title="Logistic regression"
):
    """Multi-class logistic regression: softmax(W x + b), fitted by descent along gradients of mini-batches.

    The mean cross entropy of the training points is lowered, without regularisation, from W = 0 and b = 0. An iteration
    is an epoch: all points once, in a random order, the last mini-batch smaller where they do not divide evenly. With
    sigma > 0 the gradients of W, flattened, and of b are smoothed each (eq. 5.9). SVRG subtracts from each gradient the
    same one at the weights that the epoch began with, and adds that of all points.
    """

    family: ClassVar[str] = "learning"
    merit: ClassVar[str] = "loss"
    random_start: ClassVar[bool] = True
    use: ClassVar[str] = (
        "To see what smoothing or reducing the variance of gradients does. A smaller step classifies as well or better."
    )
    remedy: ClassVar[str] = "Take fewer points or classes, or fewer coordinates of each."
    Problem: ClassVar[type] = LabelledSet
    State: ClassVar[type] = LogisticState

    method: Annotated[
        Literal["sgd", "svrg"],
        Doc("Plain stochastic gradients, or variance-reduced ones, which also take the gradient of all points."),
    ] = "sgd"
    sigma: Annotated[
        float,
        Interval(ge=0, le=1e6),
        Zero("not smoothed"),
        Label("Smoothing sigma"),
        Doc("Strength of the Laplacian smoothing of gradients."),
    ] = 0.0
    order: Annotated[
        int,
        Interval(ge=1, le=10),
        When("sigma"),
        Label("Smoothing order"),
        Doc("Power of the Laplacian in the smoothing operator."),
    ] = 1
    step_size: Annotated[
        float, Interval(ge=1e-6, le=1e6), Label("Step size"), Doc("Length of the first steps along the gradient.")
    ] = 0.5
    decay_factor: Annotated[
        float, Interval(ge=1, le=1e6), When("decay_every"), Doc("What the step size is divided by when it decays.")
    ] = 10.0
    decay_every: Annotated[
        int,
        Interval(ge=0, le=1_000_000),
        Zero("never"),
        Label("Decays every"),
        Doc("Epochs after which the step size decays."),
    ] = 50
    batch_size: Annotated[
        int, Interval(ge=1, le=100_000_000), Doc("Points of a mini-batch, at most all that there are.")
    ] = 100
    max_iterations: Annotated[
        int, Interval(ge=1, le=1_000_000), Label("Epochs"), Doc("Passes over all points of a whole run.")
    ] = 200
    check_every: Annotated[
        int,
        Interval(ge=1, le=1_000_000),
        Label("Record every"),
        Doc("Epochs between two evaluations of the loss and the accuracy, which visit all points."),
    ] = 10

    def records(self, iteration: int) -> bool:
        """Every `check_every` epochs."""
        return iteration % self.check_every == 0

    def rate(self, iteration: int) -> float:
        """Step size of the epoch after `iteration`."""
        decays = iteration // self.decay_every if self.decay_every else 0
        return self.step_size * self.decay_factor**-decays

    def prepare(self, problem: LabelledSet) -> Setup:
        """The labels in another form, and buffers."""
        return Setup(problem, self.sigma, self.order)

    def init(self, problem: LabelledSet, seed: int) -> LogisticState:
        """W = 0 and b = 0; `seed` orders the points."""
        shape = problem.classes, problem.shape[1]
        return LogisticState(np.zeros(shape, np.float32), np.zeros(shape[0], np.float32), np.random.default_rng(seed))

    @np.errstate(over="ignore", invalid="ignore")  # what diverges is told by `iterate`
    def step(self, problem: LabelledSet, state: LogisticState) -> LogisticState:
        """One epoch."""
        work, rate = self.workspace(problem, state), np.float32(self.rate(state.iteration))
        svrg = self.method == "svrg"
        references, *whole = work.anchor(state) if svrg else (work.one_hot,)  # with the former the labels cancel
        order = state.rng.permutation(len(problem.points))
        for begin in range(0, len(order), self.batch_size):
            work.differentiate(state, order[begin : begin + self.batch_size], references)
            if svrg:
                work.gradient += whole[0]
                work.bias_gradient += whole[1]
            if self.sigma:
                work.smooth()
            for values, gradient in ((state.weights, work.gradient), (state.bias, work.bias_gradient)):
                gradient *= rate
                values -= gradient
        state.iteration += 1
        return state

    @np.errstate(over="ignore", invalid="ignore")
    def metrics(self, problem: LabelledSet, state: LogisticState) -> Mapping[str, float]:
        """``"loss"``, the mean cross entropy of the training points; ``"accuracy"``, of the test points."""
        loss, _ = judge(problem.points, problem.labels, state.weights, state.bias)
        _, accuracy = judge(problem.test_points, problem.test_labels, state.weights, state.bias)
        return {"loss": loss, "accuracy": accuracy}

    def estimate(self, problem: LabelledSet, state: LogisticState) -> NDArray[np.float32]:
        """Weights and, in the last column, bias: (k, d + 1), fresh."""
        return np.column_stack((state.weights, state.bias))

    def memory(self, problem: LabelledSet) -> int:
        """Bytes at the peak: probabilities and order of all points, gradients, and a block of points."""
        (n, d), k = problem.shape, problem.classes
        return 4 * (n * (3 * k + 4) + 6 * k * (d + k + 1) + _BLOCK * (d + k)) + 100_000

    def work(self, problem: LabelledSet) -> float:
        """Multiplications."""
        passes = 4 if self.method == "svrg" else 2
        return float(passes * problem.classes * problem.points.size)
