"""What changes to the projectors could take without the result telling: see `tests.mutants`."""

import numpy as np
import pytest
import scipy

from proxiscope.physics.projectors import SingleAxisProjector
from proxiscope.physics.projectors._gridding import fine_shape
from proxiscope.physics.projectors.single_axis import packed_slices


@pytest.mark.parametrize("n", [1, 2, 7, 30, 64, 101, 257])
def test_the_fine_grid_is_twice_as_fine_and_little_more(n):
    """A finer one is as good, and takes memory and time."""
    (fine,) = fine_shape((n,))
    assert 2 * n <= fine <= 2.2 * n
    assert fine % 2 == 0
    assert scipy.fft.next_fast_len(fine // 2) == fine // 2


@pytest.mark.parametrize("ny", [1, 8, 9, 16, 17, 32, 33, 100])
def test_packed_arrays_have_as_many_slices_as_they_need(ny):
    """More are as good, and take memory and time."""
    made = SingleAxisProjector([0.0, 10, 20], (ny, 6), (4, ny, 6))
    assert np.prod(made.domain_shape) == 4 * packed_slices(ny) * 6
    assert np.prod(made.range_shape) == 3 * packed_slices(ny) * 6
    assert ny <= packed_slices(ny) < ny + 32
