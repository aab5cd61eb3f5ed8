"""What the experiments with classifying networks share: images on a device, training from a seed, accuracy."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..core import InputError
from ..learning.problem import LabelledSet
from .report import number

TESTED_AT_ONCE = 500


class Images(NamedTuple):
    """Images (n, channel, y, x) with their classes (n,), to learn from and to be tested with."""

    train: torch.Tensor
    labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor

    @classmethod
    def of(
        cls, data: LabelledSet, shape: tuple[int, ...], options: argparse.Namespace, *, standardised: bool = False
    ) -> Self:
        """So many as asked for, chosen by the seed, from 0 to 1.

        Standardised, each channel has mean 0 and deviation 1 over those to learn from.

        Raises
        ------
        InputError
            If the set has fewer, or images of another size, or there is no such device.
        """
        if data.shape[1] != np.prod(shape):
            raise InputError("data", f"images of {data.shape[1]} values", f"Give images of {shape}")
        rng, device = np.random.default_rng(options.seed), device_of(options)
        train = _chosen("train-points", len(data.points), options.train_points, rng)
        test = _chosen("test-points", len(data.test_points), options.test_points, rng)
        images = torch.from_numpy(data.points[train].reshape(-1, *shape))
        tested = torch.from_numpy(data.test_points[test].reshape(-1, *shape))
        if standardised:
            deviation, mean = torch.std_mean(images, dim=(0, 2, 3), keepdim=True)
            images, tested = images.sub_(mean).div_(deviation), tested.sub_(mean).div_(deviation)
        labels, test_labels = torch.from_numpy(data.labels[train]), torch.from_numpy(data.test_labels[test])
        return cls(*(part.to(device) for part in (images, labels, tested, test_labels)))


def _chosen(name: str, count: int, asked: int, rng: np.random.Generator) -> np.ndarray:
    if asked > count:
        raise InputError(name, f"got {asked}", f"There are {count} images")
    return rng.permutation(count)[:asked]


class Outcome(NamedTuple):
    """Accuracies in percent after each epoch, the last one alone where it was not watched; and what became of it.

    That of the images to learn from is taken while their weights move, as they were shown.
    """

    train: list[float]
    test: list[float]
    finite: bool


def fit(
    network: nn.Module,
    images: Images,
    optimiser: torch.optim.Optimizer,
    *,
    epochs: int,
    batch: int,
    seed: int,
    before_epoch: Callable[[int], None],
    augment: Callable[[torch.Tensor, torch.Generator], torch.Tensor] = lambda batch, generator: batch,
    watched: bool = False,
) -> Outcome:
    """Train a network on shuffled batches; it is given up once its weights are no longer finite."""
    generator = torch.Generator().manual_seed(seed)
    train, test, finite = [], [], True
    for epoch in range(epochs):
        before_epoch(epoch)
        right = 0
        network.train()
        for chosen in _batches(len(images.train), batch, generator):
            logits = network(augment(images.train[chosen], generator))
            labels = images.labels[chosen]
            optimiser.zero_grad()
            functional.cross_entropy(logits, labels).backward()
            optimiser.step()
            right += (logits.argmax(1) == labels).sum()
        train.append(100 * float(right) / len(images.train))
        finite = all(bool(p.isfinite().all()) for p in network.parameters())
        if watched or not finite or epoch == epochs - 1:
            test.append(accuracy(network, images.test, images.test_labels))
        if not finite:
            break
    return Outcome(train, test, finite)


def _batches(count: int, batch: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    return iter(torch.randperm(count, generator=generator).split(batch))


@torch.no_grad()
def accuracy(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Percent of the images that the network gives their class."""
    network.eval()
    pairs = zip(images.split(TESTED_AT_ONCE), labels.split(TESTED_AT_ONCE), strict=True)
    return 100 * sum(int((network(part).argmax(1) == classes).sum()) for part, classes in pairs) / len(images)


def crop_and_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image shifted by up to 4 pixels either way, zeros coming in, and every other one mirrored, at random."""
    count, _, height, width = images.shape
    shifts = torch.randint(0, 9, (2, count, 1), generator=generator)
    rows, columns = shifts[0] + torch.arange(height), shifts[1] + torch.arange(width)
    mirrored = torch.rand((count, 1), generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    padded = functional.pad(images, (4, 4, 4, 4))
    return padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def device_of(options: argparse.Namespace) -> torch.device:
    """Where it is to run; raises InputError if there is no such device."""
    try:
        return torch.empty(1, device=options.device).device
    except (RuntimeError, AssertionError) as error:
        raise InputError("device", f"no {options.device!r} here", "Give cpu, or cuda where there is one") from error


def scale_options(train: int, test: int, epochs: int) -> tuple[tuple[str, dict], ...]:
    """Options of all experiments that train a classifier, with those of the full scale as default."""
    return (
        ("--train-points", {"type": number, "default": train, "help": f"images to learn from ({train})"}),
        ("--test-points", {"type": number, "default": test, "help": f"images to be tested with ({test})"}),
        ("--epochs", {"type": number, "default": epochs, "help": f"epochs, the schedule in proportion ({epochs})"}),
        DEVICE,
    )


DEVICE = ("--device", {"default": "cpu", "help": "where PyTorch computes, such as cuda (cpu)"})


def mean_and_spread(values: Sequence[float], form: str = ".2f") -> str:
    """As in "96.81 ± 0.12"; the mean alone of one value."""
    mean, spread = np.mean(values), np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{mean:{form}} ± {spread:{form}}" if len(values) > 1 else f"{mean:{form}}"
