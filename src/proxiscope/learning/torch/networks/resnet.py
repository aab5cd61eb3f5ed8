"""Pre-activated residual networks for images of 32 x 32 pixels (He et al. 2016, Identity Mappings, section 5)."""

import torch
from torch import nn
from torch.nn import functional


class _Block(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))); where it halves the image, x is subsampled and gets channels of 0."""

    def __init__(self, channels: int, out: int, stride: int):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(out)
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.stride, self.more = stride, out - channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = self.conv1(functional.relu(self.norm1(x)))
        change = self.conv2(functional.relu(self.norm2(change)))
        if self.stride > 1 or self.more:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return x + change


class PreActivatedResNet(nn.Module):
    """A convolution, three stages of blocks of two convolutions, and a classifier of the mean over the image.

    Parameters
    ----------
    blocks : int
        In each stage; the network has 6 blocks + 2 layers, 56 with 9 of them.
    width : int
        Channels of the first stage; the next ones have twice and four times as many.
    classes : int
    """

    def __init__(self, blocks: int = 9, width: int = 16, classes: int = 10):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False)]
        channels = width
        for stage in range(3):
            for block in range(blocks):
                out = width * 2**stage
                layers.append(_Block(channels, out, 2 if stage > 0 and block == 0 else 1))
                channels = out
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU())
        self.classify = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, class) of images (n, 3, 32, 32)."""
        return self.classify(self.layers(images).mean(dim=(2, 3)))
