"""The curves that grow, and what stands beside them."""

import numpy as np

from proxiscope.core import iterate
from proxiscope.demos.logistic import Logistic
from proxiscope.learning import LogisticRegression
from proxiscope.learning.datasets import digits
from proxiscope.learning.logistic import standardised

DEMO = Logistic(seeds=2, epochs=3, batch_size=200)


def test_the_curves_grow_to_their_end():
    frames = list(DEMO.run())
    fractions = [frame.fraction for frame in frames]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    counts = [sum(len(curve.y) for curve in frame.plot.curves) for frame in frames]
    assert counts == list(range(1, 13))
    assert all(str(curve.name) in frames[-1].figures for curve in frames[-1].plot.curves)


def test_mean_and_spread_are_those_of_the_seeds():
    *_, last = DEMO.run(seed=5)
    algorithm = LogisticRegression(sigma=1.0, step_size=0.5, batch_size=200, max_iterations=3, check_every=1)
    runs = [list(iterate(algorithm, standardised(digits(), each=True), seed=seed)) for seed in (5, 6)]
    losses = np.array([[p.metrics["loss"] for p in run] for run in runs])
    smoothed = next(curve for curve in last.plot.curves if curve.name == "LS-SGD")
    np.testing.assert_allclose(smoothed.y, losses.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(smoothed.spread, losses.std(axis=0), rtol=1e-5)
    (corners, named, _), (image, options, kind) = last.layers
    assert (kind, options["name"], image.shape) == ("image", "weights", (4 * 13, 10 * 9 - 1))
    assert named["text"]["string"] == [curve.name for curve in last.plot.curves]
    np.testing.assert_array_equal(corners[:, 0], [4, 17, 30, 43])  # each above its row
    own = runs[0][-1].estimate()[2, :-1].reshape(8, 8)
    shown = image[44:52, 18:26]
    np.testing.assert_allclose(shown / np.abs(shown).max(), own / np.abs(own).max(), atol=1e-5)
