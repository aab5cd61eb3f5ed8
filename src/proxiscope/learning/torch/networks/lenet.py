"""LeNet-5 as in the thesis' section 5.3.2."""

import torch
from torch import nn


class LeNet(nn.Module):
    """Two convolutions with ReLU and max pooling, an affine map to features, and one to logits of the classes.

    Parameters
    ----------
    features : int
        512 in section 5.3.2, 64 in section 4.3.5.
    classes : int
    """

    def __init__(self, features: int = 512, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(50 * 4 * 4, features),
        )  # fmt: skip
        self.classify = nn.Linear(features, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, class) of images (n, 1, 28, 28)."""
        return self.classify(self.features(images))
