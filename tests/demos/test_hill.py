"""EM gets stuck, SBE leaves; against the numbers of thesis section 4.3.1."""

import numpy as np
import pytest

from proxiscope.demos.hill import EM, SBE, TRAIL, Hill
from proxiscope.learning.gaussians import four_gaussians


def curves(frame):
    return {curve.name: np.asarray(curve.y) for curve in frame.plot.curves}


@pytest.mark.parametrize(("step", "jumps"), [(2.0, False), (6.0, True)])
def test_long_steps_jump_and_short_ones_stay(step, jumps):
    *_, last = Hill(gamma0=step, restarts=5).run(seed=1)
    found = curves(last)
    assert 1.29 < found[EM][-1] < 1.41
    assert found["k-means++, best start"][0] == pytest.approx(0.9, abs=0.02)
    expected = found["k-means++, best start"][0] if jumps else found[EM][-1]
    assert found[SBE][-1] == pytest.approx(expected, rel=0.01)
    assert found[SBE][0] == pytest.approx(found[EM][-1], rel=1e-12)  # where EM stopped


def test_points_have_the_colour_of_their_centroid():
    *_, last = Hill(max_iterations=20, restarts=0).run(seed=1)
    layers = {options["name"]: (data, options) for data, options, _ in last.layers}
    data, options = layers["points"]
    np.testing.assert_allclose(data, (four_gaussians(np.random.default_rng(1)) * [1, -1])[::2, ::-1])  # y upwards
    centroids = layers["SBE"][0][-4:]
    nearest = ((data[:, None] - centroids) ** 2).sum(axis=-1).argmin(axis=1)
    colours = np.array([options["face_color"][nearest == j][0] for j in np.unique(nearest)])
    np.testing.assert_array_equal(options["face_color"], colours[np.unique(nearest, return_inverse=True)[1]])
    assert len(np.unique(colours, axis=0)) == len(colours)


def test_the_trail_is_always_as_long():
    frames = list(Hill(max_iterations=3, restarts=0).run())
    lengths = {len(data) for f in frames for data, options, _ in f.layers if options["name"] in ("EM", "SBE")}
    assert lengths == {4 * TRAIL}
