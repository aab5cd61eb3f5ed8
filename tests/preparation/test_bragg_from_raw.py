"""Experimental Bragg diffraction (APS 34-ID-C, scan S0054) from the detector's frames to a reconstruction.

The reconstruction is that of tests/phase/test_bragg.py, where the pattern was cut out by hand: one crystal of about
20 x 21 x 27 pixels. The R-factor depends on the seed. Five seeds gave 0.52 to 0.63 for counts cut by hand, and two each
0.47 to 0.49 once dark current and gain were corrected, centred in either way.
"""

import numpy as np
import pytest
from scipy import ndimage

from proxiscope import DiffractionPattern, reconstruct
from proxiscope.io import read_array
from proxiscope.phase import ERHIO, support
from proxiscope.preparation import Images, Tools, apply_steps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(shared_data):
    folder = shared_data("cohere_bcdi_34idc")
    frames = {"dark": str(folder / "dark.tif"), "gain": str(folder / "whitefield.tif"), "offset": [0, 0]}
    images = Images(values=read_array(folder / "Staff20-1a_S0054_raw_tif.tar.gz"), family="phase")
    chain = [
        {"name": "dark-gain", **frames},
        {"name": "hot-pixels"},
        {"name": "geometry", "energy": 9.0, "distance": 500.0, "pixel": 55.0},
        {"name": "centre", "method": "peak"},
        {"name": "crop", "size": [160, 96, 96]},
        {"name": "threshold", "level": 3},
    ]
    return apply_steps(images, chain, Tools(read=read_array))


def test_the_pattern_is_centred_and_cropped(prepared):
    assert prepared.shape == (160, 96, 96)
    peak = np.unravel_index(ndimage.uniform_filter(prepared.values, 3).argmax(), prepared.shape)
    assert np.abs(np.subtract(peak, (80, 48, 48))).max() <= 2
    assert prepared.valid.mean() > 0.99
    assert prepared.pixel_size == pytest.approx(13.05, abs=0.01)
    assert len(prepared.steps) == 6


def test_it_is_phased_as_well_as_one_cut_by_hand(prepared):
    pattern = DiffractionPattern.from_intensities(
        prepared.values,
        known=prepared.valid,
        support=support.rectangle(prepared.shape, 8),
        object="complex",
        pixel_size=prepared.pixel_size,
    )
    result = reconstruct(ERHIO(max_iterations=260, shrink_every=20), pattern)
    assert result.r_factor < 0.62
    modulus = np.abs(result.array)
    inside = modulus > 0.3 * modulus.max()
    parts, count = ndimage.label(inside)
    sizes = ndimage.sum_labels(np.ones_like(modulus), parts, range(1, count + 1))
    assert sizes.max() > 0.95 * sizes.sum()
    widths = [s.stop - s.start for s in ndimage.find_objects((parts == 1 + sizes.argmax()).astype(int))[0]]
    np.testing.assert_allclose(widths, (20, 21, 27), atol=3)
    deep = ndimage.binary_erosion(inside)
    for axis in range(3):
        turn = np.angle(np.roll(result.array, -1, axis) * result.array.conj())
        assert np.sqrt(np.mean(turn[deep] ** 2)) < 0.3
