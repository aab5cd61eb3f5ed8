"""CXI as we write it: where programs for coherent imaging look, and our own record beside."""

import json

import h5py
import numpy as np
import pytest
from tests.problems import small_pattern

import proxiscope as px
from proxiscope.core import InputError
from proxiscope.io import read, write_array
from proxiscope.phase import HIO


def text(node):
    return node.asstr()[()]


@pytest.fixture(scope="module")
def result():
    pattern = px.DiffractionPattern(small_pattern().magnitudes, small_pattern().support, object="complex", pixel_size=8)
    return px.reconstruct(HIO(max_iterations=10), pattern, seed=3)


def test_a_result(result, tmp_path):
    result.save(tmp_path / "a.cxi")
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file["cxi_version"][()] == 160
        image = file["entry_1/image_1"]
        np.testing.assert_array_equal(image["data"], result.array)
        assert image["data"].dtype == np.complex64
        assert image["is_fft_shifted"][()] == 0
        assert (text(image["data_space"]), text(image["data_type"])) == ("real", "electron density")
        assert image["dimensionality"][()] == 2
        ny, nx = result.array.shape
        np.testing.assert_array_equal(image["image_center"], [nx // 2, ny // 2])
        np.testing.assert_allclose(image["image_size"], [nx * 8e-9, ny * 8e-9])
        np.testing.assert_allclose(image["pixel_size"], [8e-9, 8e-9])
        process = image["process_1"]
        assert text(process["command"]).startswith("proxiscope reconstruct hio max_iterations=10")
        assert text(process["command"]).endswith("seed=3")
        assert (text(process["program"]), text(process["version"])) == ("proxiscope", px.__version__)
        assert json.loads(text(process["note_1/data"])) == json.loads(json.dumps(result.provenance))
        assert file["entry_1/data_1/data"] == image["data"]
    raw = read(tmp_path / "a.cxi")
    np.testing.assert_array_equal(raw.data, result.array)
    assert (raw.declared.kind, raw.pixel_size) == ("result", 8)


def test_a_pattern(tmp_path):
    px.save(tmp_path / "a.cxi", small_pattern())
    with h5py.File(tmp_path / "a.cxi") as file:
        image = file["entry_1/image_1"]
        assert (text(image["data_space"]), text(image["data_type"])) == ("diffraction", "amplitude")
        np.testing.assert_array_equal(image["mask"][()] == 0, small_pattern().known)
        assert image["mask"].dtype == np.uint32
        assert "image_size" not in image  # of what is reconstructed, not of the pattern
    np.testing.assert_array_equal(px.load(tmp_path / "a.cxi").known, small_pattern().known)


def test_intensities_are_intensities(tmp_path):
    write_array(tmp_path / "a.cxi", np.full((6, 6), 4.0), kind="pattern", quantity="intensities")
    with h5py.File(tmp_path / "a.cxi") as file:
        assert text(file["entry_1/image_1/data_type"]) == "intensity"
    assert px.load(tmp_path / "a.cxi").magnitudes.max() == 2


def test_a_tilt_series_has_no_place(tmp_path):
    with pytest.raises(InputError, match="no place for a tilt series"):
        write_array(tmp_path / "a.cxi", np.ones((3, 4, 4)), kind="tilt-series", angles=[0, 1, 2])
    assert not list(tmp_path.iterdir())
