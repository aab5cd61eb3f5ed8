"""Single TIFF images as a stack, from a folder, a list or a tar archive."""

import io
import tarfile

import numpy as np
import pytest
import tifffile

from proxiscope.core.errors import InputError
from proxiscope.io import read

IMAGES = np.random.default_rng(0).integers(0, 1000, (12, 6, 7)).astype(np.uint16)


def folder(path, images=IMAGES, **options):
    path.mkdir()
    for i, image in enumerate(images):
        tifffile.imwrite(path / f"scan_{i}.tif", image, **options)
    (path / "notes.txt").write_text("tired")
    (path / "._scan_0.tif").write_text("a Mac was here")
    return path


def archive(path, images=IMAGES, mode="w:gz", name="scan/frame_{}.tif"):
    with tarfile.open(path, mode) as tar:
        for i in reversed(range(len(images))):
            block = io.BytesIO()
            tifffile.imwrite(block, images[i])
            member = tarfile.TarInfo(name.format(i))
            member.size = block.tell()
            block.seek(0)
            tar.addfile(member, block)
    return path


@pytest.fixture(params=[False, True], ids=["small", "large"])
def large(request, monkeypatch):
    monkeypatch.setattr("proxiscope.io.frames.LAZY", 100 if request.param else 2**26)
    return request.param


def test_folder_in_natural_order(tmp_path, large):
    """Image 2 comes before image 10."""
    raw = read(folder(tmp_path / "scan"))
    assert isinstance(raw.data, np.ndarray) != large
    np.testing.assert_array_equal(np.asarray(raw.data), IMAGES)
    assert "Read 12 single images as a stack, from scan_0.tif to scan_11.tif." in raw.notes


def test_angles_beside_the_folder(tmp_path):
    (tmp_path / "scan.rawtlt").write_text("\n".join(map(str, range(12))))
    np.testing.assert_array_equal(read(folder(tmp_path / "scan")).angles, np.arange(12))


def test_list_in_the_order_given(tmp_path):
    path = folder(tmp_path / "scan")
    raw = read([path / "scan_3.tif", path / "scan_1.tif"])
    np.testing.assert_array_equal(raw.data, IMAGES[[3, 1]])
    with pytest.raises(InputError, match="no TIFF image"):
        read([path / "scan_3.tif", path / "notes.txt"])


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.bz2", "w:bz2")]
)
def test_archive(tmp_path, suffix, mode, large):
    raw = read(archive(tmp_path / f"scan{suffix}", mode=mode))
    assert isinstance(raw.data, np.ndarray) != (large and suffix == ".tar")
    np.testing.assert_array_equal(np.asarray(raw.data), IMAGES)


def test_packed_images(tmp_path, large):
    np.testing.assert_array_equal(np.asarray(read(folder(tmp_path / "scan", compression="zlib")).data), IMAGES)


def test_images_that_do_not_go_together(tmp_path, large):
    path = folder(tmp_path / "scan")
    tifffile.imwrite(path / "scan_5.tif", IMAGES[0, :3])
    with pytest.raises(InputError, match=r"scan_5\.tif has shape \(3, 7\)"):
        read(path)
    tifffile.imwrite(path / "scan_5.tif", IMAGES)
    with pytest.raises(InputError, match=r"scan_5\.tif holds 12 pages|shape"):
        read(path)
    (path / "scan_5.tif").write_text("no image")
    with pytest.raises(InputError, match=r"scan_5\.tif"):
        read(path)


def test_folder_without_images(tmp_path):
    (tmp_path / "scan").mkdir()
    with pytest.raises(InputError, match="is a folder without TIFF images"):
        read(tmp_path / "scan")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    tifffile.imwrite(tmp_path / "secret.tif", IMAGES[0])
    path = folder(tmp_path / "scan")
    (path / "scan_5.tif").unlink()
    (path / "scan_5.tif").symlink_to(tmp_path / "secret.tif")
    with pytest.raises(InputError, match="link to outside"):
        read(path)


def test_archive_is_never_unpacked_to_disk(tmp_path, monkeypatch):
    """Names that lead outside are only names, and links in it are no images."""
    (tmp_path / "one" / "two").mkdir(parents=True)
    path = archive(tmp_path / "one" / "two" / "a.tar.gz", name="../../frame_{}.tif")
    np.testing.assert_array_equal(read(path).data, IMAGES)
    assert [p.name for p in tmp_path.rglob("frame*")] == []
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("frame.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(InputError, match="no TIFF images"):
        read(tmp_path / "b.tar.gz")


def test_archive_that_unpacks_to_more_than_memory(tmp_path, monkeypatch):
    from collections import namedtuple

    import psutil

    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in ("frame.tif", "nothing.bin"):
            member = tarfile.TarInfo(name)
            member.size = 2**25
            tar.addfile(member, io.BytesIO(bytes(2**25)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: namedtuple("memory", "available")(2**20))
    with pytest.raises(InputError, match="memory"):
        read(tmp_path / "a.tar.gz")


def test_axes_of_length_one_in_ome_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", IMAGES[None, :, None], metadata={"axes": "TZCYX", "PhysicalSizeX": 0.2})
    raw = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(raw.data, IMAGES)
    assert raw.pixel_size == pytest.approx(200)
