"""Real files of the field, read as their provenance says."""

import re

import numpy as np
import pytest

from proxiscope.core.errors import InputError
from proxiscope.io import read, read_angles, read_array

FILES = [  # file, variable, shape, dtype, first and last angle, pixel size in nm, tilt axis
    ("aet_resire_film_example/example_projections.mat", None, (59, 61, 61), "f4", None, None, "y"),
    ("cohere_bcdi_34idc/S0054_volume.npz", None, (201, 256, 256), "i4", None, None, "y"),
    ("cohere_bcdi_34idc/Staff20-1a_S0054_raw_tif.tar.gz", None, (201, 256, 256), "i4", None, None, "y"),
    ("cohere_bcdi_34idc/dark.tif", None, (512, 512), "i4", None, None, "y"),
    ("cohere_bcdi_34idc/whitefield.tif", None, (512, 512), "f4", None, None, "y"),
    ("dissertation_vesicle/vesicle.mrc", None, (64, 64, 64), "f4", None, None, "y"),
    ("dissertation_vesicle/vesicle_2D.mat", None, (63, 63), "f8", None, None, "y"),
    ("dissertation_vesicle/vesicle_2D.mat", "projs_radon", (55, 1, 63), "f8", (-90, 72), None, "y"),
    ("dissertation_vesicle/vesicle_projections.mat", None, (41, 64, 64), "f8", (0, 120), None, "y"),
    ("etspy_haadf_needle/HAADF.mrc", None, (77, 256, 256), "u2", (-76, 76), 3.36, "x"),
    ("etspy_haadf_needle/HAADF_Aligned.hspy", None, (77, 256, 256), "f4", (-76, 76), 3.36, "x"),
    ("etspy_serialem/test_000.mrc.mdoc", None, (2, 1024, 1024), "i2", (-0.000488, -0.000488), 0.788, "x"),
    ("etspy_serialem/test_000.mrc", None, (2, 1024, 1024), "i2", (-0.000488, -0.000488), 0.788, "x"),
    ("genfire_workshop_fept/projections_FePt.mat", None, (37, 68, 68), "f8", None, None, "y"),
    ("genfire_workshop_fept/projections_FePt_misaligned.mat", None, (37, 68, 68), "f8", None, None, "y"),
    ("genfire_workshop_fept/projections_FePt_mw.mat", None, (21, 68, 68), "f8", None, None, "y"),
    ("genfire_workshop_fept/projections_FePt_noisy.mat", None, (37, 68, 68), "f8", None, None, "y"),
    ("genfire_workshop_fept/support_FePt.mat", None, (110, 110, 110), "u1", None, None, "y"),
    ("genfire_workshop_fept/tightSupport.mat", None, (68, 68, 68), "?", None, None, "y"),
    ("genfire_workshop_fept/vesicle.mat", None, (60, 60, 60), "f4", None, None, "y"),
    ("mrcfile_formats/EMD-3001.map", None, (73, 25, 43), "f4", None, 0.044825, "y"),
    ("mrcfile_formats/EMD-3197.map", None, (20, 20, 20), "f4", None, 1.14, "y"),
    ("mrcfile_formats/EMD-3197.map.bz2", None, (20, 20, 20), "f4", None, 1.14, "y"),
    ("mrcfile_formats/emd_3197.map.gz", None, (20, 20, 20), "f4", None, 1.14, "y"),
    ("resire_v_vector/proj_lattice_noisy.mat", None, (90, 100, 100), "f4", None, None, "y"),
    ("resire_v_vector/proj_lattice_t.mat", None, (120, 120, 120), "f4", None, None, "y"),
    ("resire_v_vector/model2.mat", "model2x", (120, 120, 120), "f8", None, None, "y"),
    ("resire_v_vector/sim_vector.mat", "recZ", (120, 120, 120), "f4", None, None, "y"),
]


@pytest.mark.parametrize(("name", "variable", "shape", "dtype", "ends", "pixel_size", "tilt_axis"), FILES)
def test_reads_as_its_provenance_says(shared_data, name, variable, shape, dtype, ends, pixel_size, tilt_axis):
    raw = read(shared_data(name), variable=variable)
    assert raw.data.shape == shape
    assert raw.data.dtype.newbyteorder("=") == np.dtype(dtype)
    assert raw.pixel_size == (None if pixel_size is None else pytest.approx(pixel_size, rel=1e-6))
    assert raw.tilt_axis == tilt_axis
    assert raw.rotations is None
    assert raw.source.name == name.rpartition("/")[2].removesuffix(".mdoc")
    if ends is None:
        assert raw.angles is None
    else:
        assert raw.angles.dtype == np.float64
        assert raw.angles.shape == shape[:1]
        np.testing.assert_allclose(raw.angles, np.linspace(*ends, shape[0]), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "shape", "first", "last"),
    [
        ("aet_resire_film_example/angles.mat", (59, 3), -74.3, 66.4),
        ("dissertation_vesicle/vesicle_angles.mat", (41, 3), 0, 120),
        ("dissertation_vesicle/vesicle_2D.mat", (55,), -90, 72),
        ("etspy_haadf_needle/HAADF.rawtlt", (77,), -76, 76),
        ("etspy_serialem/test_000.mdoc", (2,), 0, 0),
        ("genfire_workshop_fept/angles.mat", (37, 3), -90, 90),
        ("genfire_workshop_fept/angles_mw.mat", (21, 3), -50, 50),
        ("resire_v_vector/ang_lattice_noisy.mat", (90, 3), -66, None),
        ("resire_v_vector/ang_lattice_t.mat", (91, 3), -47, None),
        ("resire_v_vector/angles.mat", (91, 3), -47.2574, None),
        ("resire_v_vector/angles_integer.mat", (91, 3), -47, None),
    ],
)
def test_angles(shared_data, name, shape, first, last):
    angles = read_angles(shared_data(name))
    assert angles.shape == shape
    assert angles.dtype == np.float64
    thetas = angles if angles.ndim == 1 else angles[:, 1]
    assert thetas[0] == pytest.approx(first, abs=0.05)
    assert last is None or thetas[-1] == pytest.approx(last, abs=0.05)


