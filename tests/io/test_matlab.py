"""MATLAB files of both versions, in the axis order of the field."""

import h5py
import numpy as np
import pytest
import scipy.io

from proxiscope.io import read, read_angles

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
ANGLES = np.linspace(-60, 60, 5)
RNG = np.random.default_rng(0)


def save_mat73(path, **arrays):
    """As MATLAB writes it: HDF5 after a header of 512 bytes, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.asarray(array).T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


@pytest.mark.parametrize("save", [lambda path, **arrays: scipy.io.savemat(path, arrays), save_mat73])
def test_matlab_of_both_versions(tmp_path, save):
    path = tmp_path / "a.mat"
    image = RNG.random((6, 7))
    save(path, pattern=image)
    np.testing.assert_array_equal(read(path).data, image)
    save(
        path,
        projs=STACK.transpose(2, 1, 0).astype(float),
        angles=np.stack([0 * ANGLES, ANGLES, 0 * ANGLES], 1),
    )
    raw = read(path)
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_array_equal(raw.angles, ANGLES)
    np.testing.assert_array_equal(read_angles(path)[:, 1], ANGLES)
    save(path, projs=STACK.astype(float), theta=ANGLES[None])  # tilts first: the angles tell
    raw = read(path)
    np.testing.assert_array_equal(raw.data, STACK)


def test_matlab_angles_beside(tmp_path):
    scipy.io.savemat(tmp_path / "needle_projections_1.mat", {"p": STACK.transpose(2, 1, 0)})
    scipy.io.savemat(tmp_path / "needle_angles_1.mat", {"a": ANGLES})
    assert len(read(tmp_path / "needle_projections_1.mat").angles) == 5


def test_sinogram(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"sino": np.ones((9, 5)), "thetas": ANGLES})
    raw = read(tmp_path / "a.mat")
    assert raw.data.shape == (5, 1, 9)
    assert any("sinogram" in note for note in raw.notes)
