"""Laplacian smoothing against matrices and its eigenvalues, by recursion and by the Fourier transform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.core.threads import set_num_threads
from proxiscope.learning import laplacian_smoothing as exported
from proxiscope.physics.smoothing import laplacian_smoothing, recursion, smooth_lanes

SIZES = [1, 2, 3, 5, 8, 17, 64, 300]
SIGMAS = [0, 0.1, 1, 10, 1000]
ORDERS = [1, 2, 3, 4]
LONG = 70_001
"""Entries that take more than one tile, and no round number of them."""
deterministic = settings(max_examples=60, deadline=None, derandomize=True)
sizes, sigmas, orders = st.integers(1, 3000), st.floats(0, 1e4), st.integers(1, 4)


def matrix(size, sigma, order):
    """I + (-1)^n sigma L^n with the periodic L of eq. 5.6; where neighbours coincide their weights add."""
    laplacian = -2 * np.eye(size) + np.roll(np.eye(size), 1, 0) + np.roll(np.eye(size), -1, 0)
    return np.eye(size) + (-1) ** order * sigma * np.linalg.matrix_power(laplacian, order)


def by_eigenvalues(values, sigma, order, axes):
    """The same by a full transform in double precision."""
    total = 0
    for axis in axes:
        eigenvalues = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(values.shape[axis]))
        total = total + eigenvalues.reshape([-1 if a == axis % values.ndim else 1 for a in range(values.ndim)])
    smoothed = np.fft.ifftn(np.fft.fftn(values, axes=axes) / (1 + sigma * total**order), axes=axes)
    return smoothed if np.iscomplexobj(values) else smoothed.real


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture
def threads():
    """``threads(count)`` sets their number until the test ends."""
    yield set_num_threads
    set_num_threads(0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sigma", SIGMAS)
def test_it_solves_the_linear_system(size, order, sigma):
    values = noise(size)
    expected = np.linalg.solve(matrix(size, sigma, order), values)
    np.testing.assert_allclose(laplacian_smoothing(values, sigma, order), expected, atol=1e-10)


@pytest.mark.parametrize("size", [1500, 20_000, LONG])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sigma", [0.1, 1, 10, 1000, 1e9])
def test_long_vectors_agree_with_the_eigenvalues_in_place_too(size, order, sigma):
    values = noise(size)
    expected = by_eigenvalues(values, sigma, order, (0,))
    np.testing.assert_allclose(laplacian_smoothing(values, sigma, order), expected, atol=1e-11)
    assert laplacian_smoothing(values, sigma, order, out=values) is values
    np.testing.assert_allclose(values, expected, atol=1e-11)


def test_long_vectors_are_filtered_recursively(monkeypatch):
    """What is tested as recursion is recursion."""
    monkeypatch.delattr(np.fft, "rfft")
    laplacian_smoothing(noise(LONG), 10, 2)
    with pytest.raises(AttributeError):
        laplacian_smoothing(noise(300), 10, 2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sigma", [1e-300, 1e-9, 0.3, 40, 1e12])
def test_the_filters_have_the_inverse_eigenvalues(order, sigma):
    w = np.linspace(0, np.pi, 50)
    response = np.ones(50)
    for gain, fall in recursion(sigma, order)[0]:
        z = np.exp(-1j * w)
        response *= np.abs(gain / (1 - z + gain * z + fall * (z**2 - z))) ** 2
    np.testing.assert_allclose(response, 1 / (1 + sigma * (2 - 2 * np.cos(w)) ** order), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("shape", [(1,), (7,), (6, 1), (5, 8), (4, 6, 7), (3, 70, 80, 32)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_along_axes_it_has_the_eigenvalues_of_their_laplacian(shape, dtype):
    values = noise(shape) + (1j * noise(shape, 1) if np.dtype(dtype).kind == "c" else 0)
    single = np.dtype(dtype).char in "fF"
    for axes in [(0,), (-1,), tuple(range(len(shape))), (len(shape) - 1, 0)][: 4 if len(shape) > 1 else 3]:
        smoothed = laplacian_smoothing(values.astype(dtype), 3, 2, axes=axes)
        assert smoothed.dtype == dtype
        np.testing.assert_allclose(smoothed, by_eigenvalues(values, 3, 2, axes), atol=2e-6 if single else 1e-13)


def test_one_axis_is_one_vector_after_the_other():
    values = noise((3, 40))
    rows = np.stack([laplacian_smoothing(row, 2, 3) for row in values])
    np.testing.assert_allclose(laplacian_smoothing(values, 2, 3, axes=1), rows, atol=1e-14)


@pytest.mark.parametrize("shape", [(LONG,), (900, 700), (90, 80, 100)])
@pytest.mark.parametrize("axes", [None, "all"])
def test_the_number_of_threads_changes_nothing(threads, shape, axes):
    values = noise(shape).astype(np.float32)
    along = axes and range(len(shape))
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(laplacian_smoothing(values, axes=along))
    assert all(np.array_equal(result, results[0]) for result in results)


@pytest.mark.parametrize(("order", "sigma"), [(1, 1.0), (2, 10.0), (3, 0.2), (1, 1000.0)])
def test_lanes_are_filtered_side_by_side(order, sigma):
    values = noise((2, 90, 8)).astype(np.float32)
    expected = by_eigenvalues(values.astype(float), sigma, order, (1,))
    smooth_lanes(values, sigma, order)
    np.testing.assert_allclose(values, expected, atol=5e-6)


@deterministic
@given(sizes, sigmas, orders, st.integers(0, 99))
def test_it_is_linear_self_adjoint_positive_and_contracting_and_keeps_the_mean(size, sigma, order, seed):
    a, b = noise((2, size), seed)
    smooth_a, smooth_b = (laplacian_smoothing(v, sigma, order) for v in (a, b))
    np.testing.assert_allclose(laplacian_smoothing(2 * a - b, sigma, order), 2 * smooth_a - smooth_b, atol=1e-10)
    assert smooth_a @ b == pytest.approx(a @ smooth_b, abs=1e-10 * size)
    assert 0 < a @ smooth_a <= a @ a * (1 + 1e-12)
    assert np.linalg.norm(smooth_a) <= np.linalg.norm(a) * (1 + 1e-12)
    assert smooth_a.mean() == pytest.approx(a.mean(), abs=1e-10)


@pytest.mark.parametrize(("order", "factor"), [(1, 0.268), (2, 0.279)])
def test_the_variance_of_white_noise_falls_by_the_stated_factor(order, factor):
    w = 2 * np.pi * np.arange(10_000) / 10_000
    assert (1 / (1 + (2 - 2 * np.cos(w)) ** order) ** 2).mean() == pytest.approx(factor, abs=5e-4)
    assert laplacian_smoothing(noise(10**6), 1, order).var() == pytest.approx(factor, rel=0.01)


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        (np.int32, "float64"),
        (bool, "float64"),
        (np.float16, "float32"),
        (">f4", "float32"),
        (np.complex64, "complex64"),
    ],
)
def test_precision_is_kept_and_whole_numbers_become_double(given, becomes):
    values = (noise(40) > 0).astype(given)
    smoothed = laplacian_smoothing(values)
    assert smoothed.dtype == becomes
    assert smoothed.dtype.isnative
    np.testing.assert_allclose(smoothed, laplacian_smoothing(values.astype(complex)).real, atol=1e-6)


def test_any_layout_is_taken_in_the_order_of_indices():
    values = noise((40, 50))
    expected = laplacian_smoothing(values.ravel()).reshape(40, 50)
    for other in (np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(laplacian_smoothing(other), expected)
        np.testing.assert_array_equal(laplacian_smoothing(other, out=other), expected)
        np.testing.assert_array_equal(other, expected)
    assert laplacian_smoothing(np.zeros((0, 3))).shape == (0, 3)
    assert laplacian_smoothing(3.0) == 3
    assert exported is laplacian_smoothing


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"sigma": -1}, "sigma"), ({"sigma": np.nan}, "sigma"), ({"sigma": np.inf}, "sigma"), ({"order": 0}, "order"),
        ({"order": 1.5}, "order"), ({"order": np.nan}, "order"), ({"axes": 2}, "axes"), ({"axes": (0, -2)}, "axes"),
        ({"axes": ()}, "axes"), ({"axes": 2, "sigma": 0}, "axes"),
        ({"out": np.zeros((3, 4), np.float32)}, "out"), ({"out": np.zeros(12)}, "out"),
        ({"out": np.broadcast_to(0.0, (3, 4))}, "out: a read-only"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(options, field):
    with pytest.raises(InputError, match=f"^{field}"):
        laplacian_smoothing(np.ones((3, 4)), **options)


def test_what_holds_no_numbers_is_refused():
    with pytest.raises(InputError, match=r"^gradient"):
        laplacian_smoothing(["a", "b"])
