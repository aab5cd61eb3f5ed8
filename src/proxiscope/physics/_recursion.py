"""Kernels of the recursive filters that invert 1 + sigma s^n, s = 2 - z - 1/z; they release the GIL.

A section is (gain, fall), the filter y[i] = y[i-1] + gain (x[i] - y[i-1]) - fall (y[i-2] - y[i-1]), run forward and
then backward. Written so, it leaves a constant alone, however its numbers are rounded.
"""

import numpy as np
from numba import njit

LANES = 32
"""Pieces of a vector that are filtered side by side, which fills vector registers."""


@njit(nogil=True, cache=True)
def _filter_row(row, one, two, gain, fall):
    if fall == 0:
        for k in range(row.size):
            row[k] = one[k] + gain * (row[k] - one[k])
    else:
        for k in range(row.size):
            row[k] = one[k] + gain * (row[k] - one[k]) - fall * (two[k] - one[k])


@njit(nogil=True, cache=True)
def filter_rows(a, sections, warm):
    """Filter all lanes of `a` (row, lane) along its rows, in place.

    Rows are periodic: the filters start `warm` rows before the first one, at the other end.
    """
    rows = a.shape[0]
    scratch = np.empty((3, a.shape[1]), a.dtype)
    for s in range(len(sections)):
        gain, fall = sections[s]
        for first, step in ((0, 1), (rows - 1, -1)):
            one, two, row = scratch[0], scratch[1], scratch[2]
            one[:] = a[(first - step * warm) % rows]
            two[:] = one
            for r in range(-warm, 0):
                row[:] = a[(first + step * r) % rows]
                _filter_row(row, one, two, gain, fall)
                one, two, row = row, one, two
            for r in range(rows):
                row = a[first + step * r]
                _filter_row(row, one, two, gain, fall)
                one, two = row, one


@njit(nogil=True, cache=True)
def filter_tile(x, out, begin, end, before, after, sections):
    """Entries from `begin` to `end` of the filtered vector `x` into `out`, which may be `x`, in double precision.

    `before` and `after` are copies of the entries on either side: of so many that those beyond do not matter, and of
    `LANES` more after the end.
    """
    margin, count = before.size, end - begin
    length = -(-count // LANES)
    line = np.empty(LANES * length + 2 * margin, np.float64)
    line[:margin] = before
    line[margin : margin + count] = x[begin:end]
    line[margin + count :] = after[: line.size - margin - count]
    a = np.empty((length + 2 * margin, LANES), np.float64)
    for r in range(len(a)):
        for k in range(LANES):
            a[r, k] = line[k * length + r]
    filter_rows(a, sections, 0)
    for r in range(length):
        for k in range(LANES):
            line[k * length + r] = a[r + margin, k]
    out[begin:end] = line[:count]
