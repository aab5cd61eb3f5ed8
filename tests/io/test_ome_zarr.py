"""OME-Zarr of both versions, plain Zarr, and what must not happen with them."""

import json
import os
import zipfile

import numpy as np
import pytest
import zarr
from tests.builders import ome

from proxiscope.core.errors import InputError
from proxiscope.io import read, read_array

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
ANGLES = [-40.0, -20, 0, 20, 40]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions(tmp_path, version):
    raw = read(ome(tmp_path / "a.ome.zarr", STACK, version))
    np.testing.assert_array_equal(raw.data, STACK)
    assert raw.pixel_size == pytest.approx(0.5)
    assert any("resolution 0 of 2" in note for note in raw.notes)
    assert read(tmp_path / "a.ome.zarr", variable="1").data.shape == (5, 3, 4)
    with pytest.raises(InputError, match="no array '7'"):
        read(tmp_path / "a.ome.zarr", variable="7")


@pytest.mark.parametrize(("unit", "nm"), [("micrometer", 500), ("angstrom", 0.05), ("", None), ("second", None)])
def test_units(tmp_path, unit, nm):
    assert read(ome(tmp_path / "a.zarr", STACK, unit=unit)).pixel_size == (None if nm is None else pytest.approx(nm))


def test_axes(tmp_path):
    np.testing.assert_array_equal(read(ome(tmp_path / "a.zarr", STACK[None, None], axes="tczyx")).data, STACK)
    np.testing.assert_array_equal(read(ome(tmp_path / "b.zarr", STACK[0], axes="yx")).data, STACK[0])
    with pytest.raises(InputError, match="axes"):
        read(ome(tmp_path / "c.zarr", STACK, axes="zxy"))
    with pytest.raises(InputError, match="shape"):
        read(ome(tmp_path / "d.zarr", np.ones((2, 2, 3, 4)), axes="czyx"))


def test_folder_of_any_name(tmp_path):
    assert read(ome(tmp_path / "needle", STACK)).data.shape == STACK.shape


def test_zipped(tmp_path):
    folder = ome(tmp_path / "a.zarr", STACK, compressors=None)
    with zipfile.ZipFile(tmp_path / "a.zarr.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    np.testing.assert_array_equal(read(tmp_path / "a.zarr.zip").data, STACK)


def test_bioformats_layout(tmp_path):
    ome(tmp_path / "a.zarr" / "0", STACK)
    root = zarr.open_group(tmp_path / "a.zarr", mode="a", zarr_format=3)
    root.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
    np.testing.assert_array_equal(read(tmp_path / "a.zarr").data, STACK)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays(tmp_path, zarr_format):
    zarr.save_array(tmp_path / "a.zarr", STACK, zarr_format=zarr_format)
    np.testing.assert_array_equal(read(tmp_path / "a.zarr").data, STACK)
    root = zarr.open_group(tmp_path / "b.zarr", mode="w", zarr_format=zarr_format)
    root.create_array("deep/images", data=STACK)
    root.create_array("small", data=STACK[:2, :2])
    np.testing.assert_array_equal(read(tmp_path / "b.zarr").data, STACK)
    assert read_array(tmp_path / "b.zarr", "small").shape == (2, 2, 7)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_large_ones_stay_on_disk(tmp_path, monkeypatch, zarr_format):
    monkeypatch.setattr("proxiscope.io.zarr_access.LAZY", 100)
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format)
    root.create_array("0", data=STACK, chunks=(1, 3, 7))
    data = read(tmp_path / "a.zarr").data
    assert not isinstance(data, np.ndarray)
    np.testing.assert_array_equal(np.asarray(data), STACK)
    np.testing.assert_array_equal(np.asarray(data[2, 1:3]), STACK[2, 1:3])


@pytest.mark.parametrize("codec", ["zstd", "blosc"])
def test_shards(tmp_path, codec):
    values = np.arange(256.0).reshape(4, 8, 8)
    packed = zarr.codecs.BloscCodec() if codec == "blosc" else zarr.codecs.ZstdCodec()
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    root.create_array("0", data=values, chunks=(1, 4, 4), shards=(2, 8, 8), compressors=packed)
    np.testing.assert_array_equal(read(tmp_path / "a.zarr").data, values)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_blosc_that_claims_more_than_there_is(tmp_path, zarr_format):
    """The library would read beyond the chunk."""
    import numcodecs

    packed = numcodecs.Blosc() if zarr_format == 2 else zarr.codecs.BloscCodec()
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format)
    root.create_array("0", data=STACK, compressors=packed)
    np.testing.assert_array_equal(read(tmp_path / "a.zarr").data, STACK)
    chunk = next(f for f in (tmp_path / "a.zarr" / "0").rglob("*") if f.is_file() and f.name[0] not in ".z")
    block = bytearray(chunk.read_bytes())
    block[12:16] = (2**24).to_bytes(4, "little")
    chunk.write_bytes(block)
    with pytest.raises(InputError, match="claims 16777216"):
        read(tmp_path / "a.zarr")


class Evil:
    """Unpickling this would be noticed."""

    def __reduce__(self):
        return os.abort, ()


def test_no_codec_runs_code(tmp_path):
    """Zarr 2 knows a filter that unpickles what it reads."""
    import pickle

    zarr.save_array(tmp_path / "a.zarr", STACK, zarr_format=2)
    meta = json.loads((tmp_path / "a.zarr" / ".zarray").read_text())
    meta |= {"filters": [{"id": "pickle", "protocol": 5}], "compressor": None}
    (tmp_path / "a.zarr" / ".zarray").write_text(json.dumps(meta))
    for chunk in (tmp_path / "a.zarr").glob("[0-9]*"):
        chunk.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="pickle"):
        read(tmp_path / "a.zarr")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    zarr.save_array(tmp_path / "other.zarr", STACK)
    zarr.save_array(tmp_path / "a.zarr", STACK)
    chunk = next(file for file in (tmp_path / "a.zarr" / "c").rglob("*") if file.is_file())
    other = tmp_path / "other.zarr" / chunk.relative_to(tmp_path / "a.zarr")
    chunk.unlink()
    chunk.symlink_to(other)
    with pytest.raises(InputError, match="link to outside"):
        read(tmp_path / "a.zarr")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_does_not_hang(tmp_path):
    zarr.save_array(tmp_path / "a.zarr", STACK)
    chunk = next(file for file in (tmp_path / "a.zarr" / "c").rglob("*") if file.is_file())
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(InputError, match="no regular file"):
        read(tmp_path / "a.zarr")


def test_claims_more_than_memory(tmp_path):
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    root.create_array("0", shape=(2**20, 2**14, 2**14), dtype="f4", chunks=(2**20, 2**14, 2**14))
    with pytest.raises(InputError, match="memory"):
        read(tmp_path / "a.zarr")
    root = zarr.open_group(tmp_path / "b.zarr", mode="w")
    root.create_array("0", shape=(2**20, 2**14, 2**14), dtype="f4", chunks=(1, 64, 64))
    with pytest.raises(InputError, match="of which it has"):
        read(tmp_path / "b.zarr")
