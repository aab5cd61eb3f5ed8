"""The Fourier-slice projector on arrays of PyTorch: against finufft's, the explicit sums, and its own adjoint."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.projections import SPECIAL_ANGLES, back_project, project, random, relative

from proxiscope.core.arrays import device_of, on_host, place
from proxiscope.core.errors import InputError
from proxiscope.physics import projectors
from proxiscope.physics.projectors import ArrayFourierSliceProjector, FourierSliceProjector, LinearOperator
from proxiscope.physics.projectors import array_fourier_slice as module
from proxiscope.physics.projectors._sparse_rows import SparseRows

pytest.importorskip("torch")

DEVICE = "torch-cpu"

deterministic = settings(max_examples=40, deadline=None, derandomize=True)
angle = st.one_of(st.sampled_from(SPECIAL_ANGLES), st.floats(-360, 360))
rows, columns = st.integers(1, 6), st.integers(2, 40)
geometries = st.builds(
    lambda angles, ny, nu, nz, nx: (angles, (ny, nu), (nz, ny, nx)),
    st.lists(angle, min_size=1, max_size=7), rows, columns, st.integers(1, 40), columns,
)  # fmt: skip


def explicit(volume, angles, nu, period):
    """Projections (tilt, u) of a slice (z, x): each voxel a periodic sinc about its shadow."""
    nz, nx = volume.shape
    z, x = np.mgrid[:nz, :nx]
    out = []
    for t in np.deg2rad(angles):
        shadow = np.cos(t) * (x - nx // 2) - np.sin(t) * (z - nz // 2)
        apart = (np.arange(nu) - nu // 2)[:, None, None] - shadow
        out.append((volume * scipy.special.diric(2 * np.pi * apart / period, period)).sum(axis=(1, 2)))
    return np.array(out)


@deterministic
@given(geometry=geometries, seed=st.integers(0, 2**16))
def test_adjoint(geometry, seed):
    a = ArrayFourierSliceProjector(*geometry, device=DEVICE)
    x, y = random(a.domain_shape, seed), random(a.range_shape, seed + 1)
    ax, ay = project(a, x), back_project(a, y)
    difference = np.vdot(ax.astype(float), y) - np.vdot(x.astype(float), ay)
    assert abs(difference) < 1e-6 * (1 + np.linalg.norm(ax) * np.linalg.norm(y))


@settings(deterministic, max_examples=20)
@given(geometry=geometries, seed=st.integers(0, 2**16))
def test_each_voxel_becomes_a_sinc_at_its_shadow(geometry, seed):
    a = ArrayFourierSliceProjector(*geometry, device=DEVICE)
    volume = random(a.domain_shape, seed)
    calculated = project(a, volume)
    for y in {0, a.volume[1] - 1}:
        expected = explicit(volume[:, y].astype(float), a.angles, a.shape[1], a.line_length)
        # A voxel's sinc has norm one: so large would the projections of random voxels be, were all on the detector.
        scale = np.linalg.norm(volume[:, y]) * np.sqrt(len(a.angles))
        assert np.linalg.norm(calculated[:, y] - expected) < 3e-5 * scale


@pytest.mark.parametrize(
    ("shape", "volume"), [((8, 64), None), ((5, 33), (21, 5, 40)), ((1, 30), (48, 1, 17)), ((3, 2), (1, 3, 2))]
)
def test_agrees_with_the_projector_of_the_processor(shape, volume):
    angles = np.linspace(-70, 95, 23)
    a = FourierSliceProjector(angles, shape, volume)
    b = ArrayFourierSliceProjector(angles, shape, volume, device=DEVICE)
    assert (a.domain_shape, a.range_shape, a.line_length) == (b.domain_shape, b.range_shape, b.line_length)
    assert isinstance(b, LinearOperator)
    x, y = random(a.domain_shape), random(a.range_shape, 1)
    assert relative(project(b, x), project(a, x)) < 4e-5
    assert relative(back_project(b, y), back_project(a, y)) < 4e-5


def test_the_projection_at_zero_degrees_is_the_sum_along_z():
    volume = random((20, 4, 24))
    calculated = project(ArrayFourierSliceProjector([0.0], (4, 24), volume.shape, device=DEVICE), volume)
    assert relative(calculated[0], volume.sum(axis=0)) < 2e-5


def test_slices_do_not_affect_each_other():
    """Two of them travel as one complex number."""
    volume = random((24, 5, 24))
    volume[:, [0, 1, 3, 4]] = 0
    a = ArrayFourierSliceProjector(np.linspace(-60, 60, 11), (5, 24), device=DEVICE)
    calculated = project(a, volume)
    assert abs(calculated[:, [0, 1, 3, 4]]).max() < 1e-6 * abs(calculated[:, 2]).max()


@pytest.mark.parametrize("ny", [1, 2, 7, 8])
def test_batches_of_slices_give_what_one_batch_gives(ny, monkeypatch):
    angles, volume = np.linspace(-60, 60, 11), random((24, ny, 24))
    whole = ArrayFourierSliceProjector(angles, (ny, 24), device=DEVICE)
    monkeypatch.setitem(module._SCRATCH, DEVICE, 2**16)
    parts = ArrayFourierSliceProjector(angles, (ny, 24), device=DEVICE)
    assert len(whole._batches()) == 1
    assert len(parts._batches()) == -(-ny // 2)
    assert relative(project(parts, volume), project(whole, volume)) < 1e-6
    pixels = random(whole.range_shape)
    assert relative(back_project(parts, pixels), back_project(whole, pixels)) < 1e-6


def test_repeats_to_the_last_bit_into_a_given_array():
    a = ArrayFourierSliceProjector(np.linspace(-60, 60, 11), (7, 32), device=DEVICE)
    x, y = a.pack_volume(random(a.domain_shape)), a.pack_projections(random(a.range_shape))
    for operator, array, shape in ((a.forward, x, a.range_shape), (a.adjoint, y, a.domain_shape)):
        out = place(np.full(shape, np.nan, np.float32), DEVICE)
        assert operator(array, out) is out
        np.testing.assert_array_equal(on_host(operator(array)), on_host(out))


def test_packing_copies_and_is_undone():
    a = ArrayFourierSliceProjector([0.0, 30.0], (3, 8), device=DEVICE)
    volume = random(a.domain_shape)
    packed = a.pack_volume(volume)
    assert device_of(packed) == DEVICE
    np.testing.assert_array_equal(a.unpack_volume(packed), volume)
    packed[...] = 0
    assert volume.any()
    unpacked = a.unpack_volume(packed)
    unpacked[...] = 1
    assert not on_host(packed).any()


def test_what_does_not_fit_is_refused():
    a = ArrayFourierSliceProjector([0.0, 30.0], (3, 8), device=DEVICE)
    with pytest.raises(InputError, match="on cpu"):
        a.forward(random(a.domain_shape))
    with pytest.raises(InputError, match="volume"):
        a.forward(place(random((3, 3, 8)), DEVICE))
    with pytest.raises(InputError, match="float64"):
        a.adjoint(place(random(a.range_shape).astype(float), DEVICE))
    with pytest.raises(InputError, match="out"):
        a.forward(place(random(a.domain_shape), DEVICE), place(random(a.domain_shape), DEVICE))


def test_the_choice_of_a_projector():
    single, shape = [[0, t, 0] for t in (0.0, 30.0)], (3, 8)
    assert isinstance(projectors.projector("fourier-slice", single, shape, device=DEVICE), ArrayFourierSliceProjector)
    assert isinstance(projectors.projector("fourier-slice", single, shape), FourierSliceProjector)
    for kind in ("real-space", "thesis"):
        with pytest.raises(InputError, match=f"torch-cpu with the {kind} projector.*fourier-slice"):
            projectors.projector(kind, single, shape, device=DEVICE)
    for other in (
        {"rotations": [[1, 0, 0], [1, 30, 0]]},
        {"volume": (8, 4, 8)},
        {"shifts": [[0, 0.5], [0, 0]]},
    ):
        with pytest.raises(InputError, match="single tilt axis"):
            projectors.projector("fourier-slice", **{"rotations": single, "shape": shape, "device": DEVICE} | other)


def test_products_with_a_sparse_matrix():
    """Rows of 0 to 700 entries, in chunks and in one piece."""
    rng = np.random.default_rng(0)
    matrix = scipy.sparse.random_array((40, 900), density=0.02, rng=rng, dtype=np.float32).tolil()
    matrix[3], matrix[7, :700], matrix[11, ::2] = 0, rng.random(700), 1
    matrix = matrix.tocsr()
    matrix.eliminate_zeros()
    dense = rng.standard_normal((900, 6)).astype(np.float32)
    for scratch in (1, 1000, 10**6):
        product = on_host(SparseRows(matrix, DEVICE, scratch) @ place(dense, DEVICE))
        assert relative(product, matrix.astype(float) @ dense) < 1e-6
        assert not product[3].any()
