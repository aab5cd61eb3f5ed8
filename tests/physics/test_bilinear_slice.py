"""The thesis' pair of projections against a plain implementation of it, and how far it is from being adjoint."""

import importlib.util

import numpy as np
import pytest
from tests.projections import at_once, back_project, blobs, peak, project, random, relative

from proxiscope.core.errors import InputError
from proxiscope.core.threads import set_num_threads
from proxiscope.physics.projectors import BilinearSliceProjector, FourierSliceProjector

ANGLES = np.array([0, -70, -33.3, -12, 5, 45, 61, 90, 135, 180])


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    set_num_threads(0)


@pytest.fixture(scope="module")
def reference(shared_data):
    """The module with the plain implementation, which lies beside the test data."""
    path = shared_data(".").parent / "reference" / "ref_resire.py"
    if not path.exists():
        pytest.skip("the reference implementation is not here")
    spec = importlib.util.spec_from_file_location("ref_resire", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matrices(angles, size):
    """Projection and back projection of one slice as matrices (tilt x, z x) and (z x, tilt x)."""
    pixels = size * len(angles)
    forward = BilinearSliceProjector(angles, (size**2, size))
    voxels = np.eye(size**2).reshape(size**2, size, size).transpose(1, 0, 2)  # a slice along y for each voxel
    a = project(forward, voxels).transpose(0, 2, 1).reshape(pixels, size**2)
    backward = BilinearSliceProjector(angles, (pixels, size), (size, pixels, size))
    images = np.eye(pixels).reshape(pixels, len(angles), size).transpose(1, 0, 2)
    b = back_project(backward, images).transpose(0, 2, 1).reshape(size**2, pixels)
    return a.astype(float), b.astype(float)


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("depth", [16, 11, 24])
@pytest.mark.parametrize("oversampling", [2, 3])
def test_projections_are_those_of_the_reference(reference, n, depth, oversampling):
    ny = 5
    theirs = reference.Single((n, ny, depth), ANGLES, oversampling)
    a = BilinearSliceProjector(ANGLES, (ny, n), (depth, ny, n), oversampling)
    volume = random(a.volume)
    expected = theirs.fwd(volume.T.astype(float)).transpose(0, 2, 1)
    np.testing.assert_allclose(project(a, volume), expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("n", "depth"), [(16, 16), (17, 12), (16, 25)])
def test_back_projections_are_those_of_the_reference_but_at_the_edge(reference, n, depth):
    """It drops a shadow that lies less than a pixel outside the detector, though the outermost pixel still counts."""
    theirs = reference.Single((n, 5, depth), ANGLES)
    a = BilinearSliceProjector(ANGLES, (5, n), (depth, 5, n))
    projections = random((len(ANGLES), 5, n))
    expected = theirs.back(projections.transpose(0, 2, 1).astype(float)).T
    found = back_project(a, projections)
    z, x = np.mgrid[:depth, :n] - np.array([depth // 2, n // 2])[:, None, None]
    shadows = np.array([x * np.cos(t) - z * np.sin(t) + n // 2 for t in np.deg2rad(ANGLES)])
    edge = ((shadows > -1) & (shadows < 1e-6)) | ((shadows > n - 1 - 1e-6) & (shadows < n))
    inside = ~edge.any(axis=0)
    assert inside.mean() > 0.3
    atol = 1e-6 * np.abs(expected).max()
    np.testing.assert_allclose(found.transpose(0, 2, 1)[inside], expected.transpose(0, 2, 1)[inside], atol=atol)
    projections[..., [0, -1]] = 0
    np.testing.assert_allclose(back_project(a, projections), theirs.back(projections.transpose(0, 2, 1)).T, atol=atol)


def test_the_pair_of_the_thesis_is_a_third_off_being_adjoint():
    a, b = matrices(np.arange(-70, 70.1, 3.5), 24)
    mismatch = np.linalg.norm(a.T - b) / np.linalg.norm(a)
    assert mismatch == pytest.approx(0.33, abs=0.03)


def test_both_are_linear_maps_of_each_slice_alone():
    a = BilinearSliceProjector(ANGLES, (40, 21), (18, 40, 19))
    u, v = random(a.domain_shape, 1), random(a.domain_shape, 2)
    assert relative(a.forward(2 * u - 3 * v), 2 * a.forward(u) - 3 * a.forward(v)) < 5e-5
    volume = np.zeros(a.volume, np.float32)
    volume[:, 35] = random((18, 19))
    projections = project(a, volume)
    assert projections[:, 35].any()
    assert not np.delete(projections, 35, axis=1).any()


def test_on_a_smooth_object_it_is_close_to_the_exact_theorem():
    volume = blobs(40, 6, 44, radius=0.4)
    a, b = (p(ANGLES, (6, 44), volume.shape) for p in (BilinearSliceProjector, FourierSliceProjector))
    assert relative(project(a, volume), project(b, volume)) < 0.03


@pytest.mark.parametrize(("ny", "nu", "nx"), [(5, 20, 20), (70, 17, 29), (33, 30, 12)])
def test_threads_do_not_change_a_bit(ny, nu, nx):
    a = BilinearSliceProjector(ANGLES, (ny, nu), (21, ny, nx))
    x, y = random(a.domain_shape, 1), random(a.range_shape, 2)
    set_num_threads(1)
    forward, adjoint = a.forward(x), a.adjoint(y)
    for count in (2, 5):
        set_num_threads(count)
        np.testing.assert_array_equal(a.forward(x), forward)
        np.testing.assert_array_equal(a.adjoint(y), adjoint)


def test_two_python_threads_at_once():
    a = BilinearSliceProjector(ANGLES, (40, 20))
    x = [random(a.domain_shape, seed) for seed in range(2)]
    expected = [a.adjoint(a.forward(v)) for v in x]
    for got, wanted in zip(at_once([lambda v=v: a.adjoint(a.forward(v)) for v in x]), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_out_and_errors():
    a = BilinearSliceProjector(ANGLES, (18, 20))
    x = random(a.domain_shape, 1)
    out = np.full(a.range_shape, 7, np.float32)
    assert a.forward(x, out) is out
    np.testing.assert_array_equal(out, a.forward(x))
    with pytest.raises(InputError, match="out"):
        a.forward(x, out.astype(float))
    for call in (a.forward, a.adjoint):
        with pytest.raises(InputError, match=r"shape \(2, 2\)"):
            call(np.zeros((2, 2)))


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("tilts", "shape", "volume"), [(20, (40, 48), (48, 40, 48)), (60, (5, 30), (8, 5, 60)), (3, (70, 50), (60, 70, 20))]
)
def test_memory_bounds_what_it_takes(threads, tilts, shape, volume):
    set_num_threads(threads)
    angles = np.linspace(-70, 70, tilts)
    a = BilinearSliceProjector(angles, shape, volume)
    x, y = random(a.domain_shape), random(a.range_shape)

    def there_and_back():
        b = BilinearSliceProjector(angles, shape, volume)
        b.adjoint(b.forward(x, y), x)

    there_and_back()  # compile first
    assert peak(there_and_back) < BilinearSliceProjector.memory(angles, shape, volume)
