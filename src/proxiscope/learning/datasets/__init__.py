"""Data sets to learn from: scikit-learn's, which are embedded, and MNIST and CIFAR-10 in folders of the user."""

from .builtin import digits, iris
from .cifar import cifar10
from .idx import mnist

__all__ = ["cifar10", "digits", "iris", "mnist"]
