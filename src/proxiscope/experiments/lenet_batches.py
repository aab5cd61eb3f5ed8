"""LeNet-5 on MNIST with small batches: SGD against LS-SGD (thesis section 5.3.2, figure 5.3a).

Data: the folder with the IDX files of MNIST. Full scale is a fifteenth of the images and 3 epochs, half an
hour on one core; the thesis' scale takes about a day:

    python -m proxiscope.experiments.lenet_batches --data FOLDER --train-points 60000 --test-points 10000 \\
        --epochs 100 --trials 1

The peers are SGD with half and with a quarter of the step: smoothing with sigma = 1 leaves .27 of the variance of
white noise, and a smaller step averages noise away as well.
"""

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from ..figures import COLOURS
from ..learning.datasets import mnist
from ..learning.torch import LSSGD
from ..learning.torch.networks import LeNet
from ._lenet import SHAPE, STEP, train
from ._training import Images, Outcome, mean_and_spread, scale_options
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PRINTED = {2: ("chance", "> 99.4"), 4: ("97", "> 99.4")}
"""Accuracies of SGD and LS-SGD that the text states; for the other batches it states LS-SGD's alone."""


class Method(NamedTuple):
    name: str
    optimiser: type[torch.optim.Optimizer]
    keywords: dict[str, float]


METHODS = (
    Method("SGD", torch.optim.SGD, {}),
    Method("LS-SGD, sigma 1", LSSGD, {"sigma": 1.0}),
    Method("SGD, half the step", torch.optim.SGD, {"step": STEP / 2}),
    Method("SGD, a quarter", torch.optim.SGD, {"step": STEP / 4}),
)


def experiment(options: argparse.Namespace) -> Report:
    """Train with each batch size and method, from the same weights and with the same batches in a trial."""
    images = Images.of(mnist(options.data), SHAPE, options)
    runs = [(b, m, t) for b in options.batches for m in METHODS for t in range(options.trials)]
    found: dict[tuple[int, str], list[Outcome]] = {}
    for batch, method, trial in tqdm(runs, disable=not sys.stderr.isatty()):
        seed = options.seed + trial
        torch.manual_seed(seed)
        network = LeNet().to(images.train.device)
        outcome = train(
            network, images, method.optimiser, batch=batch, epochs=options.epochs, seed=seed, **method.keywords
        )
        found.setdefault((batch, method.name), []).append(outcome)
    names = tuple(method.name for method in METHODS)
    rows = tuple(
        (str(b), *PRINTED.get(b, ("not stated", "> 99.4")), *(_cell(found[b, name]) for name in names))
        for b in options.batches
    )
    scale = (
        f"Test accuracy in percent; {options.trials} trial{'s' * (options.trials > 1)}, {options.train_points} images "
        f"to learn from, {options.test_points} to be tested with and {options.epochs} epochs (in the thesis 60000, "
        "10000 and 100)."
    )
    table = Table(("Batch", "SGD, printed", "LS-SGD, printed", *names), rows)
    caption = "Test accuracy of LeNet-5 over the size of a batch; bars span the trials."
    return Report(scale, [table], lambda figure: _draw(figure, options.batches, found), caption)


def _cell(outcomes: list[Outcome]) -> str:
    lost = sum(not outcome.finite for outcome in outcomes)
    text = mean_and_spread([outcome.test[-1] for outcome in outcomes])
    return text if not lost else f"{text} ({lost} of {len(outcomes)} diverged)"


def _draw(figure: "Figure", batches: list[int], found: dict[tuple[int, str], list[Outcome]]) -> None:
    axes = figure.subplots()
    for method, colour in zip(METHODS, COLOURS, strict=False):
        values = np.array([[outcome.test[-1] for outcome in found[b, method.name]] for b in batches])
        mean = values.mean(1)
        spread = [mean - values.min(1), values.max(1) - mean]
        axes.errorbar(batches, mean, spread, color=colour, marker="o", markersize=3, capsize=2, label=method.name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(b) for b in batches])
    axes.set(xlabel="batch", ylabel="test accuracy (%)")
    axes.legend()


if __name__ == "__main__":
    sizes = [2, 4, 8, 16, 32, 64, 128]
    batches = {"type": number, "nargs": "+", "default": sizes, "metavar": "N", "help": "sizes of a batch (2 ... 128)"}
    more = (*scale_options(4000, 2000, 3), ("--batches", batches))
    reduced = {"train_points": 1000, "test_points": 500, "epochs": 1, "trials": 1, "batches": [2, 8, 32]}
    sys.exit(main(experiment, *more, trials=5, reduced=reduced))
