"""NPY: the array alone, and the rest as JSON in ``name.npy.json`` beside it, which says which array it goes with."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ...core.files import atomic
from ..contents import Contents
from ..document import as_json, document

_PART = 2**20


def write(path: Path, contents: Contents) -> list[str]:
    """Write the array."""
    with path.open("wb") as file:
        np.save(file, contents.array, allow_pickle=False)
    return document(contents)[1]


def beside(path: Path, contents: Contents) -> Callable[[], tuple[str, ...]]:
    """What writes the document; a kill before it leaves an old one, which `fingerprint` tells."""
    return partial(_write_document, path, contents)


def _write_document(path: Path, contents: Contents) -> tuple[str, ...]:
    found = {**document(contents)[0], "fingerprint": fingerprint(path)}
    with atomic(sidecar(path)) as temporary:
        temporary.write_text(as_json(found))
    return ()


def sidecar(path: Path) -> Path:
    """Where the document of an NPY file lies."""
    return path.with_name(path.name + ".json")


def fingerprint(path: Path) -> str:
    """A hash of the size, the beginning and the end of a file, which does not read all of a large one."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_PART))
        file.seek(max(size - _PART, 0))
        digest.update(file.read(_PART))
    return digest.hexdigest()
