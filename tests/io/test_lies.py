"""Files that claim what they are not: each is refused, soon, and without the memory it asks for."""

import bz2
import gzip
import json
import lzma
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import scipy.io
import tifffile
import zarr
from tests.builders import DM
from tests.samples import MDOC, REFINED, SAMPLES, STACK, TILTS, XF, write_sample

from proxiscope.core.errors import InputError
from proxiscope.io import read, read_angles, write_array
from proxiscope.io.xf import read_xf
from proxiscope.preparation.chains import load_steps

HUGE = 2**31
"""Bytes that a bomb unpacks to; most machines have as much free."""

GROWTH = 200 * 2**20
"""Bytes by which the memory of a process may grow that refuses a lie."""


def deflated(nbytes=HUGE):
    """A raw stream of zlib that unpacks to so many zeros, put together of pieces that are."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (nbytes // 2**24) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def npy(shape, dtype="<f4"):
    text = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def tiff(shape, packed, code, **more):
    """A TIFF of one strip; `more` are further tags by their codes, of 4 bytes."""
    entries = {256: shape[1], 257: shape[0], 258: 8, 259: code, 262: 1, 273: 0, 277: 1, 278: shape[0], 279: len(packed)}
    entries |= {int(key[1:]): value for key, value in more.items()}
    entries[273] = 8 + 2 + 12 * len(entries) + 4
    tags = b"".join(struct.pack("<HHII", key, 4, 1, value) for key, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + bytes(4) + packed


def tiny_chunks(path):
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("data", (8000, 8000), "u1", chunks=(1, 1))
    else:
        zarr.open_group(path, mode="w").create_array("0", shape=(8000, 8000), dtype="u1", chunks=(1, 1))


def few_chunks(path):
    root = zarr.open_group(path, mode="w")
    root.create_array("0", shape=(5, 12, 2**30), dtype="f4", chunks=STACK.shape)[:, :, :10] = STACK


def below():
    """A TIFF that lists a million pages below its page."""
    entry = struct.pack("<HHI", 277, 4, 1)
    return tiff((9, 9), bytes(81), 1).replace(entry, struct.pack("<HHI", 330, 4, 2**20))


def edf(**entries):
    lines = "".join(f"{key} = {value} ;\n" for key, value in entries.items())
    return ("{\n" + lines).ljust(1022).encode() + b"}\n"


def npz_bomb(path):
    """With a check sum and a size that are right up to what nobody should unpack."""
    header = npy((HUGE // 4096, 1024))
    member, packed = b"data.npy", zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packed.compress(header) + packed.flush(zlib.Z_FULL_FLUSH) + deflated()
    fixed = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(block), HUGE + len(header), len(member), 0)
    local = b"PK\3\4" + fixed + member
    central = b"PK\1\2" + struct.pack("<H", 20) + fixed + struct.pack("<HHHII", 0, 0, 0, 0, 0) + member
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(block), 0)
    path.write_bytes(local + block + central + end)


def npz_in_npz(path):
    np.savez(path.with_name("inner.npz"), data=STACK)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_name("inner.npz"), "inner.npz")


def mrc_bomb(path):
    write_array(path.with_name("x.mrc"), STACK)
    head = bytearray(path.with_name("x.mrc").read_bytes()[:1024])
    head[:12] = np.array([1024, 1024, 512], "<i4").tobytes()
    head[92:96] = bytes(4)
    opened = {".gz": gzip, ".bz2": bz2}[path.suffix]
    path.write_bytes(opened.compress(bytes(head)) + opened.compress(bytes(2**24)) * (HUGE // 2**24))


def tar_bomb(path):
    member = tarfile.TarInfo("a.tif")
    member.size = HUGE
    path.write_bytes(gzip.compress(member.tobuf()) + gzip.compress(bytes(2**24)) * (HUGE // 2**24))


def tar_lie(path):
    member = tarfile.TarInfo("a.tif")
    member.size = HUGE
    path.write_bytes(member.tobuf() + bytes(1024))


def mat_lie(path):
    scipy.io.savemat(path, {"a": STACK})
    block = path.read_bytes()
    assert block.count(struct.pack("<3i", *STACK.shape)) == 1
    path.write_bytes(block.replace(struct.pack("<3i", *STACK.shape), struct.pack("<3i", 2**11, 2**10, 2**8)))


def mat_bomb(path):
    scipy.io.savemat(path, {"a": np.zeros((3, 3))})
    head = path.read_bytes()
    array = struct.pack("<II", 14, HUGE) + head[136:152] + struct.pack("<IIii", 5, 8, 2**14, 2**14)
    array += struct.pack("<II4s", 1 << 16 | 1, 0, b"")[:8] + struct.pack("<II", 9, HUGE - 64)
    block = b"\x78\x9c" + zlib.compress(array, 0)[2:-4] + deflated()
    path.write_bytes(head[:128] + struct.pack("<II", 15, len(block)) + block)


def dm_lie(path):
    writer = DM(4)
    whole = writer.file(writer.image(STACK, 6, 2, ("nm", "nm", ""), (1.0, 1.0, 1.0)))
    path.write_bytes(whole.replace(writer.simple("", 5, 10), writer.simple("", 5, 10**8)))


def hdf5_chunk(packed, **compression):
    def write(path):
        with h5py.File(path, "w") as file:
            node = file.create_dataset("data", STACK.shape, "f4", chunks=(1, 12, 10), **compression)
            node.id.write_direct_chunk((0, 0, 0), packed())

    return write


def hdf5_plugin(name, packed):
    import hdf5plugin

    return hdf5_chunk(lambda: packed, **dict(getattr(hdf5plugin, name)()))


def hdf5_text(path):
    """Of which the length is damaged that stands before it in the file."""
    write_array(path, STACK, kind="result", metadata={"algorithm": "er"})
    with h5py.File(path, "r") as file:
        at = file["provenance"].id.get_offset()
    block = bytearray(path.read_bytes())
    block[at : at + 4] = (HUGE).to_bytes(4, "little")
    path.write_bytes(block)


def hdf5_attribute(path):
    with h5py.File(path, "w") as file:
        file["data"] = STACK
        file["data"].attrs.update({"pixel_size": 1.0, "units": "x" * 77})
    block = path.read_bytes()
    (at,) = (i for i in range(len(block)) if block[i : i + 4] == b"M\0\0\0" and block[i + 4 : i + 8].strip(b"\0x"))
    path.write_bytes(block[:at] + struct.pack("<I", HUGE) + block[at + 4 :])


def hdf5_type(path):
    """With a text turned into a list of nothing that is known, on which the HDF5 library crashes."""
    write_array(path, STACK, kind="result")
    block = path.read_bytes()
    text = block.index(b"kind\0\0\0\0\x19\x01") + 9
    path.write_bytes(block[:text] + b"\x09" + block[text + 1 :])


def zarr_chunk(packed):
    def write(path):
        root = zarr.open_group(path, mode="w", zarr_format=2)
        root.create_array("0", data=STACK, chunks=STACK.shape, compressors=packed)
        (path / "0" / "0.0.0").write_bytes(packed.encode(bytes(2**28)))

    return write


def ome_lie(path):
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX"})
    text = tifffile.TiffFile(path).ome_metadata.replace('SizeZ="5"', 'SizeZ="250000"')
    tifffile.imwrite(path, STACK, description=text.encode(), metadata=None)


def ome_wide(path):
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX"})
    text = tifffile.TiffFile(path).ome_metadata.replace('SizeX="10"', 'SizeX="1000000000"')
    tifffile.imwrite(path, STACK, description=text.encode(), metadata=None)


def circle(path):
    """Of two pages, of which the second leads to the first."""
    tifffile.imwrite(path, STACK[:2], photometric="minisblack", metadata=None, rowsperstrip=5)
    with tifffile.TiffFile(path) as tiff:
        first, second = (page.offset for page in tiff.pages)
    block = bytearray(path.read_bytes())
    at = second + 2 + 12 * int.from_bytes(block[second : second + 2], "little")
    block[at : at + 4] = first.to_bytes(4, "little")
    path.write_bytes(block)


def msk_lie(path):
    header = bytearray(1024)
    header[0:13:4] = b"MASK"
    header[16:24] = struct.pack("<ii", 2**15, 2**15)
    path.write_bytes(header + bytes(1024))


def xz(nbytes):
    packer = lzma.LZMACompressor()
    return b"".join(packer.compress(bytes(2**24)) for _ in range(nbytes // 2**24)) + packer.flush()


def bytes_of(make):
    return lambda path: path.write_bytes(make())


SIZES = {"ByteOrder": "LowByteFirst", "DataType": "FloatValue", "Dim_1": 10, "Dim_2": 12}
LIES = {
    "bomb.npz": (npz_bomb, "of which it has"),
    "nested.npz": (npz_in_npz, "no numeric array"),
    "bomb.mrc.gz": (mrc_bomb, "of which it has"),
    "bomb.mrc.bz2": (mrc_bomb, "of which it has"),
    "bomb.tar.gz": (tar_bomb, "of which it has"),
    "lie.tar": (tar_lie, "lie.tar"),
    "lie.mat": (mat_lie, "damaged"),
    "bomb.mat": (mat_bomb, "of which it has|damaged"),
    "lie.dm4": (dm_lie, "more than the file has"),
    "lie.msk": (msk_lie, "is no mask"),
    "lie.tif": (bytes_of(lambda: tiff((2**16, 2**15), b"abc", 1)), "more than the file has"),
    "packed.tif": (bytes_of(lambda: tiff((2**16, 2**15), zlib.compress(b"abc"), 8)), "of which it has"),
    "bomb.tif": (bytes_of(lambda: tiff((99, 99), b"\x78\x9c" + deflated(), 8)), "unpacks to more than 9801"),
    "xz.tif": (bytes_of(lambda: tiff((99, 99), xz(2**28), 34925)), "unpacks to more than 9801"),
    "below.tif": (bytes_of(below), "its tags claim"),
    "lie.ome.tif": (ome_lie, "249995 of its 250000 images are missing"),
    "wide.ome.tif": (ome_wide, "OME header claims"),
    "circle.tif": (circle, "in a circle"),
    "back.edf": (bytes_of(lambda: edf(**SIZES, Size=-1024) + bytes(480)), "more than it has"),
    "deep.edf": (bytes_of(lambda: edf(**SIZES, Dim_99999999=1, Dim_4=1) + bytes(480)), "shape"),
    "bomb.edf": (bytes_of(lambda: edf(**SIZES | {"Dim_1": 2**15, "Dim_2": 2**14}, Size=2**21, Compression="GZIP")
                          + gzip.compress(bytes(2**24)).ljust(2**21, b"\0")), "of which it has"),
    "deflate.h5": (hdf5_chunk(lambda: b"\x78\x9c" + deflated(), compression="gzip"), "unpacks to more than 480"),
    "zstd.h5": (hdf5_plugin("Zstd", numcodecs.Zstd().encode(bytes(2**28))), "not 480"),
    "blosc.h5": (hdf5_plugin("Blosc", numcodecs.Blosc().encode(bytes(2**28))), "not 480"),
    "lz4.h5": (hdf5_plugin("LZ4", struct.pack(">QI", HUGE, 2**20) + bytes(99)), "not 480"),
    "pieces.h5": (hdf5_plugin("LZ4", struct.pack(">QII", 480, 480, 2**30) + bytes(99)), "cut short"),
    "bits.h5": (hdf5_plugin("Bitshuffle", struct.pack(">QII", 480, 480, 2**30) + bytes(99)), "cut short"),
    "unknown.h5": (hdf5_plugin("Blosc2", bytes(99)), "32026"),
    "tiny.h5": (tiny_chunks, "64000000 chunks"),
    "tiny.zarr": (tiny_chunks, "64000000 chunks"),
    "few.zarr": (few_chunks, "of which it has"),
    "text.h5": (hdf5_text, ""),
    "attribute.h5": (hdf5_attribute, "damaged, or larger"),
    "type.h5": (hdf5_type, ""),
    "zstd.zarr": (zarr_chunk(numcodecs.Zstd()), "claims to unpack to 268435456"),
    "blosc.zarr": (zarr_chunk(numcodecs.Blosc()), "claims to unpack to 268435456"),
    "lz4.zarr": (zarr_chunk(numcodecs.LZ4()), "claims to unpack to 268435456"),
    "gzip.zarr": (zarr_chunk(numcodecs.GZip()), "unpacks to more"),
    "bz2.zarr": (zarr_chunk(numcodecs.BZ2()), "unpacks to more"),
}  # fmt: skip

READER = """
import json, sys, time
from pathlib import Path
from tests.fuzz import peak, use
for path in map(Path, sys.argv[1:]):
    before, begin = peak(), time.monotonic()
    try:
        use(path, 0)
        said = "read"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([path.name, said, peak() - before, time.monotonic() - begin]), flush=True)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a process says of each lie, by how many bytes it grew, and how many seconds it took."""
    pytest.importorskip("resource", reason="the memory that reading takes is not measured here")
    folder = tmp_path_factory.mktemp("lies")
    names = ("a.mrc", "a.npz", "a.h5", "packed.tif", "a.mat", "a.edf", "a.dm3", "plain.zarr", "a.cbf", "frames.tar.gz")
    paths = [write_sample(name, folder) for name in names]  # read first, to import the libraries
    for name, (make, _) in LIES.items():
        make(folder / name)
    command = [sys.executable, "-W", "ignore", "-c", READER, *paths, *(folder / name for name in LIES)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    found = {name: what for name, *what in map(json.loads, result.stdout.splitlines())}
    assert found, result.stderr
    return found


@pytest.mark.parametrize("name", LIES)
def test_lies_take_neither_memory_nor_time(told, name):
    assert name in told, f"the process died after {list(told)[-1]}"
    said, growth, seconds = told[name]
    assert growth < GROWTH
    assert seconds < 10
    if LIES[name][1]:
        assert said.startswith("InputError: ")
        assert re.search(LIES[name][1], said), said
        assert "\n" not in said


def test_a_damaged_record_is_left_out(tmp_path):
    hdf5_text(tmp_path / "a.h5")
    hdf5_type(tmp_path / "b.h5")
    assert read(tmp_path / "a.h5").declared.provenance == {}
    assert read(tmp_path / "b.h5").declared.kind is None


@pytest.mark.parametrize(("libver", "track_order"), [("earliest", False), ("earliest", True), ("latest", False)])
@pytest.mark.parametrize("count", [1, 12, 60])
def test_texts_are_found_wherever_hdf5_keeps_them(tmp_path, libver, track_order, count):
    """In the header of a node, in what continues it, or in a heap."""
    with h5py.File(tmp_path / "a.h5", "w", libver=libver, userblock_size=512) as file:
        node = file.create_dataset("data", data=STACK, track_order=track_order)
        for i in range(count):
            node.attrs[f"text {i}"] = f"some words {i}"
        node.attrs["pixel_size"], node.attrs["units"] = 2.0, "pm"
    assert read(tmp_path / "a.h5").pixel_size == pytest.approx(0.002)


def test_hdf5_arrays_put_together(tmp_path):
    """Of arrays of the same file they are read, of themselves not."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("part", data=STACK, chunks=(1, 12, 10), compression="gzip")
        for name, source in (("good", "part"), ("self", "self"), ("none", "nothing"), ("chain", "good")):
            layout = h5py.VirtualLayout(STACK.shape, "f4")
            layout[:] = h5py.VirtualSource(".", source, STACK.shape)
            file.create_virtual_dataset(name, layout)
    np.testing.assert_array_equal(read(tmp_path / "a.h5", variable="good").data, STACK)
    for name in ("self", "none", "chain"):
        with pytest.raises(InputError, match="put together from what is no array"):
            read(tmp_path / "a.h5", variable=name)


