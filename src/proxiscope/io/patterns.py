"""From the array of a diffraction pattern, as files and layers have it, to the problem."""

import math
from functools import partial
from pathlib import Path
from typing import Any, cast

from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError
from ..phase import DiffractionPattern
from ..phase.problem import Object
from ..phase.support import Kind as Shape
from ..phase.support import initial
from .reading import read_array
from .recipe import is_word


def pattern(
    data: ArrayLike,
    support: ArrayLike | str | Path | None = None,
    mask: ArrayLike | str | Path | None = None,
    *,
    intensities: bool = False,
    object: Object = "non-negative",
    hold_out: float = 0.0,
    start: ArrayLike | str | Path | None = None,
    pixel_size: float | None = None,
    source: str = "",
) -> DiffractionPattern:
    """A diffraction pattern from an array; support, mask and start as arrays or files, and the rest, as for `load`."""
    if not 0 <= hold_out <= 0.5:
        raise InputError("hold_out", f"a fraction of {hold_out}", "Give one between 0, for none, and 0.5")
    make: Any = DiffractionPattern.from_intensities if intensities else DiffractionPattern
    options = {"object": object, "start": as_array(start), "pixel_size": pixel_size, "source": source}
    make = partial(make, data, known=as_array(mask), **options)
    kind, _, ratio = support.partition(":") if isinstance(support, str) else ("", "", "")
    made: DiffractionPattern
    if isinstance(support, str) and is_word(support):
        made = make()
        made = made.within(initial(cast(Shape, kind), made, **_oversampling(support, ratio)))
    elif ratio and not Path(str(support)).exists():
        raise InputError(
            "support", f"got {support!r}", "Give rectangle:RATIO, ellipse:RATIO, autocorrelation, or a file"
        )
    else:
        made = make(support=as_array(support))
    return made.hold_out(hold_out) if hold_out else made


def _oversampling(support: str, ratio: str) -> dict[str, float]:
    """What follows the colon of ``"rectangle:4"``, if anything does."""
    if not ratio and ":" not in support:
        return {}
    try:
        number = float(ratio)
    except ValueError:
        number = math.nan
    if support.startswith("autocorrelation") or not math.isfinite(number):
        raise InputError("support", f"got {support!r}", "Give rectangle:RATIO or ellipse:RATIO, such as ellipse:4")
    return {"oversampling_ratio": number}


def as_array(values: ArrayLike | str | Path | None) -> NDArray[Any] | None:
    """An array as it is, or that of a file."""
    return read_array(values) if isinstance(values, str | Path) else cast("NDArray[Any] | None", values)
