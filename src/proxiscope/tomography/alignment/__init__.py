"""Alignment of tilt series: where the rotation centre and the tilt axis lie in each image.

Each step takes a series and returns it with better `shifts`, or with its tilt axis, which its rotations hold, at a
better angle; steps are called one after the other. Nothing is interpolated until `apply_shifts`.
"""

from .axis import axis_angle, tilt_angles, with_axis_at
from .axis_by_correlation import tilt_axis_by_correlation
from .axis_by_mass import axis_by_rows, tilt_axis_by_mass
from .axis_by_misfit import tilt_axis_by_misfit
from .chain import align
from .gauge import object_shift, residual_shifts, rms_shift
from .mass import centre_of_mass
from .matching import projection_matching
from .neighbours import cross_correlation
from .profiles import common_line
from .resampling import apply_shifts
from .working import isolated

__all__ = [
    "align",
    "apply_shifts",
    "axis_angle",
    "axis_by_rows",
    "centre_of_mass",
    "common_line",
    "cross_correlation",
    "isolated",
    "object_shift",
    "projection_matching",
    "residual_shifts",
    "rms_shift",
    "tilt_angles",
    "tilt_axis_by_correlation",
    "tilt_axis_by_mass",
    "tilt_axis_by_misfit",
    "with_axis_at",
]
