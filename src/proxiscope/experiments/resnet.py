"""Pre-activated ResNet-56 on CIFAR-10: SGD against LS-SGD in the first fifth of the epochs (thesis section 5.3.3).

Data: the folder with the files of the CIFAR-10 binary version. Full scale is a network of 8 layers in the place of 56,
about half an hour on one core. The thesis' scale takes about five days for one of its 25 trials (--device cuda where
there is a graphics card):

    python -m proxiscope.experiments.resnet --data FOLDER --blocks 9 --width 16 --train-points 50000 \\
        --test-points 10000 --epochs 200 --trials 1

The peer is SGD with a quarter of the step.
"""

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from ..figures import COLOURS
from ..learning.datasets import cifar10
from ..learning.datasets.cifar import SHAPE
from ..learning.torch import LSSGD
from ..learning.torch.networks import PreActivatedResNet
from ._training import Images, Outcome, crop_and_flip, fit, mean_and_spread, scale_options
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEP, SHRINK, STAGES = 0.1, 5.0, 5
MOMENTUM, WEIGHT_DECAY, BATCH = 0.9, 1e-4, 128


class Method(NamedTuple):
    name: str
    step: float
    sigma: float
    """Until the step is first divided."""


METHODS = (
    Method("SGD", STEP, 0.0),
    Method("LS-SGD, sigma 1", STEP, 1.0),
    Method("SGD, a quarter of the step", STEP / 4, 0.0),
)


def experiment(options: argparse.Namespace) -> Report:
    """Train by each method, from the same weights and with the same batches in a trial."""
    images = Images.of(cifar10(options.data), SHAPE, options, standardised=True)
    found: dict[str, list[Outcome]] = {method.name: [] for method in METHODS}
    runs = [(method, options.seed + trial) for trial in range(options.trials) for method in METHODS]
    for method, seed in tqdm(runs, disable=not sys.stderr.isatty()):
        found[method.name].append(_train(images, method, seed, options))
    rows = tuple(
        (
            name,
            mean_and_spread([outcome.train[-1] for outcome in outcomes]),
            mean_and_spread([outcome.test[-1] for outcome in outcomes]),
            str(sum(not outcome.finite for outcome in outcomes)),
        )
        for name, outcomes in found.items()
    )
    scale = (
        f"Accuracies in percent; {options.trials} trial{'s' * (options.trials > 1)}, ResNet-{6 * options.blocks + 2} "
        f"of width {options.width}, {options.train_points} images to learn from, {options.test_points} to be tested "
        f"with and {options.epochs} epochs (in the thesis 25 trials, ResNet-56 of width 16, 50000, 10000 and 200)."
    )
    table = Table(("Method", "Training", "Test", "Diverged"), rows)
    caption = (
        "Training (dotted) and test accuracy of the first trial, and of more than one the test accuracies of all. "
        "Training accuracy is of images as they are shown, cropped and flipped, while the weights move."
    )
    return Report(scale, [table], lambda figure: _draw(figure, found), caption)


def _train(images: Images, method: Method, seed: int, options: argparse.Namespace) -> Outcome:
    torch.manual_seed(seed)
    network = PreActivatedResNet(options.blocks, options.width).to(images.train.device)
    optimiser = LSSGD(network.parameters(), lr=method.step, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def before_epoch(epoch: int) -> None:
        stage = STAGES * epoch // options.epochs
        for group in optimiser.param_groups:
            group["lr"] = method.step / SHRINK**stage
            group["sigma"] = method.sigma if stage == 0 else 0.0

    return fit(
        network, images, optimiser, epochs=options.epochs, batch=BATCH, seed=seed, before_epoch=before_epoch,
        augment=crop_and_flip, watched=True,
    )  # fmt: skip


def _draw(figure: "Figure", found: dict[str, list[Outcome]]) -> None:
    lasts = [[outcome.test[-1] for outcome in outcomes] for outcomes in found.values()]
    curves, *others = figure.subplots(1, 1 + (len(lasts[0]) > 1), squeeze=False)[0]
    for (name, outcomes), colour in zip(found.items(), COLOURS, strict=False):
        epochs = np.arange(1, len(outcomes[0].test) + 1)
        curves.plot(epochs, outcomes[0].train, ":", color=colour)
        curves.plot(epochs, outcomes[0].test, color=colour, label=name)
    curves.set(xlabel="epoch", ylabel="accuracy (%)")
    curves.legend()
    for histogram in others:
        histogram.hist(lasts, bins=10, color=COLOURS[: len(lasts)], label=list(found))
        histogram.set(xlabel="test accuracy (%)", ylabel="trials")


if __name__ == "__main__":
    size = (
        ("--blocks", {"type": number, "default": 1, "help": "in each of the three stages: 6 blocks + 2 layers (1)"}),
        ("--width", {"type": number, "default": 8, "help": "channels of the first stage (8)"}),
    )
    more = (*scale_options(6000, 2000, 20), *size)
    reduced = {"train_points": 1000, "test_points": 500, "epochs": 3, "width": 4, "trials": 1}
    sys.exit(main(experiment, *more, trials=3, reduced=reduced))
