"""Small text files, and the rows of numbers in them."""

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proxiscope.core.errors import InputError
from proxiscope.io.raw import check_file, reading

TABLE_SUFFIXES = (".txt", ".csv", ".dat", ".rawtlt", ".tlt", ".xf")
"""Suffixes of text that holds rows of numbers."""

_MAX_TEXT = 2**24  # bytes; a million angles are no angles


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    InputError
        It is larger than any table of angles, or no text.
    """
    with path.open("rb") as file:
        raw = file.read(_MAX_TEXT + 1)
    if len(raw) > _MAX_TEXT or b"\0" in raw:
        raise InputError(path.name, "is no text", "Give a text file with a row of numbers for each image.")
    return raw.decode("utf-8-sig", errors="replace")


def read_rows(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Rows of equally many numbers, between blanks or commas; what follows ``#``, ``;`` or ``%`` is a comment.

    Returns
    -------
    ndarray, (row, column)
        float64.

    Raises
    ------
    InputError
        The file is missing, or a line holds something else, unless it is the first of a ``.csv``.
    """
    path = check_file(path)
    rows: list[list[float]] = []
    with reading(path, "a table"):
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            words = re.sub(r"[#;%].*", "", line).replace(",", " ").split()
            if not words:
                continue
            try:
                rows.append([float(word) for word in words])
            except ValueError:
                if path.suffix.lower() == ".csv" and not rows and number == 1:
                    continue  # the names of the columns
                found = f"line {number} is no number: {line.strip()[:40]!r}"
                raise InputError(path.name, found, "Give a row of numbers for each image.") from None
            if len(rows[-1]) != len(rows[0]):
                found = f"line {number} has {len(rows[-1])} columns and the first {len(rows[0])}"
                raise InputError(path.name, found, "Give as many in each.")
    return np.array(rows, dtype=np.float64)
