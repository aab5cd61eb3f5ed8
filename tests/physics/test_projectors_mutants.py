"""What changes to the projectors could take without the result telling: see `tests.mutants`."""

import pytest
import scipy

from proxiscope.physics.projectors._gridding import fine_shape


@pytest.mark.parametrize("n", [1, 2, 7, 30, 64, 101, 257])
def test_the_fine_grid_is_twice_as_fine_and_little_more(n):
    """A finer one is as good, and takes memory and time."""
    (fine,) = fine_shape((n,))
    assert 2 * n <= fine <= 2.2 * n
    assert fine % 2 == 0
    assert scipy.fft.next_fast_len(fine // 2) == fine // 2
