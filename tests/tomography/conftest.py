"""The thesis' experiment, for the tests of several algorithms."""

import warnings

import mrcfile
import numpy as np
import pytest

from proxiscope.simulate import tilt_series


@pytest.fixture(scope="session")
def thesis_vesicle(shared_data):
    """The vesicle (z, y, x) of section 3.3.1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has no machine stamp
        stored = mrcfile.read(shared_data("dissertation_vesicle/vesicle.mrc"))
    return np.ascontiguousarray(stored.transpose(2, 1, 0))  # stored with z fastest


@pytest.fixture(scope="session")
def thesis_series(thesis_vesicle):
    """Its 41 noisy projections behind a missing wedge (see test_fidelity)."""
    return tilt_series(thesis_vesicle, np.arange(-70, 70.1, 3.5), noise=0.265)
