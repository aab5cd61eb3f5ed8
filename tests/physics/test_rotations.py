"""Euler triples against SciPy's rotations, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from proxiscope.physics.rotations import euler_angles, rotation_matrices

deterministic = settings(max_examples=200, deadline=None, derandomize=True)
angle = st.one_of(st.sampled_from([0.0, 90.0, -90.0, 180.0, 45.0, -180.0]), st.floats(-360, 360))
triples = st.tuples(angle, angle, angle)


@deterministic
@given(triples)
def test_a_triple_is_turned_about_z_then_the_new_y_then_the_new_x(triple):
    expected = Rotation.from_euler("ZYX", triple, degrees=True).as_matrix()
    np.testing.assert_allclose(rotation_matrices(triple), expected, atol=1e-12)


def test_a_tilt_about_y_is_that_of_the_thesis():
    c, s = np.cos(0.5), np.sin(0.5)
    expected = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    np.testing.assert_allclose(rotation_matrices((0, np.rad2deg(0.5), 0)), expected, atol=1e-15)


def same_rotation(triple):
    """The two triples within a turn that stand for the rotation of one."""
    other = np.array(triple) * [1, -1, 1] + 180
    return [t - 360 * np.round(t / 360) for t in (np.array(triple), other)]


@deterministic
@given(triples)
def test_there_and_back_gives_the_same_rotation_by_small_angles(triple):
    matrix = rotation_matrices(triple)
    back = euler_angles(matrix)
    np.testing.assert_allclose(rotation_matrices(back), matrix, atol=1e-7)
    assert np.abs(back).max() <= 180 + 1e-9
    assert np.abs(back).sum() <= min(np.abs(t).sum() for t in same_rotation(triple)) + 1e-5


@deterministic
@given(st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(-500, 500)), st.floats(-20, 20))
def test_of_all_triples_of_a_rotation_the_one_near_another_is_given(triple, off):
    if abs(np.cos(np.deg2rad(triple[1]))) > 1e-3:
        back = euler_angles(rotation_matrices(triple), near=np.array(triple) + off * np.array([1, -1, 1]))
        np.testing.assert_allclose(back, triple, atol=1e-6)


@pytest.mark.parametrize("theta", [90.0, -90.0, 90 - 1e-8, -90 + 1e-8])
@pytest.mark.parametrize(("phi", "psi"), [(0, 0), (30, 0), (0, 50), (130, -70), (-170, 170)])
def test_where_two_angles_turn_about_one_axis_one_of_them_is_zero(phi, theta, psi):
    matrix = rotation_matrices((phi, theta, psi))
    back = euler_angles(matrix)
    assert back[2] == 0
    assert back[1] == pytest.approx(theta, abs=1e-5)
    np.testing.assert_allclose(rotation_matrices(back), matrix, atol=1e-7)


def test_arrays_of_any_shape():
    many = np.random.default_rng(0).uniform(-80, 80, (4, 5, 3))
    matrices = rotation_matrices(many)
    assert matrices.shape == (4, 5, 3, 3)
    np.testing.assert_allclose(matrices[2, 3], rotation_matrices(many[2, 3]), atol=1e-15)
    np.testing.assert_allclose(euler_angles(matrices), many, atol=1e-9)
