"""What holds for every step."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError, to_dict
from proxiscope.core.parameters import parameters
from proxiscope.preparation import Images, Tools, as_step, step, steps

from .common import intensities, phase, tomography

NEEDS = {
    "geometry": {"energy": 8.0, "distance": 500.0, "pixel": 55.0},
    "set-shifts": {"shifts": ((0.5, -1.0),)},
    "dark-gain": {"dark": "frame"},
    "merge-exposures": {"short": "exposure", "ratio": 2.0},
}
"""What has no default that could do anything."""

SLOW = {"align", "align-projections"}


def example(family: str, shape=(40, 41)) -> Images:
    rng = np.random.default_rng(1)
    ny, nx = shape
    if family == "phase":
        size = min(ny, nx) // 3
        values = rng.poisson(intensities(shape, (ny // 2, nx // 2), 1e6, size=size)).astype(np.float32)
        images = phase(values, pixel_size=2.0)
    else:
        y, x = np.ogrid[:ny, :nx]
        blob = [np.hypot(y - ny / 2, x - nx / 2 - k) < min(ny, nx) / 4 for k in range(5)]
        values = 100 + 50 * np.array(blob) + rng.normal(0, 1, (5, ny, nx))
        images = tomography(values, [-40, 20, 0, -20, 40], pixel_size=2.0)
    valid = np.ones(images.shape, bool)
    valid[..., 3, 4] = False
    return images.copy_with(valid=valid)


def tools_for(images: Images) -> Tools:
    return Tools(read=lambda path: np.zeros(images.shape[-2:]) if path == "frame" else images.values)


def families(name: str) -> tuple[str, ...]:
    return steps()[name].families


CASES = [(name, family) for name in steps() for family in families(name)]


@pytest.mark.parametrize("name", steps())
def test_it_is_described(name):
    cls = steps()[name]
    assert cls.title
    first = cls.__doc__.strip().splitlines()[0]
    assert first[0].isupper()
    assert all(p.doc.endswith(".") for p in parameters(cls))


@pytest.mark.parametrize("name", steps())
def test_its_record_is_it(name):
    one = step(name, NEEDS.get(name))
    record = json.loads(json.dumps({"name": name, **to_dict(one)}))
    assert as_step(record) == one


@pytest.mark.parametrize(("name", "family"), [c for c in CASES if c[0] not in SLOW])
def test_it_keeps_what_images_promise(name, family):
    images = example(family)
    if name in ("average-frames", "geometry"):
        images = phase(np.stack([images.values[:40, :40]] * 3))
    before = images.values.copy(), images.valid.copy()
    done = step(name, NEEDS.get(name))(images, tools_for(images))
    assert done.values.dtype == np.float32
    assert done.valid.dtype == bool
    assert done.valid.shape == done.values.shape
    assert np.isfinite(done.values).all()
    assert not done.values[~done.valid].any()
    assert done.steps[-1]["name"] == name
    np.testing.assert_array_equal(images.values, before[0])
    np.testing.assert_array_equal(images.valid, before[1])


@pytest.mark.parametrize("name", [n for n in steps() if len(families(n)) == 1])
def test_it_refuses_the_other_family(name):
    other = {"phase": "tomography", "tomography": "phase"}[families(name)[0]]
    with pytest.raises(InputError):
        step(name, NEEDS.get(name))(example(other))


@pytest.mark.parametrize("name", ["background", "hot-pixels", "dark-gain", "threshold", "invert", "bin"])
def test_a_preview_tells_what_becomes_of_the_whole(name):
    images = example("tomography")
    one, tools = step(name, NEEDS.get(name)), tools_for(images)
    whole, single = one(images, tools), one(images.subset([2]), tools)
    np.testing.assert_array_equal(single.values[0], whole.values[2])
    np.testing.assert_array_equal(single.valid[0], whole.valid[2])


@pytest.mark.parametrize("name", [n for n in steps() if n not in SLOW and not n.startswith(("align", "find", "merge"))])
@settings(max_examples=15, deadline=None)
@given(shape=st.tuples(st.integers(8, 33), st.integers(8, 33)), seed=st.integers(0, 99))
def test_noise_of_any_size_is_taken_or_refused_in_words(name, shape, seed):
    rng = np.random.default_rng(seed)
    family = families(name)[0]
    values = rng.poisson(2.0, (3, *shape)) if rng.random() < 0.5 else rng.normal(0, 1, (3, *shape))
    values = np.where(rng.random((3, *shape)) < 0.1, np.nan, values)
    make = tomography if family == "tomography" else phase
    images = make(values, **({"angles": [-1, 1, 0]} if family == "tomography" else {}))
    try:
        done = step(name, NEEDS.get(name))(images, tools_for(images))
    except InputError:
        return
    assert np.isfinite(done.values).all()
    assert done.valid.shape == done.shape


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "family"), [c for c in CASES if not c[0].startswith(("align", "find"))])
def test_an_image_without_any_usable_pixel_is_taken_or_refused_in_words(name, family):
    values = 10 + np.random.default_rng(0).random((4, 32, 32))
    values[2] = np.nan
    images = tomography(values, [0, 1, 2, 3]) if family == "tomography" else phase(values)
    one, tools = step(name, NEEDS.get(name)), tools_for(images)
    if name in {"normalise", "crop-signal"}:
        with pytest.raises(InputError):
            one(images, tools)
    else:
        assert np.isfinite(one(images, tools).values).all()


def test_a_long_step_can_be_cancelled():
    def cancel(fraction):
        raise KeyboardInterrupt

    for name in ("hot-pixels", "align-cross-correlation"):
        with pytest.raises(KeyboardInterrupt):
            step(name)(example("tomography"), Tools(tick=cancel))
