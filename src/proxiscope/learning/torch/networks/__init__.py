"""The networks of the thesis' section 5.3."""

from .dcgan import Critic, Generator
from .lenet import LeNet
from .resnet import PreActivatedResNet

__all__ = ["Critic", "Generator", "LeNet", "PreActivatedResNet"]
