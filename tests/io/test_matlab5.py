"""MATLAB's files of version 5, held against what scipy writes and reads."""

import struct

import numpy as np
import pytest
import scipy.io

from proxiscope.core import InputError
from proxiscope.io import matlab5

RNG = np.random.default_rng(7)
ARRAYS = {
    **{kind: (100 * RNG.random((3, 4, 5))).astype(kind) for kind in ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "i8")},
    "u8": RNG.integers(0, 2**60, (3, 4, 5)).astype("u8"),
    "whole": np.arange(12.0).reshape(3, 4),  # doubles that take a byte each in the file
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3)),
    "c8": (RNG.random((4, 3)) + 1j * RNG.random((4, 3))).astype("c8"),
    "c16": RNG.random((2, 3, 2)) + 1j * RNG.random((2, 3, 2)),
    "logical": RNG.random((5, 4)) > 0.5,
}


@pytest.mark.parametrize("compressed", [False, True])
def test_every_numeric_array_is_read_as_it_was_written(tmp_path, compressed):
    others = {"text": "no number", "cell": np.array([1, "a"], object), "sparse": scipy.sparse.eye(3, format="csc")}
    scipy.io.savemat(tmp_path / "a.mat", ARRAYS | others | {"struct": {"inner": 1}}, do_compression=compressed)
    file = matlab5.File(tmp_path / "a.mat")
    assert set(file.variables) == set(ARRAYS)
    for name, array in ARRAYS.items():
        expected = np.atleast_2d(array)
        found = file.load(name)
        assert found.dtype == (array.dtype if name != "empty" else found.dtype)
        assert file.variables[name].shape == found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def _element(order, kind, block):
    return struct.pack(order + "II", kind, len(block)) + block + b"\0" * (-len(block) % 8)


def _file(order, *, flags=6, dims=(2, 3), kind=9, values=b"", name=b"data", count=1):
    """A file as MATLAB would write it, in either byte order."""
    matrix = _element(order, 6, struct.pack(order + "II", flags, 0))
    matrix += _element(order, 5, struct.pack(order + f"{len(dims)}i", *dims))
    matrix += _element(order, 1, name) + _element(order, kind, values)
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    return b"MATLAB 5.0".ljust(124) + mark + count * (struct.pack(order + "II", 14, len(matrix)) + matrix)


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(tmp_path, order):
    values = np.arange(6.0)
    (tmp_path / "a.mat").write_bytes(_file(order, values=values.astype(order + "f8").tobytes()))
    found = matlab5.File(tmp_path / "a.mat").load("data")
    np.testing.assert_array_equal(found, values.reshape(2, 3, order="F"))
    assert found.dtype.isnative


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"values": bytes(40)}, "40 bytes of type 9"),
        ({"values": bytes(48), "kind": 0}, "of type 0"),
        ({"values": bytes(48), "kind": 14}, "of type 14"),
        ({"values": bytes(48), "dims": (2**31 - 1, 2**31 - 1)}, r"claim|of shape"),
        ({"values": bytes(48), "dims": (-2, -3)}, "dimensions"),
        ({"values": bytes(48), "dims": (6,)}, "1 dimensions"),
        ({"values": bytes(48), "count": 2}, "two variables have one name"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, options, match):
    (tmp_path / "a.mat").write_bytes(_file("<", **options))
    with pytest.raises(InputError, match=match):
        matlab5.File(tmp_path / "a.mat").load("data")


def test_every_cut_is_refused_or_leaves_whole_variables(tmp_path):
    whole = _file("<", values=np.arange(6.0).tobytes())
    for length in range(128, len(whole)):
        (tmp_path / "a.mat").write_bytes(whole[:length])
        if length - 128 < 8:
            assert not matlab5.File(tmp_path / "a.mat").variables
            continue
        with pytest.raises(InputError, match="damaged"):
            matlab5.File(tmp_path / "a.mat")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    import zlib

    matrix = _file("<", dims=(2**24, 2**24), values=b"")[128:]
    tag = struct.pack("<II", 14, 2**32 - 1)
    packed = zlib.compress(tag + matrix[8:] + bytes(2**24))
    block = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed
    (tmp_path / "a.mat").write_bytes(block)
    file = matlab5.File(tmp_path / "a.mat")
    with pytest.raises(InputError, match="claim"):
        file.load("data")


def test_a_variable_that_claims_more_than_its_bytes_can_unpack_to_is_refused(tmp_path):
    import zlib

    matrix = _file("<", dims=(2**10, 2**12), values=b"")[128:]
    packed = zlib.compress(struct.pack("<II", 14, 2**25) + matrix[8:])
    block = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed
    (tmp_path / "a.mat").write_bytes(block)
    with pytest.raises(InputError, match="damaged"):
        matlab5.File(tmp_path / "a.mat").load("data")


def test_another_version_is_named(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"data": np.eye(3)}, format="4")
    with pytest.raises(InputError, match="version 5"):
        matlab5.File(tmp_path / "a.mat")
