"""The sets that come with scikit-learn."""

import numpy as np

from ...core.errors import InputError
from ..problem import LabelledSet, PointSet


def digits(test: int = 360, seed: int = 0) -> LabelledSet:
    """Handwritten digits of 8 x 8 pixels, 1797 in all.

    Parameters
    ----------
    test : int
        So many of them, chosen at random, are kept to be tested with.
    seed : int
        Of the choice.

    Returns
    -------
    LabelledSet
        Points (n, 64), the rows of an image one after the other, from 0 to 1.

    Raises
    ------
    InputError
        If `test` leaves none on either side.
    """
    from sklearn.datasets import load_digits

    points, labels = load_digits(return_X_y=True)
    if not 0 < test < len(points):
        raise InputError("test", f"got {test}", f"Give a whole number from 1 to {len(points) - 1}")
    order = np.random.default_rng(seed).permutation(len(points))
    points, labels = points[order] / 16, labels[order]
    return LabelledSet(points[test:], labels[test:], points[:test], labels[:test], source="scikit-learn's digits")


def iris() -> PointSet:
    """150 irises of three species: length and width in cm of their sepals and petals, points (150, 4)."""
    from sklearn.datasets import load_iris

    return PointSet(load_iris().data, source="scikit-learn's irises")
