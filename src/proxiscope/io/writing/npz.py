"""NPZ: everything, as arrays by name."""

from pathlib import Path

import numpy as np

from ..contents import Contents
from ..document import as_json

_NAMES = {"pixel_size_nm": "pixel_size", "reconstruction_pixel_size_nm": "reconstruction_pixel_size"}


def write(path: Path, contents: Contents) -> list[str]:
    """Write ``data``, ``metadata`` (provenance as JSON), ``kind``, ``pixel_size`` ... and the other arrays."""
    facts = {_NAMES.get(name, name): value for name, value in contents.facts().items() if name != "shape"}
    arrays = {name.replace("/", "_", 1): values for name, values in contents.arrays().items()}
    arrays |= {name: np.array(value) for name, value in facts.items()}
    metadata = np.array(as_json(contents.provenance))
    with path.open("wb") as file:
        np.savez_compressed(file, data=contents.array, metadata=metadata, **arrays, allow_pickle=False)
    return []
