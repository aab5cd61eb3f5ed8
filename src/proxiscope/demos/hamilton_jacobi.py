"""The Hamilton-Jacobi equation behind Laplacian smoothing: sliders for time and smoothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Zero
from .base import Curve, Demo, Frame, LayerData, Plot

FURTHEST = 2.6
"""From the origin: far enough for three maxima, and for the third well to be seen as one."""

HEIGHT = 0.35
"""What a value of 1 is high, in units of the plane."""

COLOURED = (-1.0, 9.0)
"""Values of the first and the last colour, for any t: f goes from 0 to 8, and both ends of turbo are dark."""

_RINGS, _SPOKES = 131, 96  # a spoke a multiple of four, so that those of a quarter serve all


@dataclass(frozen=True, kw_only=True)
class HamiltonJacobi(Demo, name="hamilton-jacobi", title="Hamilton-Jacobi surface"):
    """u(w, t) of thesis figure 5.7, f(w) = |w|^2 (1 + sin(2 pi |w|) / 2) in five dimensions at t = 0."""

    order: ClassVar[int] = 4
    immediate: ClassVar[bool] = True
    look_at: ClassVar[str] = (
        "As t grows the rings of hills come down and the valleys between them widen, first along the diagonal, where "
        "A_sigma does nothing."
    )
    loses: ClassVar[str] = (
        "The valleys keep their depth only for a while: at large t all but the deepest are filled from within. "
        "Descent along smoothed gradients only approximates this, and for small t."
    )

    t: Annotated[float, Interval(ge=0, le=1), Label("Time t"), Zero("f itself"), Doc("How long f is smoothed.")] = 0.1
    sigma: Annotated[
        float,
        Interval(ge=0, le=10),
        Label("Smoothing sigma"),
        Zero("Moreau envelope"),
        Doc("Strength of A_sigma: the larger, the slower off the diagonal."),
    ] = 1.0
    direction: Annotated[
        Literal["e1", "diagonal"], Label("Curve along"), Doc("The first axis, or (1, 1, 1, 1, 1).")
    ] = "e1"

    def run(self, data: NDArray[Any] | None = None, *, seed: int = 0) -> Iterator[Frame]:
        """One frame: the surface over the plane of the diagonal and e1, and a line in it."""
        from ..learning.hamilton_jacobi import objective

        along, plane = _solutions(self.sigma)
        u = along[self.direction](self.t)[0]
        x = _distances()
        f = objective(x)
        curves = [("f", f), (f"u at time t along {self.direction}", u)]
        across = _both_ways(x, -x)
        plot = Plot("signed |w|", "value", tuple(Curve(name, across, _both_ways(y, y)) for name, y in curves))
        yield Frame(1.0, (_surface(plane(self.t)),), plot, _figures(x, f, u))


def _distances() -> NDArray[Any]:
    return np.linspace(0, FURTHEST, _RINGS)


def _both_ways(right: NDArray[Any], left: NDArray[Any]) -> NDArray[Any]:
    """A line through the origin, with what is on its right and, mirrored, on its left."""
    return np.concatenate([left[:0:-1], right])


@lru_cache(maxsize=8)
def _solutions(sigma: float) -> tuple[dict[str, Any], Any]:
    """The solution for any t along lines, and on the spokes of a quarter of the plane."""
    from ..learning.hamilton_jacobi import ViscositySolution, direction, in_plane

    lines = {name: ViscositySolution([direction(name)], _distances(), sigma) for name in ("e1", "diagonal")}
    spokes = in_plane(direction("diagonal"), direction("e1"), np.linspace(0, np.pi / 2, _SPOKES // 4 + 1))
    return lines, ViscositySolution(spokes, _distances(), sigma)


def _surface(quarter: NDArray[Any]) -> LayerData:
    """The surface over the plane, even along the diagonal and across it."""
    half = np.concatenate([quarter, quarter[-2::-1]])
    u = np.concatenate([half, half[1:-1]])[:, 1:]  # spokes by rings
    angles = 2 * np.pi * np.arange(_SPOKES) / _SPOKES
    rings = _distances()[1:]
    y, x = np.multiply.outer(np.sin(angles), rings), np.multiply.outer(np.cos(angles), rings)
    values = np.concatenate([[0.0], u.ravel()])
    vertices = np.column_stack([-HEIGHT * values, np.append(0, y.ravel()), np.append(0, x.ravel())])
    options = {"name": "u", "colormap": "turbo", "contrast_limits": COLOURED, "shading": "smooth"}
    return (vertices.astype(np.float32), _faces(), values.astype(np.float32)), options, "surface"


@lru_cache(maxsize=1)
def _faces() -> NDArray[np.intp]:
    """Triangles between the vertices: the origin first, then the rings along one spoke after the other."""
    count = _RINGS - 1
    here = 1 + count * np.arange(_SPOKES)[:, None] + np.arange(count)
    there = np.roll(here, -1, axis=0)
    fan = np.column_stack([np.zeros(_SPOKES, int), here[:, 0], there[:, 0]])
    inner, outer, inner_there, outer_there = here[:, :-1], here[:, 1:], there[:, :-1], there[:, 1:]
    one = np.stack([inner, outer, outer_there], axis=-1).reshape(-1, 3)
    two = np.stack([inner, outer_there, inner_there], axis=-1).reshape(-1, 3)
    return np.concatenate([fan, one, two])


def _figures(x: NDArray[Any], f: NDArray[Any], u: NDArray[Any]) -> str:
    """The highest that has to be climbed over between the second and the third well of f, and how it is now."""
    wells = 1 + np.flatnonzero((f[1:-1] < f[:-2]) & (f[1:-1] <= f[2:]))
    between = slice(wells[0], wells[1] + 1)
    hill, well = u[between].max() - u[wells[1]], f[between].max() - f[wells[1]]
    return f"the hill before the well at |w| = {x[wells[1]]:.2f} is {hill:.2f} high, {well:.2f} in f"
