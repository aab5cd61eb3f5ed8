"""What holds for all demonstrations."""

import copy

import numpy as np
import pytest

from proxiscope.core import build, parameters
from proxiscope.demos import demos

QUICK = {
    "hill": {"max_iterations": 4, "restarts": 1},
    "segmentation": {"max_iterations": 3, "restarts": 1},
    "tomography": {"passes": 2, "tilts": 9},
    "logistic": {"seeds": 2, "epochs": 2},
}
"""Parameters with which they take no time."""


def quick(name):
    return build(demos()[name], QUICK.get(name, {}))


def arrays(value):
    """All arrays in a frame."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [found for part in parts for found in arrays(part)]


def same(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def content(frame):
    curves = frame.plot.curves if frame.plot else ()
    return arrays(frame.layers) + [np.asarray(values) for curve in curves for values in (curve.x, curve.y)]


def test_they_stand_in_their_order():
    assert list(demos())[:3] == ["hill", "segmentation", "tomography"]


@pytest.mark.parametrize("name", demos())
def test_it_says_what_to_look_at_and_when_it_loses(name):
    cls = demos()[name]
    assert cls.title
    assert cls.look_at.endswith(".")
    assert cls.loses.endswith(".")
    assert all(parameter.doc for parameter in parameters(cls))


@pytest.mark.parametrize("name", demos())
def test_frames_go_on_to_the_end_and_are_never_changed(name):
    frames, then = [], []
    for frame in quick(name).run(seed=1):
        frames.append(frame)
        then.append(copy.deepcopy(content(frame)))
    fractions = [frame.fraction for frame in frames]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert frames[-1].plot is not None
    assert frames[-1].figures
    for frame, before in zip(frames, then, strict=True):
        assert same(content(frame), before)
        names = [options["name"] for _, options, _ in frame.layers]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", QUICK)
def test_the_seed_decides(name):
    one, again, other = (content(list(quick(name).run(seed=seed))[-1]) for seed in (3, 3, 4))
    assert same(one, again)
    assert not same(one, other)
