"""Stochastic gradient descent over tilts, beside what it is compared with."""

import numpy as np

from proxiscope.demos.tomography import GAP, SIZE, Tomography


def test_smoothing_keeps_noise_out_and_loses_where_there_is_none():
    *_, noisy = Tomography().run()
    errors = {curve.name: np.asarray(curve.y) for curve in noisy.plot.curves}
    assert errors["LS-SGD"][-1] < 0.9 * errors["SGD"].min()
    assert errors["LS-SGD"][-1] < 0.9 * errors["SIRT"].min()
    assert errors["SGD"][-1] > 1.4 * errors["SGD"].min()  # it fits the noise
    *_, clear = Tomography(dose=10_000.0).run()
    errors = {curve.name: curve.y[-1] for curve in clear.plot.curves}
    assert errors["SGD"] < 0.7 * errors["LS-SGD"]


def test_slices_lie_side_by_side_with_their_errors():
    *_, last = Tomography(passes=2, tilts=9).run()
    images = {options["name"]: (data, options["translate"]) for data, options, kind in last.layers if kind == "image"}
    assert list(images) == ["truth", "SIRT", "SGD", "LS-SGD"]
    assert {place for _, place in images.values()} == {(a, b) for a in (0, SIZE + GAP) for b in (0, SIZE + GAP)}
    truth = images["truth"][0]
    for curve in last.plot.curves:
        shown = images[curve.name][0]
        assert np.linalg.norm(shown - truth) / np.linalg.norm(truth) == np.float64(curve.y[-1])
    same = list(Tomography(passes=2, tilts=9, sigma=0.0).run())[-1].plot.curves
    np.testing.assert_allclose(same[1].y, same[0].y, rtol=1e-5)  # without smoothing they are one method
