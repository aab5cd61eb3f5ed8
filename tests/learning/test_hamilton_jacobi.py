"""The solution of Hopf and Lax against minimisation from many starts, and in its known limits."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from proxiscope.core import InputError
from proxiscope.learning.hamilton_jacobi import ViscositySolution, direction, in_plane, objective

DIAGONAL, E1 = direction("diagonal"), direction("e1")
ACROSS = in_plane(DIAGONAL, E1, [np.pi / 2])[0]
"""Without a part along the lowest eigenvector, in which w says nothing of the direction to go to."""


def smoothing(sigma: float, d: int = 5) -> NDArray:
    return (1 + 2 * sigma) * np.eye(d) - sigma * (np.roll(np.eye(d), 1, 0) + np.roll(np.eye(d), -1, 0))


def by_many_starts(w: NDArray, t: float, sigma: float) -> float:
    """The lowest of eq. 5.2 that BFGS finds."""
    operator, rng = smoothing(sigma), np.random.default_rng(0)

    def value(v: NDArray) -> tuple[float, NDArray]:
        rho, pull = np.linalg.norm(v), operator @ (v - w)
        slope = v * (2 + np.sin(2 * np.pi * rho) + np.pi * rho * np.cos(2 * np.pi * rho))
        return float(objective(rho)) + (v - w) @ pull / (2 * t), slope + pull / t

    starts = [w * scale for scale in np.linspace(0, 1.5, 10)]
    starts += [w * rng.uniform(0.4, 1.4) + 0.4 * np.linalg.norm(w) * rng.normal(size=5) for _ in range(15)]
    return min(minimize(value, start, jac=True, method="BFGS").fun for start in starts)


@pytest.mark.parametrize("along", [E1, DIAGONAL, ACROSS], ids=["e1", "diagonal", "across"])
@pytest.mark.parametrize(("sigma", "t"), [(1.0, 0.05), (1.0, 0.5), (6.0, 0.2)])
def test_no_start_finds_less_and_some_start_finds_it(along, sigma, t):
    distances = np.array([0.4, 1.31, 2.4, 2.9])
    expected = [by_many_starts(s * along, t, sigma) for s in distances]
    np.testing.assert_allclose(ViscositySolution([along], distances, sigma)(t)[0], expected, rtol=0, atol=1e-5)


def test_without_smoothing_it_is_the_moreau_envelope():
    rho = np.linspace(0, 6, 200_001)
    distances = np.linspace(0, 3, 40)
    expected = [(objective(rho) + (rho - s) ** 2 / 0.4).min() for s in distances]
    for found in ViscositySolution([E1, DIAGONAL], distances, 0.0)(0.2):
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_along_the_diagonal_smoothing_changes_nothing():
    distances = np.linspace(0, 1, 20)  # near the origin, where nothing is gained by leaving the diagonal
    one, other = (ViscositySolution([DIAGONAL], distances, sigma)(0.1) for sigma in (0.0, 5.0))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_at_time_zero_it_is_f_and_soon_after_close_to_it():
    distances = np.linspace(-3, 3, 61)
    solution = ViscositySolution([E1, DIAGONAL], distances)
    np.testing.assert_array_equal(solution(0.0), np.tile(objective(np.abs(distances)), (2, 1)))
    np.testing.assert_allclose(solution(1e-6), solution(0.0), atol=1e-3)
    np.testing.assert_allclose(solution(1e-14), solution(0.0), atol=1e-5)
    assert not np.allclose(solution(0.01), solution(0.0), atol=1e-3)


def test_it_sinks_with_time_and_the_slower_the_more_is_smoothed():
    angles = np.linspace(0, np.pi, 7)
    weak, strong = (ViscositySolution(in_plane(DIAGONAL, E1, angles), np.linspace(0, 3, 50), s) for s in (0.5, 4.0))
    before = weak(0.0)
    for t in (0.01, 0.1, 1.0, 10.0):
        now = weak(t)
        assert (now <= before + 1e-9).all()
        assert (now <= strong(t) + 1e-6).all()
        assert (now >= 0).all()
        before = now
    assert before.max() < 1


def test_wells_keep_their_depth_at_first_and_are_filled_from_within_later():
    rho = np.linspace(0, 3, 300_001)
    f = objective(rho)
    wells = rho[1:-1][(f[1:-1] < f[:-2]) & (f[1:-1] < f[2:])]
    assert len(wells) == 3
    solution = ViscositySolution([E1], wells)
    np.testing.assert_allclose(solution(0.1)[0], objective(wells), rtol=0, atol=1e-8)
    assert (solution(1.0)[0][1:] < objective(wells)[1:] - 0.05).all()


def test_planes_are_spanned_by_their_directions():
    angle = np.arccos(1 / np.sqrt(5))
    found = in_plane(DIAGONAL, E1, [0.0, angle, np.pi / 2])
    np.testing.assert_allclose(found[:2], [DIAGONAL, E1], atol=1e-12)
    np.testing.assert_allclose(found @ found[0], [1, np.cos(angle), 0], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: direction("e7"), r"direction: got 'e7'. Choose one of e1, diagonal"),
        (lambda: ViscositySolution([E1], [1.0], -1.0), r"sigma: got -1.0"),
        (lambda: ViscositySolution(E1, [1.0]), r"directions: an array of shape \(5,\)"),
        (lambda: ViscositySolution([E1], 1.0), r"distances: an array of shape \(\)"),
        (lambda: ViscositySolution([E1], [1.0])(-0.1), r"t: got -0.1"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sigma", [0.0, 0.9, 2.1, 2.4, 2.7, 10.0])
def test_rounding_of_the_lowest_eigenvalue_divides_by_no_zero(sigma):
    directions = np.stack([direction("e1"), direction("diagonal")])
    assert np.isfinite(ViscositySolution(directions, np.linspace(0, 2.6, 20), sigma)(0.1)).all()
