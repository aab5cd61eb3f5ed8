"""Generator and critic after DCGAN (Radford et al. 2016) for images of 32 x 32 pixels."""

import torch
from torch import nn

NOISE = 100
"""Numbers that an image is made from."""


class Generator(nn.Module):
    """Images (n, 1, 32, 32) from -1 to 1 of noise (n, 100).

    Parameters
    ----------
    width : int
        Channels of its last layer but one, 64 in DCGAN; those before have twice and four times as many.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = []
        channels = NOISE
        for out, stride, padding in ((4 * width, 1, 0), (2 * width, 2, 1), (width, 2, 1)):
            layers += [nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=False)]
            layers += [nn.BatchNorm2d(out), nn.ReLU()]
            channels = out
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), nn.Tanh())
        self.apply(_initialise)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.layers(noise[:, :, None, None])


class Critic(nn.Module):
    """A number for each of the images (n, 1, 32, 32), from a network with the widths of the generator."""

    def __init__(self, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        for channels in (width, 2 * width):
            layers += [nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(4 * width, 1, 4, 1, 0, bias=False))
        self.apply(_initialise)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images).flatten()

    @torch.no_grad()
    def clip(self, limit: float = 0.01) -> None:
        """Clip all parameters to -limit ... limit (Arjovsky et al. 2017)."""
        for parameter in self.parameters():
            parameter.clamp_(-limit, limit)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
