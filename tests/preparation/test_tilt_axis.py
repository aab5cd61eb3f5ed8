"""An axis that is said as a step is the axis that is said when a file is read."""

import numpy as np
import pytest

import proxiscope as px
from proxiscope import InputError
from proxiscope.io import write_array
from proxiscope.preparation import Images, step
from proxiscope.simulate import tilt_series, vesicle


@pytest.fixture
def lying(tmp_path):
    """A file of a series whose axis lies along x and that does not say so, in images of 20 x 24 pixels."""
    series = tilt_series(vesicle((24, 20, 24)), np.arange(-60, 61, 6.0))
    images = np.rot90(series.projections, -1, axes=(1, 2))
    return write_array(tmp_path / "lying.mrc", images, pixel_size=1.0, angles=series.angles) or tmp_path / "lying.mrc"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("degrees", [90.0, 84.3, -96.0, 0.0, 5.0, 180.0])
def test_the_series_is_that_of_a_file_read_with_the_axis(lying, degrees):
    read = px.load(lying, tilt_axis=degrees)
    images = step("tilt-axis", {"degrees": degrees})(Images.of(px.load(lying)))
    said = images.tilt_series(announce=False)
    np.testing.assert_array_equal(said.projections, read.projections)
    np.testing.assert_allclose(said.rotations, read.rotations, atol=1e-12)
    np.testing.assert_allclose(said.shifts, read.shifts)
    assert f"{degrees:g} degrees from y" in images.remarks[-1]


@pytest.mark.filterwarnings("ignore")
def test_shifts_turn_with_the_images(lying):
    images = Images.of(px.load(lying))
    moved = images.copy_with(shifts=np.tile([2.0, -3.0], (len(images), 1)))
    np.testing.assert_allclose(step("tilt-axis")(moved).shifts, np.tile([3.0, 2.0], (len(images), 1)))


def test_images_without_tilts_have_no_axis():
    with pytest.raises(InputError, match="angles"):
        step("tilt-axis")(Images(values=np.zeros((3, 8, 8)), family="tomography"))