def test_hdf5_groups_in_a_circle(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/data"] = STACK
        file["group/again"] = file["group"]  # a hard link to itself
        file["one"], file["two"] = h5py.SoftLink("/two/x"), h5py.SoftLink("/one/x")
    np.testing.assert_array_equal(read(tmp_path / "a.h5").data, STACK)
    for name in ("one", "two/x"):
        with pytest.raises(InputError, match="no array"):
            read(tmp_path / "a.h5", variable=name)


TEXTS = {"angles.mdoc": MDOC, "angles.tlt": TILTS, "angles.csv": REFINED, "a.xf": XF, "steps.json": None, "a.edf": None}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_cut_short_anywhere(tmp_path, name):
    reads = {".xf": lambda path: read_xf(path, (12, 10)), ".json": load_steps, ".edf": read}
    whole = (TEXTS[name] or "").encode() or write_sample(name, tmp_path).read_bytes()
    assert len(whole) < 3000
    path = tmp_path / name
    for end in range(len(whole)):
        path.unlink(missing_ok=True)
        path.write_bytes(whole[:end])
        with suppress(InputError):
            reads.get(path.suffix, read_angles)(path)


def test_samples_are_of_every_format():
    from proxiscope.io import ANGLE_SUFFIXES, READ_SUFFIXES

    alike = {".mrcs", ".ali", ".map", ".rec", ".preali", ".hdf5", ".tiff", ".tgz", ".dat"}
    wanted = {s for s in READ_SUFFIXES if not s.endswith((".gz", ".bz2"))} | {*ANGLE_SUFFIXES} - alike
    assert {s for s in wanted - alike if not any(name.endswith(s) for name in SAMPLES)} == set()
