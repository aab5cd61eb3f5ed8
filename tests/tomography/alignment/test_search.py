"""How iterations and searches come to their end."""

import numpy as np
import pytest

from proxiscope.tomography.alignment.mixing import Mixing
from proxiscope.tomography.alignment.search import least


@pytest.mark.parametrize("lowest", [0.0, 0.7, -3.9, 14.2])
def test_the_least_value_of_a_parabola(lowest):
    asked = []

    def of(x):
        asked.append(x)
        return 2 + 0.3 * (x - lowest) ** 2

    assert least(of, 0, 4) == pytest.approx(lowest, abs=1e-9)
    assert len(asked) <= 11


def test_a_flat_function_is_borne():
    assert abs(least(lambda x: 1.0, 5, 4) - 5) < 45  # it may wander, but comes to an end


def test_mixing_ends_an_iteration_that_creeps():
    rates = np.array([0.5, 0.2, 0.1])  # it goes no further than ten times a plain step
    aim = np.array([1.0, -2.0, 3.0])
    plain, mixed, mixing = np.zeros(3), np.zeros(3), Mixing()
    for _ in range(8):
        plain += rates * (aim - plain)
        mixed += mixing(mixed, rates * (aim - mixed))
    assert np.abs(mixed - aim).max() < 1e-3
    assert np.abs(plain - aim).max() > 1
