"""Background."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core import Doc, Label, Unit, When
from .images import Images
from .levels import vacuum_level
from .step import Step, Tools

ENOUGH = 2**14
"""Pixels for three coefficients."""


@dataclass(frozen=True, kw_only=True)
class Background(Step, name="background", title="Subtract the background"):
    """Subtract the background of each image, so that vacuum, or a detector without light, becomes zero.

    By default it is the darkest peak of the histogram, which needs no numbers set by hand. A plane is fitted to the
    vacuum where it is not even; the border or a percentile serve where there is no vacuum in sight.
    """

    method: Annotated[
        Literal["vacuum", "plane", "border", "percentile"],
        Label("Background from"),
        Doc("Peak of the histogram, plane through the vacuum, median of the border, or percentile of each image."),
    ] = "vacuum"
    percentile: Annotated[
        float,
        Interval(ge=0, le=100),
        Unit("%"),
        Doc("Share of each image's pixels that is darker than its background."),
        When("method", "percentile"),
    ] = 5.0
    width: Annotated[
        int,
        Interval(ge=1, le=1000),
        Unit("px"),
        Label("Width of the border"),
        Doc("Width of the border whose median is the background."),
        When("method", "border"),
    ] = 4
    clip: Annotated[
        bool,
        Label("Cut off negative values"),
        Doc("Whether negative values become zero, which leaves a mean of the noise behind."),
    ] = False

    def apply(self, images: Images, tools: Tools) -> Images:
        """Subtract from each image."""
        levels: list[float] = []

        def one(values: NDArray[Any], valid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            if not valid.any():
                return values, valid
            level = self._level(values, valid)
            levels.append(float(np.mean(level)))
            values = values - np.asarray(level, np.float32)
            return np.where(valid, np.maximum(values, 0) if self.clip else values, 0), valid

        done = images.mapped(one, tools.tick)
        spread = f"from {min(levels):.4g} to {max(levels):.4g}"
        return done.noted(f"Background of {np.median(levels):.4g} subtracted ({spread}).")

    def _level(self, values: NDArray[Any], valid: NDArray[Any]) -> NDArray[Any] | float:
        if self.method == "plane":
            return plane(values, valid)
        if self.method == "percentile":
            return float(np.percentile(values[valid], self.percentile))
        if self.method == "border":
            border = valid.copy()
            border[self.width : -self.width, self.width : -self.width] = False
            return float(np.median(values[border if border.any() else valid]))
        return vacuum_level(values[valid])[0]


def plane(values: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.float64]:
    """The plane (y, x) through the vacuum of an image: pixels far from it are left out, and it is fitted again."""
    y, x = (2 * np.arange(n) / n - 1 for n in values.shape)
    yy, xx = np.broadcast_arrays(y[:, None], x)
    few = slice(None, None, -(-int(valid.sum()) // ENOUGH))
    measured = values[valid][few].astype(np.float64)
    terms = np.stack([np.ones(len(measured)), yy[valid][few], xx[valid][few]], axis=1)
    coefficients = np.zeros(3)
    for _ in range(20):
        level, sigma = vacuum_level(measured - terms @ coefficients)
        close = np.abs(measured - terms @ coefficients - level) <= 3 * sigma
        if close.sum() < 3:
            break
        before, coefficients = coefficients, np.linalg.lstsq(terms[close], measured[close], rcond=None)[0]
        if np.abs(coefficients - before).max() <= 1e-3 * sigma:
            break
    return coefficients[0] + coefficients[1] * yy + coefficients[2] * xx
