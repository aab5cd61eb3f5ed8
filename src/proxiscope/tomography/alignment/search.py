"""The least value of a function of one number, each value of which is dear."""

from collections.abc import Callable

import numpy as np

TRIALS = 7
"""Values that a search usually asks for."""

_REACH = 8  # steps that a search goes on at the most


def least(of: Callable[[float], float], start: float, step: float) -> float:
    """Where a function has its least value: near `start`, or where it falls to from there, in such steps.

    By a parabola through three values a step apart, and again through three a quarter of that apart. They are not
    closer than that, for a misfit has small ripples from the interpolation of images.
    """
    at = start
    for width in (step, step / 4):
        values = {x: of(x) for x in (at - width, at, at + width)}
        for _ in range(_REACH):
            at = min(values, key=values.__getitem__)
            if min(values) < at < max(values):
                break
            further = at + (width if at == max(values) else -width)
            values[further] = of(further)
        places = np.array(sorted(values))
        middle = int(np.clip(np.searchsorted(places, at), 1, len(places) - 2))
        a, b, c = (values[x] for x in places[middle - 1 : middle + 2])
        bend = a - 2 * b + c
        at = float(places[middle] + width * np.clip((a - c) / (2 * bend), -1, 1)) if bend > 0 else at
    return at