def test_mdoc_keeps_the_order_of_acquisition(shared_data):
    angles = read_angles(shared_data("etspy_serialem/EMPIAR10164_TS_01.mrc.mdoc"))
    assert len(angles) == 41
    np.testing.assert_allclose(angles[:5], [0, 3, -3, -6, 6], atol=0.02)


def test_haadf_counts_are_what_the_detector_saw(shared_data):
    raw = read(shared_data("etspy_haadf_needle/HAADF.mrc"))
    assert (raw.data.min(), raw.data.max()) == (-31908 + 32768, 32325 + 32768)
    assert "77 tilt angles from HAADF.rawtlt (-76 to 76 degrees)." in raw.notes
    assert any("-32768" in note for note in raw.notes)
    assert any("3.36 nm" in note for note in raw.notes)
    assert any("along x" in note for note in raw.notes)


def test_haadf_angles_survive_without_the_text_file(shared_data, tmp_path):
    (tmp_path / "alone.mrc").symlink_to(shared_data("etspy_haadf_needle/HAADF.mrc"))
    raw = read(tmp_path / "alone.mrc")
    np.testing.assert_allclose(raw.angles, np.arange(-76, 77, 2), atol=0.01)
    assert raw.pixel_size == pytest.approx(3.36)
    assert raw.tilt_axis == "y"  # only the log beside the original says otherwise


def test_angles_given_by_the_user(shared_data):
    stack = shared_data("genfire_workshop_fept/projections_FePt.mat")
    raw = read(stack, angles=shared_data("genfire_workshop_fept/angles.mat"))
    assert raw.rotations is None  # phi and psi are zero, so that it is a single-axis series
    np.testing.assert_array_equal(raw.angles, np.arange(-90, 91, 5))
    np.testing.assert_array_equal(read(stack, angles=np.arange(37.0)).angles, np.arange(37))


def test_general_rotations(shared_data):
    raw = read(
        shared_data("aet_resire_film_example/example_projections.mat"),
        angles=shared_data("aet_resire_film_example/angles.mat"),
    )
    single = raw.rotations is None
    assert (raw.angles if single else raw.rotations).shape[0] == 59


def test_wrong_number_of_angles_names_both_counts(shared_data):
    with pytest.raises(InputError, match=r"21 Euler triples .*\(37, 68, 68\)"):
        read(
            shared_data("genfire_workshop_fept/projections_FePt.mat"),
            angles=shared_data("genfire_workshop_fept/angles_mw.mat"),
        )


def test_matlab_stack_axes(shared_data):
    import scipy.io

    path = shared_data("dissertation_vesicle/vesicle_projections.mat")
    stored = scipy.io.loadmat(path)["data"]
    np.testing.assert_array_equal(read(path).data[5], stored[:, :, 5].T)


def test_several_arrays_are_listed(shared_data):
    with pytest.raises(InputError, match=r"model2, model2x, model2y, model2z.*variable="):
        read(shared_data("resire_v_vector/model2.mat"))


@pytest.mark.parametrize(
    "name",
    ["mnist/t10k-images-idx3-ubyte.gz", "cohere_bcdi_34idc/scan54.spec", "etspy_haadf_needle/HAADF.txt"],
)
def test_other_files_are_declined(shared_data, name):
    with pytest.raises(InputError, match=r"not read\. Supported are \.mrc"):
        read(shared_data(name))


REFUSED = {  # why, for each file that is not read
    r"\.(txt|spec|rawtlt)$|LICENSE|idx\d-ubyte\.gz$": "are not read. Supported are",
    r"/(angles|ang_|vesicle_angles).*\.mat$": "holds no numeric array of 2 or 3 dimensions",
    r"\.mdoc$": "which is not beside it",
    r"(model2|sim_vector)\.mat$": "arrays of the same size",
}


def test_every_file_opens_or_is_refused_with_a_reason(shared_data):
    root = shared_data("mnist").parent
    opened = 0
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        try:
            raw = read(path)
        except InputError as error:
            why = next((why for name, why in REFUSED.items() if re.search(name, str(path))), "")
            assert why, f"{path} is not to be refused: {error}"  # noqa: PT017
            assert why in str(error)  # noqa: PT017
        else:
            opened += 1
            assert raw.data.ndim in (2, 3)
            assert np.isfinite(np.asarray(raw.data[..., :2, :2], dtype=np.float64)).all()
    assert opened >= 24


def test_supports(shared_data):
    assert read_array(shared_data("genfire_workshop_fept/tightSupport.mat")).dtype == bool
