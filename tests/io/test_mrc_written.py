"""MRC as we write it: valid, read by programs that know nothing of our record, and with all of the record."""

import gzip
import io
import json
import warnings

import h5py
import mrcfile
import numpy as np
import pytest
from tests.problems import small_series

import proxiscope as px
from proxiscope.io import read, write_array

VOLUME = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
RECORD = {"software": "proxiscope 1", "algorithm": "resire", "note": "µ" * 5000, "parameters": {"step": 0.1}}


@pytest.fixture
def path(tmp_path):
    write_array(
        tmp_path / "a.mrc", VOLUME, kind="result", pixel_size=0.35, metadata=RECORD,
        metrics={"r_factor": [0.5, 0.25]}, products={"shifts": np.ones((3, 2))},
    )  # fmt: skip
    return tmp_path / "a.mrc"


def plain_read(path):
    """A reader as there are many: the main header, as many bytes as it says, then the numbers."""
    block = path.read_bytes()
    nx, ny, nz, mode = np.frombuffer(block, "<i4", 4)
    (skip,) = np.frombuffer(block, "<i4", 1, 92)
    assert mode == 2
    return np.frombuffer(block, "<f4", nx * ny * nz, 1024 + skip).reshape(nz, ny, nx)


def test_it_is_valid_and_others_skip_the_record(path, tmp_path):
    np.testing.assert_array_equal(plain_read(path), VOLUME)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mrcfile.validate(path, print_file=io.StringIO())
        with mrcfile.open(path) as mrc:
            np.testing.assert_array_equal(mrc.data, VOLUME)
            assert mrc.is_volume()
            assert mrc.header.exttyp == b"HDF5"
            assert mrc.header.nsymbt == mrc.extended_header.nbytes
            assert mrc.header.nsymbt % 1024 == 0  # the numbers can be mapped into memory
            assert mrc.voxel_size.tolist() == pytest.approx((3.5, 3.5, 3.5))
            assert mrc.header.origin.tolist() == (0, 0, 0)
        with mrcfile.mmap(path) as mrc:
            np.testing.assert_array_equal(mrc.data, VOLUME)


def test_the_record_is_an_hdf5_file_by_itself(path):
    with mrcfile.open(path) as mrc, h5py.File(io.BytesIO(mrc.extended_header.tobytes())) as file:
        assert json.loads(file["provenance"].asstr()[()]) == RECORD
        np.testing.assert_array_equal(file["metrics/r_factor"], [0.5, 0.25])
        assert file.attrs["kind"] == "result"


def test_labels_are_for_people(path):
    with mrcfile.open(path, header_only=True) as mrc:
        labels = mrc.get_labels()
    assert "algorithm: resire" in labels
    assert "pixel_size: 0.35 nm" in labels
    assert all(len(label) <= 80 and label.isascii() for label in labels)


def test_everything_comes_back_also_from_an_archive(path, tmp_path):
    with gzip.open(tmp_path / "b.mrc.gz", "wb") as packed:
        packed.write(path.read_bytes())
    for file in (path, tmp_path / "b.mrc.gz"):
        raw = read(file)
        np.testing.assert_array_equal(raw.data, VOLUME)
        assert (raw.declared.kind, raw.pixel_size) == ("result", 0.35)
        assert raw.declared.provenance == RECORD
        np.testing.assert_array_equal(raw.declared.products["shifts"], np.ones((3, 2)))


def test_a_series_has_its_angles_exactly_and_beside_it_for_others(tmp_path):
    series = small_series().copy_with(angles=small_series().angles + 1 / 3)
    px.save(tmp_path / "a.mrc", series)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "a.rawtlt"), series.angles, atol=1e-4)
    np.testing.assert_array_equal(px.load(tmp_path / "a.mrc").angles, series.angles)
    assert mrcfile.validate(tmp_path / "a.mrc", print_file=io.StringIO())
    with mrcfile.open(tmp_path / "a.mrc") as mrc:
        assert mrc.is_image_stack()


def test_a_record_that_was_copied_to_another_array_is_not_believed(path):
    """As IMOD does, which copies extended headers along."""
    with mrcfile.open(path) as mrc:
        record = mrc.extended_header.copy()
    with mrcfile.new(path.with_name("b.mrc")) as mrc:
        mrc.set_data(VOLUME[:, 1:])
        mrc.set_extended_header(record)
        mrc.header.exttyp = b"HDF5"
    raw = read(path.with_name("b.mrc"))
    assert raw.declared.kind is None
    assert any("another shape" in note for note in raw.notes)
    np.testing.assert_array_equal(raw.data, VOLUME[:, 1:])


def test_a_voxel_size_that_was_changed_counts(path):
    with mrcfile.open(path, mode="r+") as mrc:
        mrc.voxel_size = 7
    assert read(path).pixel_size == pytest.approx(0.7)


def test_an_extended_header_of_others_says_nothing(path):
    with mrcfile.open(path, mode="r+") as mrc:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["data"] = 1
        mrc.set_extended_header(np.frombuffer(buffer.getvalue(), "V1"))
    raw = read(path)
    assert (raw.declared.kind, raw.declared.ours) == (None, False)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_record_costs_the_record_only(path, seed):
    rng = np.random.default_rng(seed)
    block = bytearray(path.read_bytes())
    (skip,) = np.frombuffer(block, "<i4", 1, 92)
    block[rng.integers(1536, 1024 + skip)] ^= 1 << rng.integers(8)
    bad = path.with_name("bad.mrc")
    bad.write_bytes(block)
    raw = read(bad)
    np.testing.assert_array_equal(raw.data, VOLUME)
    assert raw.declared.kind is None
    assert any("record in the extended header is damaged" in note for note in raw.notes)


class TestAnglesBeside:
    """The .rawtlt of a raw series is nobody's to replace."""

    series = small_series()

    def save(self, path, tilts=slice(None)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            px.save(path, self.series.subset(np.arange(len(self.series.angles))[tilts]))
        return [str(warning.message) for warning in caught]

    def test_that_of_another_series_stays(self, tmp_path):
        (tmp_path / "a.st").write_bytes(b"raw")
        (tmp_path / "a.rawtlt").write_text("1\n2\n")
        for _ in range(2):
            (said,) = self.save(tmp_path / "a.mrc")
            assert said.startswith("a.rawtlt beside it has other angles")
            assert (tmp_path / "a.rawtlt").read_text() == "1\n2\n"

    def test_also_where_it_had_the_same_angles_at_first(self, tmp_path):
        text = "\n".join(f"{a:.2f}" for a in self.series.angles)
        (tmp_path / "a.st").write_bytes(b"raw")
        (tmp_path / "a.rawtlt").write_text(text)
        assert self.save(tmp_path / "a.mrc") == []
        assert len(self.save(tmp_path / "a.mrc", slice(3, None))) == 1
        assert (tmp_path / "a.rawtlt").read_text() == text
        np.testing.assert_allclose(read(tmp_path / "a.mrc").angles, self.series.angles[3:])

    def test_its_own_follows_when_the_file_is_replaced(self, tmp_path):
        assert self.save(tmp_path / "a.mrc") == self.save(tmp_path / "a.mrc", slice(3, None)) == []
        np.testing.assert_allclose(np.loadtxt(tmp_path / "a.rawtlt"), self.series.angles[3:], atol=1e-4)

    def test_one_that_is_no_table_stays(self, tmp_path):
        (tmp_path / "a.rawtlt").write_text("notes of mine")
        assert len(self.save(tmp_path / "a.mrc")) == 1
        assert (tmp_path / "a.rawtlt").read_text() == "notes of mine"
