"""Checkpoints that were made to do harm, with seals that are right: anybody can make one.

What the HDF5 library does with each of these, if it sees them, is written beside it. They are read in a process of
their own, which would hang, die or grow.
"""

import io
import json
import struct
import subprocess
import sys

import h5py
import pytest

from proxiscope.core import iterate
from proxiscope.core.checkpoint import save_checkpoint
from proxiscope.tomography import SIRT
from tests.fuzz_targets import sealed
from tests.problems import small_series

READ = """
import json, sys
from pathlib import Path
from proxiscope.core import InputError
from proxiscope.core.checkpoint import load_checkpoint
from tests.fuzz import peak
found = []
for path in sys.argv[1:]:
    try:
        load_checkpoint(path)
        found.append("read")
    except InputError as error:
        found.append(str(error))
print(json.dumps([found, peak()]))
"""


def heap_that_never_ends(data: bytearray) -> None:
    """A free object of no bytes: the library goes from it to itself, for ever."""
    at = data.index(b"GCOL\1\0\0\0") + 16
    data[at : at + 16] = bytes(16)


def text_of_four_gigabytes(data: bytearray) -> None:
    """The library makes room for what a text claims before it looks for it."""
    with h5py.File(bytes_of(data), "r") as file:
        length = struct.pack("<I", len(file.attrs["parameters"]))
        name = file.attrs.get_id("parameters").name
    at = data.index(length, data.index(name + b"\0"))
    data[at : at + 4] = struct.pack("<I", 2**32 - 16)


def text_in_no_heap(data: bytearray) -> None:
    """The library has died of references to objects that are not there."""
    text_of_four_gigabytes(data)
    at = data.index(struct.pack("<I", 2**32 - 16))
    data[at : at + 16] = struct.pack("<IQI", 40, 2**63, 7)


def array_of_nothing(data: bytearray) -> None:
    """An array that was never written reads as zeros, of whatever size."""
    rewritten(data, lambda group: group.create_dataset("volume", (1000, 1000, 1000), "f4", chunks=(1, 1000, 1000)))


def link_outward(data: bytearray) -> None:
    """To what other files hold."""
    rewritten(data, lambda group: group.__setitem__("volume", h5py.ExternalLink("/etc/secret.h5", "/")))


def bytes_of(data: bytes) -> io.BytesIO:
    return io.BytesIO(bytes(data))


def rewritten(data: bytearray, change) -> None:
    """With another volume."""
    buffer = bytes_of(data)
    with h5py.File(buffer, "r+") as file:
        del file["state/volume"]
        change(file["state"])
    data[:] = buffer.getvalue()


FORGERIES = (heap_that_never_ends, text_of_four_gigabytes, text_in_no_heap, array_of_nothing, link_outward)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    pytest.importorskip("resource", reason="the memory that reading takes is not measured here")
    folder = tmp_path_factory.mktemp("forged")
    *_, progress = iterate(SIRT(max_iterations=2), small_series())
    save_checkpoint(folder / "whole.h5", SIRT(max_iterations=2), progress.state)
    original = (folder / "whole.h5").read_bytes()
    assert sealed(original) == original
    paths = [folder / "whole.h5"]
    for forge in FORGERIES:
        data = bytearray(original)
        forge(data)
        paths.append(folder / f"{forge.__name__}.h5")
        paths[-1].write_bytes(sealed(bytes(data)))
    command = [sys.executable, "-c", READ, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found, used = json.loads(done.stdout)
    return dict(zip((path.stem for path in paths), found, strict=True)) | {"memory": used}


def test_the_whole_one_is_read(told):
    assert told["whole"] == "read"


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_forged_checkpoints_are_refused(told, forge):
    assert told[forge.__name__].startswith(f"{forge.__name__}.h5")


def test_they_take_no_memory(told):
    assert told["memory"] < 2**29
