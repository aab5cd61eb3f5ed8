"""LeNet-5 trained on MNIST as in the thesis' section 5.3.2, and its features of section 4.3.5."""

import argparse
import os

import numpy as np
import torch
from numpy.typing import NDArray

from ..learning.datasets import mnist
from ..learning.torch.networks import LeNet
from ._training import Images, Outcome, fit

SHAPE = (1, 28, 28)
STEP, SHRINK, MOMENTUM, WEIGHT_DECAY = 0.01, 5.0, 0.9, 1e-4


def train(
    network: LeNet,
    images: Images,
    optimiser: type[torch.optim.Optimizer],
    *,
    step: float = STEP,
    batch: int,
    epochs: int,
    seed: int,
    **more: float,
) -> Outcome:
    """Train with momentum and weight decay, the step divided by 5 after half of the epochs."""
    chosen = optimiser(network.parameters(), lr=step, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, **more)

    def before_epoch(epoch: int) -> None:
        for group in chosen.param_groups:
            group["lr"] = step / SHRINK if 2 * epoch >= epochs and epoch > 0 else step

    return fit(network, images, chosen, epochs=epochs, batch=batch, seed=seed, before_epoch=before_epoch)


def features(
    folder: str | os.PathLike,
    *,
    size: int = 64,
    epochs: int = 4,
    batch: int = 128,
    seed: int = 0,
    device: str = "cpu",
) -> tuple[NDArray[np.float32], float]:
    """What LeNet-5, trained on MNIST, hands to its last layer for each of the images that it was trained on.

    Parameters
    ----------
    folder : path-like
        With the files of MNIST.
    size : int
        Features of an image.
    epochs, batch : int
        Of the training, by SGD.
    seed : int
        Of the weights to begin with and of the batches.
    device : str
        Where PyTorch computes.

    Returns
    -------
    features : ndarray of float32, (60000, size)
        In the order of the file.
    accuracy : float
        Percent of the test images that the network gives their class.

    Raises
    ------
    InputError
        If the files cannot be used, or there is no such device.
    """
    data = mnist(folder)
    all_of_it = {"train_points": len(data.points), "test_points": len(data.test_points)}
    images = Images.of(data, SHAPE, argparse.Namespace(seed=seed, device=device, **all_of_it))
    torch.manual_seed(seed)
    network = LeNet(size).to(images.train.device)
    outcome = train(network, images, torch.optim.SGD, batch=batch, epochs=epochs, seed=seed)
    order = np.random.default_rng(seed).permutation(len(data.points))
    found = np.empty((len(data.points), size), np.float32)
    with torch.no_grad():
        found[order] = torch.cat([network.features(part) for part in images.train.split(1000)]).cpu().numpy()
    return found, outcome.test[-1]
