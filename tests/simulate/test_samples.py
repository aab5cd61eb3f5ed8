"""Sample series: a second axis and a mask are worth having."""

import numpy as np
import pytest

from proxiscope import reconstruct
from proxiscope.preparation import apply_steps
from proxiscope.preparation.images import Images
from proxiscope.preparation.presets import usual_chain
from proxiscope.simulate import (
    sample_blocked_series,
    sample_double_tilt,
    sample_exposures,
    sample_few_tilts,
    sample_film,
    sample_missing_centre,
    sample_needle,
    sample_phase_object,
    sample_raw_series,
    vesicle,
)
from proxiscope.simulate.samples import RAW_AXIS
from proxiscope.tomography import AcceleratedRESIRE, merge

TRUTH = vesicle((64, 64, 64), seed=3)


def error(series):
    volume = reconstruct(AcceleratedRESIRE(max_iterations=15), series).volume
    return np.abs(volume - TRUTH).sum() / TRUTH.sum()


def test_two_axes_are_better_than_either():
    one, two = sample_double_tilt()
    assert one.shape == two.shape == (31, 64, 64)
    np.testing.assert_array_equal(two.rotations - one.rotations, np.tile([90.0, 0, 0], (31, 1)))
    assert error(merge(one, two)) < 0.8 * min(error(one), error(two))


def test_a_bar_that_is_masked_does_little_harm():
    series, blocked = sample_blocked_series()
    assert 0.02 < blocked.mean() < 0.2
    assert not blocked[np.abs(series.angles) <= 40].any()
    assert error(series.copy_with(valid=~blocked)) < 0.3 * error(series)


@pytest.mark.slow
def test_the_usual_steps_make_the_raw_series_ready():
    raw = sample_raw_series()
    ready = apply_steps(Images.of(raw), usual_chain("tomography"))
    (said,) = [remark for remark in ready.remarks if "tilt axis lies" in remark]
    assert abs(float(said.split("lies ")[1].split()[0]) - RAW_AXIS) < 0.3
    method = AcceleratedRESIRE(max_iterations=10)
    before, after = (reconstruct(method, series).r_factor for series in (raw, ready.tilt_series(announce=False)))
    assert after < 0.1 < 0.18 < before


def test_the_raw_exposures_become_a_pattern_that_can_be_phased():
    exposures = Images(values=sample_exposures(), family="phase")
    chain = [{"name": "average-frames", "method": "median"}, {"name": "background"}, *usual_chain("phase")]
    ready = apply_steps(exposures, chain)
    reference = sample_missing_centre().magnitudes ** 2  # the same object
    measured = ready.valid & (reference > np.quantile(reference, 0.9))
    assert np.corrcoef(ready.values[measured], reference[measured])[0, 1] > 0.99


def test_a_phase_object_and_a_pattern_without_centre_are_what_they_say():
    assert sample_phase_object().object == "complex"
    known = sample_missing_centre().known
    assert (~known).sum() == 25
    assert not known[62:67, 62:67].any()


def test_a_needle_is_seen_from_all_around_and_a_film_beyond_its_edges():
    needle, film = sample_needle(), sample_film()
    assert np.ptp(needle.angles) == 177
    sums = needle.projections.sum(axis=(1, 2))
    assert np.ptp(sums) < 0.02 * sums.mean()  # the same matter in each
    edge = film.projections[:, :, [0, -1]].mean(axis=(1, 2))
    assert edge[0] > 2 * edge[len(edge) // 2]  # rays through a tilted film are longer, at its edges too


def test_few_tilts_are_worse_than_many():
    few, many = sample_few_tilts(), sample_double_tilt()[0]
    assert few.shape == (13, 64, 64)
    assert error(few) > 1.2 * error(many)
