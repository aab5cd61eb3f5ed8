"""Each kernel against a plain NumPy expression in the same precision.

Equal to the last bit: a 0 or 1 that turned single precision into double would round differently.
"""

import numpy as np
import pytest

from proxiscope.phase import kernels

every_type = pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
every_spectrum = pytest.mark.parametrize("dtype", ["complex64", "complex128"])
with_and_without_positivity = pytest.mark.parametrize("non_negative", [True, False])
SIZE = 3000
ROWS = 40


def real(dtype):
    """The type of the real part."""
    return np.zeros(1, dtype).real.dtype.type


def arrays(dtype, count, seed=0):
    """So many random arrays."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        values = rng.standard_normal(SIZE)
        if np.dtype(dtype).kind == "c":
            values = values + 1j * rng.standard_normal(SIZE)
        found.append(values.astype(dtype))
    return found


def random_support(seed=1):
    return np.random.default_rng(seed).random(SIZE) < 0.5


def magnitudes(dtype, seed=2):
    """Of which a third was not measured, and one is zero."""
    rng = np.random.default_rng(seed)
    b = np.where(rng.random(SIZE) < 0.7, rng.random(SIZE), -1).astype(real(dtype))
    b[0] = 0
    return b


def satisfied(u, non_negative):
    return u.real >= 0 if non_negative else np.ones(u.shape, bool)


def constrained(u, support, non_negative):
    """P_S(u)."""
    kept = u.copy()
    if non_negative:
        kept.real = np.maximum(u.real, 0)
    return np.where(support, kept, u.dtype.type(0))


def dual(y, support, non_negative):
    """Zero inside the support, but for negative real parts where those are not allowed; free outside."""
    inside = np.zeros_like(y)
    if non_negative:
        inside.real = np.minimum(y.real, 0)
    return np.where(support, inside, y)


def same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@every_spectrum
def test_misfit(dtype):
    (spectrum,), b = arrays(dtype, 1), magnitudes(dtype)
    known = b >= 0
    expected = np.abs(np.abs(spectrum.astype(complex)) - b)[known].sum()
    assert kernels.misfit(spectrum, b) == pytest.approx(expected, rel=1e-6)
    assert kernels.misfit(spectrum, np.full_like(b, -1)) == 0


@every_spectrum
def test_a_misfit_is_summed_in_double_precision(dtype):
    """In single precision a sum of a million loses a thousandth."""
    b = np.full(10**6, 0.1, real(dtype))
    assert kernels.misfit(np.zeros(b.size, dtype), b) == pytest.approx(b.astype(float).sum(), rel=1e-9)


@every_spectrum
def test_impose_magnitudes(dtype):
    (z,), b = arrays(dtype, 1), magnitudes(dtype)
    z[:3] = 0
    b[:3] = 0, 2, -1
    a = np.sqrt(z.real * z.real + z.imag * z.imag)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(b >= 0, z * (b / a), z)
    expected[:3] = 0, 2, 0
    kernels.impose_magnitudes(z, b)
    same(z, expected)


@every_type
@with_and_without_positivity
def test_constrain(dtype, non_negative):
    (u,), support = arrays(dtype, 1), random_support()
    expected = constrained(u, support, non_negative)
    out = np.empty_like(u)
    kernels.constrain(u, support, out, non_negative)
    same(out, expected)
    kernels.constrain(u, support, u, non_negative)
    same(u, expected)


@every_type
@with_and_without_positivity
def test_hio_feedback(dtype, non_negative):
    (g, u), support, beta = arrays(dtype, 2), random_support(), real(dtype)(0.7)
    expected = np.where(support & satisfied(u, non_negative), u, g - beta * u)
    kernels.hio_feedback(g, u, support, non_negative, beta)
    same(g, expected)


@every_type
def test_feedback(dtype):
    (g, u), beta = arrays(dtype, 2), real(dtype)(0.7)
    expected = g - beta * u
    kernels.feedback(g, u, beta)
    same(g, expected)


@every_type
@with_and_without_positivity
def test_oss_feedback(dtype, non_negative):
    (g, u, smoothed), support = arrays(dtype, 3), random_support()
    expected = np.where(support, np.where(satisfied(u, non_negative), u, g), smoothed)
    kernels.oss_feedback(g, u, smoothed, support, non_negative)
    same(g, expected)


@every_type
@with_and_without_positivity
def test_raar(dtype, non_negative):
    (g, u), support, beta = arrays(dtype, 2), random_support(), real(dtype)(0.7)
    one = real(dtype)(1)
    expected = beta * (constrained(u + u - g, support, non_negative) - u + g) + (one - beta) * u
    kernels.raar(g, u, support, non_negative, beta)
    same(g, expected)


@every_type
@with_and_without_positivity
def test_relaxed_constraint(dtype, non_negative):
    (g,), support, beta = arrays(dtype, 1), random_support(), real(dtype)(0.7)
    one = real(dtype)(1)
    expected = (one - one / beta) * constrained(g, support, non_negative) + one / beta * g
    out = np.empty_like(g)
    kernels.relaxed_constraint(g, support, out, non_negative, beta)
    same(out, expected)


@every_type
@with_and_without_positivity
def test_difference_map(dtype, non_negative):
    (g, u, p), support, beta = arrays(dtype, 3), random_support(), real(dtype)(0.7)
    one = real(dtype)(1)
    expected = g + beta * (constrained((one + one / beta) * u - one / beta * g, support, non_negative) - p)
    kernels.difference_map(g, u, p, support, non_negative, beta)
    same(g, expected)


def weights(dtype):
    """Factors of rows and of columns."""
    rng = np.random.default_rng(3)
    return rng.random(ROWS).astype(real(dtype)), rng.random(SIZE // ROWS).astype(real(dtype))


@every_type
def test_weigh(dtype):
    (values,), (rows, columns) = arrays(dtype, 1), weights(dtype)
    values = values.reshape(ROWS, -1)
    expected = rows[:, None] * columns * values
    kernels.weigh(values, rows, columns)
    same(values, expected)


@every_spectrum
@pytest.mark.parametrize(("kept", "s"), [(0, 1), (1, 0.9)])
def test_gps_magnitudes(dtype, kept, s):
    (z, h), b = arrays(dtype, 2), magnitudes(dtype)
    z[:3] = h[:3] = 0
    b[:3] = 0, 2, -1
    eps, t, kept, s, one = map(real(dtype), (0.1, 0.8, kept, s, 1))
    w = z - t * h
    a = np.sqrt(w.real * w.real + w.imag * w.imag)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(b >= 0, w * ((b / a + eps) * (one / (one + eps))), w)
    expected[:3] = 0, 2 * (one / (one + eps)), 0
    expected_h = kept * h + s * (expected + expected - z)
    kernels.gps_magnitudes(z, h, b, eps, t, kept, s)
    same(z, expected)
    same(h, expected_h)


@every_type
@with_and_without_positivity
def test_gps_dual(dtype, non_negative):
    (y,), support = arrays(dtype, 1), random_support()
    expected = dual(y, support, non_negative)
    kernels.gps_dual(y, support, non_negative)
    same(y, expected)


@every_type
@with_and_without_positivity
def test_gps_weighed_dual(dtype, non_negative):
    (y, d), (rows, columns), s = arrays(dtype, 2), weights(dtype), real(dtype)(0.9)
    y, d, support = (a.reshape(ROWS, -1) for a in (y, d, random_support()))
    expected = rows[:, None] * columns * dual(y + s * d, support, non_negative)
    kernels.gps_weighed_dual(y, d, support, rows, columns, non_negative, s)
    same(y, expected)
