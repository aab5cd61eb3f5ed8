"""The surface and the line that the sliders move."""

import re

import numpy as np
import pytest

from proxiscope.demos.hamilton_jacobi import FURTHEST, HEIGHT, HamiltonJacobi
from proxiscope.learning.hamilton_jacobi import ViscositySolution, direction, in_plane


def frame(**values):
    (only,) = HamiltonJacobi(**values).run()
    return only


def test_the_surface_is_u_over_the_plane():
    (vertices, _, values), options, kind = frame(t=0.2, sigma=2.0).layers[0]
    assert (kind, options["name"]) == ("surface", "u")
    np.testing.assert_allclose(vertices[:, 0], -HEIGHT * values, rtol=1e-6)
    for i in np.random.default_rng(0).integers(len(vertices), size=20):
        _, y, x = vertices[i].astype(float)
        along = in_plane(direction("diagonal"), direction("e1"), [np.arctan2(y, x)])
        expected = ViscositySolution(along, [np.hypot(x, y)], 2.0)(0.2)[0, 0]
        assert values[i] == pytest.approx(expected, abs=1e-5)


def test_the_triangles_cover_the_disc_once():
    (vertices, faces, _), _, _ = frame().layers[0]
    corners = vertices[faces][..., 1:].astype(float)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    assert areas.min() * areas.max() > 0  # all turn the same way
    assert np.abs(areas).sum() == pytest.approx(np.pi * FURTHEST**2, rel=1e-3)


@pytest.mark.parametrize("along", ["e1", "diagonal"])
def test_the_curves_are_f_and_u_on_either_side(along):
    f, u = frame(t=0.1, direction=along).plot.curves
    np.testing.assert_array_equal(f.x, -f.x[::-1])
    np.testing.assert_array_equal(u.y, u.y[::-1])
    np.testing.assert_allclose(u.y, ViscositySolution([direction(along)], u.x)(0.1)[0], atol=1e-9)
    np.testing.assert_allclose(f.y, frame(t=0.0).plot.curves[1].y)
    assert (u.y <= f.y + 1e-12).all()
    assert (u.y < f.y - 0.5).any()


def test_hills_come_down():
    told = [frame(t=t).figures for t in (0.0, 0.1, 0.3, 1.0)]
    heights = [
        float(re.fullmatch(r"the hill before the well at .* = 1.72 is (.*) high, 1.06 in f", one)[1]) for one in told
    ]
    assert heights == sorted(heights, reverse=True)
    assert (heights[0], heights[-1]) == (1.06, 0.0)
    assert 0.1 < heights[2] < heights[1] < 1.0
