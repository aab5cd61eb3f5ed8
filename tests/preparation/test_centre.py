"""The centre of a pattern: found, and moved to pixel n//2."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError
from proxiscope.preparation import step
from proxiscope.preparation.centring import by_mass, by_peak, by_symmetry
from proxiscope.simulate import crystal

from .common import intensities, phase


def behind_a_beamstop(shape, centre, radius):
    """Usable pixels around a beamstop that hangs on an arm, and is not centred itself."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    stop = np.hypot(y - centre[0] - 1.5, x - centre[1] + 1) < radius
    return ~(stop | ((np.abs(x - centre[1]) < 3) & (y > centre[0])))


@pytest.mark.parametrize("shape", [(128, 128), (127, 160), (256, 255)])
@pytest.mark.parametrize("flux", [1e8, 1e6, 3e5])
@pytest.mark.parametrize("radius", [0, 8, 20])
def test_it_is_found_to_a_tenth_of_a_pixel(shape, flux, radius):
    rng = np.random.default_rng(int(flux) + radius)
    centre = np.array([n // 2 for n in shape]) + rng.uniform(-15, 15, 2)
    counts = rng.poisson(intensities(shape, centre, flux) + 0.2)
    valid = behind_a_beamstop(shape, centre, radius) if radius else np.ones(shape, bool)
    found = by_symmetry(counts.astype(np.float32), valid)
    assert np.abs(found - centre).max() < 0.1


def test_of_a_bragg_peak_all_ways_agree():
    field = np.abs(np.fft.fftshift(np.fft.fftn(np.pad(crystal((16, 16, 16), strain=0.5), 16)))) ** 2
    counts = np.roll(field / field.sum() * 1e7, (3, -2, 1), (0, 1, 2)).astype(np.float32)
    valid = np.ones(counts.shape, bool)
    for way in (by_symmetry, by_mass, by_peak):
        assert np.abs(way(counts, valid) - [27, 22, 25]).max() < 1.5


def test_a_hot_pixel_is_not_the_peak():
    y, x = np.mgrid[:50, :60]
    image = 1000 * np.exp(-((y - 20.3) ** 2 + (x - 33.6) ** 2) / 18)
    image[5, 5] = 5000
    np.testing.assert_allclose(by_peak(image.astype(np.float32), np.ones(image.shape, bool)), [20.3, 33.6], atol=0.1)


@settings(max_examples=40, deadline=None)
@given(n=st.tuples(st.integers(8, 20), st.integers(8, 20)), data=st.data())
@pytest.mark.parametrize("frame", ["keep", "crop"])
def test_a_known_centre_goes_to_pixel_n_half(frame, n, data):
    centre = tuple(data.draw(st.integers(1, m - 2)) for m in n)
    image = np.zeros(n)
    image[centre] = 5
    done = step("centre", {"position": (centre,), "frame": frame})(phase(image))
    assert done.values[tuple(m // 2 for m in done.shape)] == 5
    assert done.values.sum() == 5
    assert done.valid.all() == (frame == "crop" or centre == tuple(m // 2 for m in n))


def test_all_axes_of_a_pattern_in_3d_are_centred():
    image = np.zeros((9, 10, 12))
    image[2:5, 3:6, 7:10] = 1
    image[3, 4, 8] = 9
    done = step("centre", {"method": "peak"})(phase(image))
    assert done.values[4, 5, 6] == 9


def test_by_interpolation_it_is_exact():
    shape, centre = (64, 65), (30.4, 33.7)
    expected = intensities(shape, centre, 1e6, size=20)
    done = step("centre", {"position": (centre,), "subpixel": True})(phase(expected))
    wanted = intensities(shape, (32, 32), 1e6, size=20)
    assert np.abs(done.values - wanted)[done.valid].sum() < 0.02 * wanted.sum()
    assert np.abs(by_symmetry(done.values, done.valid) - [32, 32]).max() < 0.05
    assert done.values.min() >= 0


def test_counts_stay_counts_by_default():
    counts = np.random.default_rng(0).poisson(intensities((64, 64), (30.4, 33.7), 1e6, size=20))
    done = step("centre")(phase(counts))
    assert (done.values == np.rint(done.values)).all()
    assert done.remarks[-1].startswith("Centre found at (30.")


def test_a_cropped_frame_gives_coarser_pixels():
    image = np.zeros((40, 40))
    image[15, 15] = 1
    done = step("centre", {"position": ((15.0, 15.0),), "frame": "crop"})(phase(image, pixel_size=1.0))
    assert done.shape == (31, 31)
    assert done.pixel_size == pytest.approx(40 / 31)


@pytest.mark.parametrize("position", [((1.0, 2.0, 3.0),), ((-1.0, 5.0),), ((1.0, 2.0), (3.0, 4.0))])
def test_a_centre_that_cannot_be_is_refused(position):
    with pytest.raises(InputError, match="position"):
        step("centre", {"position": position})(phase(np.ones((10, 10))))


def test_a_flat_pattern_has_no_centre():
    with pytest.raises(InputError, match="flat"):
        step("centre")(phase(np.ones((20, 20))))
    with pytest.raises(InputError, match="positive"):
        step("centre", {"method": "mass"})(phase(-np.ones((20, 20))))
