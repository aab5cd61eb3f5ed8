"""Both single-axis projectors against their adjoints, plain oracles, the geometry and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.projections import (
    SPECIAL_ANGLES,
    adjointness,
    at_once,
    back_project,
    blobs,
    peak,
    project,
    random,
    relative,
)

from proxiscope.core.errors import InputError
from proxiscope.core.threads import set_num_threads
from proxiscope.physics.projectors import FourierSliceProjector, LinearOperator, SingleAxisProjector

PROJECTORS = [SingleAxisProjector, FourierSliceProjector]

both = pytest.mark.parametrize("projector", PROJECTORS)
deterministic = settings(max_examples=40, deadline=None, derandomize=True)
angle = st.one_of(st.sampled_from(SPECIAL_ANGLES), st.floats(-360, 360))
rows, columns = st.one_of(st.integers(1, 6), st.integers(15, 70)), st.integers(2, 40)
geometries = st.builds(
    lambda angles, ny, nu, nz, nx: (angles, (ny, nu), (nz, ny, nx)),
    st.lists(angle, min_size=1, max_size=7), rows, columns, st.integers(1, 40), columns,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    set_num_threads(0)


def joseph(volume, angles, nu):
    """Joseph's method for one ray and one step at a time; volume (z, x), detector of `nu` pixels."""
    nz, nx = volume.shape
    z, x, pixels = (np.arange(n) - n // 2 for n in (nz, nx, nu))
    out = np.zeros((len(angles), nu))
    for k, t in enumerate(np.deg2rad(angles)):
        c, s = np.cos(t), np.sin(t)
        for j in range(nu):
            if abs(c) >= abs(s):
                for w, row in zip(z, volume, strict=True):
                    at = (pixels[j] + s * w) / c
                    out[k, j] += np.interp(at, np.r_[x[0] - 1, x, x[-1] + 1], np.r_[0, row, 0]) / abs(c)
            else:
                for u, row in zip(x, volume.T, strict=True):
                    at = (c * u - pixels[j]) / s
                    out[k, j] += np.interp(at, np.r_[z[0] - 1, z, z[-1] + 1], np.r_[0, row, 0]) / abs(s)
    return out


def fourier_slices(volume, angles, nu, period):
    """Central lines of the explicit Fourier sum of a slice (z, x), and the explicit sum back at `nu` pixels."""
    nz, nx = volume.shape
    w, u = np.mgrid[:nz, :nx]
    k = np.arange(-(period // 2), period // 2 + 1)
    x = np.arange(nu) - nu // 2
    out = []
    for t in np.deg2rad(angles):
        s = np.cos(t) * (u - nx // 2) - np.sin(t) * (w - nz // 2)
        line = np.exp(-2j * np.pi / period * np.outer(k, s)) @ volume.ravel().astype(float)
        p = np.exp(2j * np.pi / period * np.outer(x, k)) @ line / period
        assert abs(p.imag).max() < 1e-9 * max(1, abs(p).max())
        out.append(p.real)
    return np.array(out)


@both
@deterministic
@given(geometry=geometries, seed=st.integers(0, 2**16))
def test_adjoint(projector, geometry, seed):
    a = projector(*geometry)
    assert isinstance(a, LinearOperator)
    assert adjointness(a, seed) <= (2e-7 if projector is SingleAxisProjector else 1e-5)


@deterministic
@given(geometry=geometries, seed=st.integers(0, 2**16))
def test_joseph_is_joseph(geometry, seed):
    angles, (ny, nu), (nz, _, nx) = geometry
    a = SingleAxisProjector(*geometry)
    volume = random(a.volume, seed)
    y = seed % ny
    expected = joseph(volume[:, y].astype(float), angles, nu)
    np.testing.assert_allclose(project(a, volume)[:, y], expected, atol=2e-5 * np.sqrt(nz + nx))


@pytest.mark.parametrize(
    ("nu", "nz", "nx"), [(16, 16, 16), (17, 17, 17), (16, 11, 16), (9, 24, 9), (2, 1, 2), (20, 12, 11), (7, 9, 20)]
)
def test_fourier_slice_is_the_fourier_sum(nu, nz, nx):
    angles = [*SPECIAL_ANGLES, 12.3, -71.0]
    a = FourierSliceProjector(angles, (3, nu), (nz, 3, nx))
    volume = random(a.volume)
    projections = project(a, volume)
    for y in range(3):
        assert relative(projections[:, y], fourier_slices(volume[:, y], angles, nu, a.line_length)) < 5e-5


@both
@pytest.mark.parametrize(("wide", "narrow"), [(31, 16), (24, 13), (17, 17)])
def test_the_detector_may_be_wider_or_narrower_than_the_volume(projector, wide, narrow):
    """A volume with nothing at its sides projects like the part that is not empty, a detector's part like that part."""
    angles, volume = np.linspace(-85, 90, 8), blobs(15, 4, narrow, radius=0.3)
    first = wide // 2 - narrow // 2
    part = np.s_[..., first : first + narrow]
    whole = np.zeros((15, 4, wide), np.float32)
    whole[part] = volume
    expected = project(projector(angles, (4, wide), whole.shape), whole)
    scale = 2e-4 * expected.max()
    np.testing.assert_allclose(project(projector(angles, (4, wide), volume.shape), volume), expected, atol=scale)
    narrowed = project(projector(angles, (4, narrow), whole.shape), whole)
    np.testing.assert_allclose(narrowed, expected[part], atol=scale)


@both
def test_linear(projector):
    a = projector(np.linspace(-70, 70, 9), (20, 21), (15, 20, 24))
    u, v = random(a.domain_shape, 1), random(a.domain_shape, 2)
    assert relative(a.forward(2 * u - 3 * v), 2 * a.forward(u) - 3 * a.forward(v)) < 5e-5
    assert not a.forward(np.zeros(a.domain_shape, np.float32)).any()


@both
@pytest.mark.parametrize(("shape", "depth"), [((5, 16), 16), ((33, 13), 12), ((40, 12), 13)])
def test_sums_along_the_axes(projector, shape, depth):
    volume = random((depth, *shape))
    at_0, at_180 = project(projector([0, 180], shape, volume.shape), volume)
    scale = 1e-4 * abs(volume).sum(0).max()
    np.testing.assert_allclose(at_0, volume.sum(0), atol=scale)
    centre = shape[1] // 2
    n = min(centre, shape[1] - 1 - centre)  # a turn by 180 degrees mirrors about pixel n // 2
    mirrored = at_180[:, centre - n : centre + n + 1][:, ::-1]
    np.testing.assert_allclose(mirrored, volume.sum(0)[:, centre - n : centre + n + 1], atol=scale)


@both
def test_at_90_degrees_the_detector_is_minus_z(projector):
    n = 15  # odd, so that -z has a pixel for every z
    volume = random((n, 4, n))
    plus, minus = project(projector([90, -90], (4, n)), volume)
    np.testing.assert_allclose(plus, volume.sum(2)[::-1].T, atol=1e-3)
    np.testing.assert_allclose(minus, volume.sum(2).T, atol=1e-3)


@both
@pytest.mark.parametrize("shape", [(3, 32), (3, 33)])
def test_one_voxel_lands_where_the_geometry_says(projector, shape):
    depth, z, x = 24, 5, 22
    angles = np.arange(-180, 181, 7.5)
    volume = np.zeros((depth, *shape), np.float32)
    volume[z, 1, x] = 1
    projections = project(projector(angles, shape, volume.shape), volume)
    t = np.deg2rad(angles)
    expected = np.cos(t) * (x - shape[1] // 2) - np.sin(t) * (z - depth // 2) + shape[1] // 2
    inside = (expected > 1) & (expected < shape[1] - 2)
    assert inside.sum() > 40
    assert (abs(projections[inside, 1].argmax(1) - expected[inside]) <= 0.5 + 1e-6).all()
    assert abs(projections[:, [0, 2]]).max() < 1e-5


@both
def test_nothing_wraps_into_the_detector(projector):
    z, x = np.ogrid[:64, :32]
    volume = np.exp(-((z - 8.0) ** 2 + (x - 4.0) ** 2) / 8).astype(np.float32)[:, None]
    a = projector([30, -60], (1, 32), volume.shape)
    at_30, at_minus_60 = project(a, volume)  # the blob's centre is 1.6 pixels off the axis, and 26.8: outside
    assert at_30.max() > 1
    assert abs(at_minus_60).max() < 1e-4
    b = projector([-60], (1, 32), volume.shape)
    assert abs(back_project(b, np.ones((1, 1, 32)))[8, 0, 4]) < 0.05  # at most the tail of a sinc


@pytest.mark.parametrize(("shape", "depth"), [((40, 48), 48), ((35, 51), 40)])
def test_both_agree_on_a_smooth_object(shape, depth):
    angles = np.linspace(-90, 90, 25)
    volume = blobs(depth, *shape)
    real_space, fourier = (project(p(angles, shape, volume.shape), volume) for p in PROJECTORS)
    assert relative(real_space, fourier) < 0.01
    back = [back_project(p(angles, shape, volume.shape), fourier) for p in PROJECTORS]
    assert relative(*back) < 0.03


@both
@pytest.mark.parametrize("ny", [5, 100])
def test_threads_do_not_change_a_bit(projector, ny):
    a = projector(np.linspace(-80, 95, 19), (ny, 37), (29, ny, 37))
    volume, projections = random((29, ny, 37), 1), random((19, ny, 37), 2)
    set_num_threads(1)
    forward, adjoint = project(a, volume), back_project(a, projections)
    for count in (2, 3, 8):
        set_num_threads(count)
        np.testing.assert_array_equal(project(a, volume), forward)
        np.testing.assert_array_equal(back_project(a, projections), adjoint)


@both
def test_two_python_threads_at_once(projector):
    a = projector(np.linspace(-80, 95, 19), (64, 37), (29, 64, 37))
    x = [random(a.domain_shape, seed) for seed in range(2)]
    expected = [a.adjoint(a.forward(v)) for v in x]
    results = at_once([lambda v=v: [a.adjoint(a.forward(v)) for _ in range(10)] for v in x])
    for got, wanted in zip(results, expected, strict=True):
        assert len(got) == 10
        assert all(np.array_equal(g, wanted) for g in got)


@both
def test_out(projector):
    a = projector([0, 30, 100], (18, 20), (9, 18, 22))
    x, y = random(a.domain_shape, 1), random(a.range_shape, 2)
    projections, volume = np.full(a.range_shape, 7, np.float32), np.full(a.domain_shape, 7, np.float32)
    assert a.forward(x, projections) is projections
    assert a.adjoint(y, volume) is volume
    np.testing.assert_array_equal(projections, a.forward(x))
    np.testing.assert_array_equal(volume, a.adjoint(y))
    for bad in (projections[:, :1], projections.astype(float), projections[..., ::-1]):
        with pytest.raises(InputError, match="out"):
            a.forward(x, bad)


@both
@pytest.mark.parametrize("ny", [1, 8, 16, 17, 32, 70])
def test_packing_goes_there_and_back(projector, ny):
    a = projector([0, 1, 2], (ny, 19), (7, ny, 23))
    volume, projections = random((7, ny, 23)), random((3, ny, 19))
    np.testing.assert_array_equal(a.unpack_volume(a.pack_volume(volume)), volume)
    np.testing.assert_array_equal(a.unpack_projections(a.pack_projections(projections)), projections)
    integers = np.arange(volume.size, dtype=np.int16).reshape(volume.shape)
    np.testing.assert_array_equal(a.unpack_volume(a.pack_volume(integers[:, :, ::-1])), integers[:, :, ::-1])
    assert abs(a.pack_volume(volume)).sum(dtype=float) == pytest.approx(abs(volume).sum(dtype=float))


@both
def test_errors_say_what_is_wrong(projector):
    a = projector([0, 1], (4, 6))
    for call in (a.pack_volume, a.forward, a.adjoint, a.unpack_projections):
        with pytest.raises(InputError, match=r"shape \(2, 2\)"):
            call(np.zeros((2, 2)))
    bad = [
        ([], (4, 6), (3, 4, 6)), ([np.nan], (4, 6), (3, 4, 6)), ([[0]], (4, 6), (3, 4, 6)), ([0], (4, 1), (3, 4, 6)),
        ([0], (4, 6), (0, 4, 6)), ([0], (4, 6), (3, 4, 1)), ([0], (4, 6), (3, 4)), ([0], (4, 6), (3, 5, 6)),
    ]  # fmt: skip
    for geometry in bad:
        with pytest.raises(InputError):
            projector(*geometry)


@both
@pytest.mark.parametrize(
    ("tilts", "shape", "volume"), [(20, (40, 64), (64, 40, 64)), (60, (5, 40), (16, 5, 90)), (3, (9, 50), (70, 9, 20))]
)
def test_memory_bounds_what_it_takes(projector, tilts, shape, volume):
    angles = np.linspace(-70, 70, tilts)
    a = projector(angles, shape, volume)
    x, y = random(a.domain_shape), random(a.range_shape)

    def there_and_back():
        b = projector(angles, shape, volume)
        b.adjoint(b.forward(x, y), x)

    there_and_back()  # compile first
    assert peak(there_and_back) < projector.memory(angles, shape, volume)


def test_interpolation_weighs_each_voxel_once_per_tilt():
    projector = SingleAxisProjector(np.linspace(-80, 80, 9), (5, 33), (17, 5, 33))
    ones = projector.pack_projections(np.ones((9, 5, 33)))
    volume = projector.unpack_volume(projector.interpolate(ones))
    z, x = np.mgrid[-8:9, -16:17]
    inside = np.all([np.abs(x * np.cos(t) - z * np.sin(t)) <= 15 for t in np.deg2rad(projector.angles)], axis=0)
    np.testing.assert_allclose(volume[:, 2][inside], 9, rtol=1e-5)
