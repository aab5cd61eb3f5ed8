"""WGAN with weight clipping on MNIST: RMSProp against LS-RMSProp for the generator (thesis section 5.3.4).

Data: the folder with the IDX files of MNIST. Full scale is a twentieth of the iterations and an eighth of the width,
about ten minutes; the thesis' scale takes about a day and a half on one core for all five runs:

    python -m proxiscope.experiments.wgan --data FOLDER --width 64 --iterations 20000

The thesis gives no number. Here are three of the critic's loss, in its second half and after a mean filter over 13
iterations as in figure 5.5: its median, the standard deviation of its steps in percent of that, and its spikes, which
are stretches that leave the running median by more than 6 robust deviations; and one of the samples, their noise: how
far pixels (0 to 1) are from the median of the 3 x 3 around them, on average. The peer is RMSProp with a quarter of the
step.
"""

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from tqdm import tqdm

from ..core import InputError
from ..figures import COLOURS
from ..learning.datasets import mnist
from ..learning.torch import LSRMSprop
from ..learning.torch.networks import Critic, Generator
from ..learning.torch.networks.dcgan import NOISE
from ._training import DEVICE, device_of, mean_and_spread
from .report import Report, Table, main, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGE, SMALL, CRITIC_STEP = 5e-3, 1e-4, 1e-4
BATCH, SAMPLES = 64, 64
USUAL, LONG, EVERY = 5, 200, 500
"""Steps of the critic for one of the generator, usually and at every 500th."""
WINDOW, MEDIAN_WINDOW, THRESHOLD = 13, 101, 6.0


class Method(NamedTuple):
    name: str
    step: float
    sigma: float
    seen: str
    """What the thesis says of its curve and samples."""


METHODS = (
    Method("RMSProp", LARGE, 0.0, "multiple sharp spikes; noisy spots"),
    Method("LS-RMSProp, sigma 1", LARGE, 1.0, "fewer spikes; visibly less noisy"),
    Method("RMSProp, a quarter of the step", LARGE / 4, 0.0, "not tried"),
    Method("RMSProp", SMALL, 0.0, "effects less pronounced"),
    Method("LS-RMSProp, sigma 1", SMALL, 1.0, "modestly better samples"),
)


class Run(NamedTuple):
    """The critic's losses (iteration,) and samples (64, 28, 28) from 0 to 1 at the end."""

    losses: NDArray[np.float64]
    samples: NDArray[np.float32]


def experiment(options: argparse.Namespace) -> Report:
    """Train by each method, from the same weights and seeds in a trial."""
    data = mnist(options.data)
    if data.shape[1] != 28 * 28:
        raise InputError(str(options.data), f"images of {data.shape[1]} values", "Give images of 28 x 28")
    if options.iterations < 4 * WINDOW:
        raise InputError("iterations", f"got {options.iterations}", f"Give {4 * WINDOW} or more")
    real = torch.from_numpy(data.points.reshape(-1, 1, 28, 28)).to(device_of(options))
    found: dict[Method, list[Run]] = {method: [] for method in METHODS}
    steps = len(METHODS) * options.trials * options.iterations
    with tqdm(total=steps, disable=not sys.stderr.isatty()) as bar:
        for trial in range(options.trials):
            for method in METHODS:
                found[method].append(_train(real, method, options.seed + trial, options, bar))
    rows = [
        (
            method.name, f"{method.step:g}", method.seen,
            mean_and_spread([np.median(_second_half(run.losses)) for run in runs], ".3g"),
            mean_and_spread([roughness(run.losses) for run in runs], ".2f"),
            mean_and_spread([spikes(run.losses) for run in runs], ".1f"),
            mean_and_spread([pixel_noise(run.samples) for run in runs], ".4f"),
        )
        for method, runs in found.items()
    ]  # fmt: skip
    rows.append(("MNIST itself", "", "", "", "", "", f"{pixel_noise(data.points[:1000].reshape(-1, 28, 28)):.4f}"))
    scale = (
        f"{options.trials} trial{'s' * (options.trials > 1)}, {options.iterations} iterations, networks of width "
        f"{options.width} (in the thesis one run, 20000 and, as in DCGAN, 64)."
    )
    columns = ("Generator", "Its step", "Thesis", "Loss", "Its steps, %", "Spikes", "Noise of samples")
    caption = "The critic's loss (minus its estimate of the distance) after the mean filter, and samples; first trial."
    return Report(scale, [Table(columns, tuple(rows))], lambda figure: _draw(figure, found), caption)


