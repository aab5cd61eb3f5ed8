"""Dark current and gain."""

import numpy as np
import pytest

from proxiscope.core import InputError
from proxiscope.io import read_array, write_array
from proxiscope.io.preparing import read_beside
from proxiscope.preparation import Tools, step

from .common import files, phase, tomography

RNG = np.random.default_rng(5)
DARK = RNG.uniform(90, 110, (20, 24))
GAIN = RNG.uniform(0.8, 1.2, (20, 24))
TRUE = RNG.uniform(0, 1000, (3, 20, 24))
MEASURED = TRUE * GAIN / GAIN.mean() + DARK


def corrected(images=MEASURED, tools=None, **parameters):
    tools = tools or files(dark=DARK, gain=GAIN * 1e4 + DARK)
    return step("dark-gain", {"dark": "dark", "gain": "gain"} | parameters)(tomography(images), tools)


def test_the_light_comes_back():
    done = corrected()
    np.testing.assert_allclose(done.values, TRUE, rtol=1e-4, atol=0.01)
    assert done.valid.all()


def test_a_gain_near_one_is_not_a_frame_with_dark_current():
    done = corrected(tools=files(dark=DARK, gain=GAIN))
    np.testing.assert_allclose(done.values, TRUE, rtol=1e-4, atol=0.01)


def test_frames_are_averaged_where_they_were_measured():
    frames = np.stack([DARK - 1, DARK + 1, np.full_like(DARK, np.nan)])
    done = corrected(tools=files(dark=frames, gain=GAIN))
    np.testing.assert_allclose(done.values, TRUE, rtol=1e-4, atol=0.01)


def test_pixels_without_gain_and_noisy_ones_are_not_usable():
    gain, dark = GAIN.copy(), DARK.copy()
    gain[0, 0], gain[1, 1], gain[2, 2], dark[3, 3] = 0, 0.1, 9, 5000
    done = corrected(tools=files(dark=dark, gain=gain))
    assert [tuple(p) for p in np.argwhere(~done.valid[0])] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert np.isfinite(done.values).all()
    assert corrected(tools=files(dark=dark, gain=GAIN), noisy=0).valid.all()


def test_a_region_of_the_detector_is_cut_from_its_frames():
    whole = [np.pad(frame, ((5, 7), (2, 9)), constant_values=1) for frame in (DARK, GAIN)]
    tools = files(dark=whole[0], gain=whole[1])
    done = corrected(tools=tools, offset=(5, 2))
    np.testing.assert_allclose(done.values, TRUE, rtol=1e-4, atol=0.01)
    with pytest.raises(InputError, match="offset") as caught:
        corrected(tools=tools)
    assert "(32, 35)" in str(caught.value)
    with pytest.raises(InputError, match="offset inside"):
        corrected(tools=tools, offset=(15, 0))
    with pytest.raises(InputError, match="offset"):
        corrected(tools=tools, offset=(15,))


def test_bad_pixels_may_have_any_gain():
    gain = GAIN * 1e4
    gain[0], gain[1, 1] = 2.0**32 - 1, 1e-9
    done = corrected(tools=files(gain=gain), dark="")
    np.testing.assert_array_equal(done.valid.all(axis=0).sum(), GAIN.size - GAIN.shape[1] - 1)


def test_pixels_that_a_file_of_frames_masks_do_not_count(tmp_path):
    valid = np.ones(DARK.shape, bool)
    valid[2, 3] = False
    write_array(tmp_path / "dark.h5", DARK, valid=valid)
    found = read_beside(str(tmp_path / "dark.h5"))
    np.testing.assert_array_equal(np.isnan(found), ~valid)
    done = step("dark-gain", {"dark": str(tmp_path / "dark.h5")})(tomography(MEASURED), Tools(read_beside))
    np.testing.assert_array_equal(done.valid[0], valid)


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="neither"):
        corrected(dark="", gain="")
    with pytest.raises(InputError, match="gain"):
        corrected(tools=files(dark=DARK, gain=0 * GAIN))
    with pytest.raises(InputError, match="dark"):
        corrected(tools=files(dark=DARK[0], gain=GAIN))
    with pytest.raises(InputError, match="read"):
        corrected(tools=Tools())


def test_the_frames_of_a_real_detector(shared_data):
    """Timepix 512 x 512 of which the corner was read out, the scan's header says (UIMR5, 0 256 0 256)."""
    folder = shared_data("cohere_bcdi_34idc")
    names = {"dark": str(folder / "dark.tif"), "gain": str(folder / "whitefield.tif")}
    with np.load(folder / "S0054_volume.npz") as file:
        counts = file["intensity"][90:110]
    done = step("dark-gain", names | {"offset": (0, 0)})(phase(counts), Tools(read=read_array))
    assert 0.995 < done.valid.mean() < 1
    assert done.values[done.valid].sum() == pytest.approx(counts.sum(), rel=0.1)
    with np.errstate(all="ignore"):
        ratio = (counts / done.values)[done.valid & (counts > 100)]
    assert 0.25 <= ratio.min() < 0.8 < 1.2 < ratio.max() <= 4
