"""What several writers share."""

import numpy as np
from numpy.typing import NDArray

from ..contents import Contents

ROUNDED = "all digits of its numbers (single precision)"


def as_float32(contents: Contents) -> tuple[NDArray[np.float32], list[str]]:
    """The array in single precision, and whether that rounds it."""
    array = contents.array
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, dtype=np.float32)
    exact = single.dtype == array.dtype or np.array_equal(single, array, equal_nan=array.dtype.kind == "f")
    return single, [] if exact else [ROUNDED]