def _train(real: torch.Tensor, method: Method, seed: int, options: argparse.Namespace, bar: tqdm) -> Run:
    torch.manual_seed(seed)
    generator, critic = (make(options.width).to(real.device) for make in (Generator, Critic))
    of_generator = LSRMSprop(generator.parameters(), lr=method.step, sigma=method.sigma)
    of_critic = torch.optim.RMSprop(critic.parameters(), lr=CRITIC_STEP)
    rng = torch.Generator().manual_seed(seed)

    def noise(count: int) -> torch.Tensor:
        return torch.randn(count, NOISE, generator=rng).to(real.device)

    def criticise() -> torch.Tensor:
        """One step of the critic; its loss, which is minus its estimate of the distance."""
        chosen = torch.randint(len(real), (BATCH,), generator=rng)
        shown = functional.pad(2 * real[chosen] - 1, (2, 2, 2, 2), value=-1)
        with torch.no_grad():
            made = generator(noise(BATCH))
        loss = critic(made).mean() - critic(shown).mean()
        of_critic.zero_grad()
        loss.backward()
        of_critic.step()
        critic.clip()
        return loss.detach()

    looked_at, losses = noise(SAMPLES), np.empty(options.iterations)
    for iteration in range(options.iterations):
        for _ in range(LONG if iteration % EVERY == 0 else USUAL):
            loss = criticise()
        losses[iteration] = float(loss)
        of_generator.zero_grad()
        (-critic(generator(noise(BATCH))).mean()).backward()
        of_generator.step()
        bar.update()
    with torch.no_grad():
        samples = generator(looked_at)[:, 0, 2:-2, 2:-2].cpu().numpy()
    return Run(losses, (samples + 1) / 2)


def smoothed(losses: NDArray) -> NDArray:
    """The losses after the mean filter."""
    return np.convolve(losses, np.full(WINDOW, 1 / WINDOW), "valid")


def _second_half(losses: NDArray) -> NDArray:
    return smoothed(losses[len(losses) // 2 :])


def roughness(losses: NDArray) -> float:
    """Standard deviation of the steps of the filtered loss, in percent of its median."""
    curve = _second_half(losses)
    return float(100 * np.diff(curve).std() / abs(np.median(curve)))


def spikes(losses: NDArray) -> int:
    """Stretches of the filtered loss that leave its running median by more than 6 robust deviations."""
    from scipy.ndimage import median_filter

    curve = _second_half(losses)
    reach = min(MEDIAN_WINDOW, len(curve) // 2) // 2
    away = np.abs(curve - median_filter(curve, 2 * reach + 1))[reach : len(curve) - reach]
    outside = away > THRESHOLD * 1.4826 * np.median(away)
    return int(outside[0]) + int(np.count_nonzero(outside[1:] & ~outside[:-1]))


def pixel_noise(images: NDArray) -> float:
    """Mean distance of pixels from the median of the 3 x 3 around them."""
    from scipy.ndimage import median_filter

    return float(np.abs(images - median_filter(images, (1, 3, 3))).mean())


def _draw(figure: "Figure", found: dict[Method, list[Run]]) -> None:
    curves, samples = figure.subplots(2, len(found), squeeze=False)
    for above, below, (method, runs), colour in zip(curves, samples, found.items(), COLOURS, strict=False):
        above.plot(smoothed(runs[0].losses), color=colour, linewidth=0.6)
        above.set(xlabel="iteration", title=f"{method.name}\nstep {method.step:g}")
        tiles = runs[0].samples.reshape(8, 8, 28, 28).transpose(0, 2, 1, 3).reshape(8 * 28, 8 * 28)
        below.imshow(tiles, cmap="gray", vmin=0, vmax=1)
        below.set_axis_off()
    curves[0].set_ylabel("critic's loss")
    figure.set_size_inches(2.2 * len(found), 4.6)


if __name__ == "__main__":
    more = (
        ("--iterations", {"type": number, "default": 1000, "help": "steps of the generator (1000)"}),
        ("--width", {"type": number, "default": 8, "help": "channels next to the image (8)"}),
        DEVICE,
    )
    sys.exit(main(experiment, *more, trials=1, reduced={"iterations": 52, "width": 2}))
