"""The support as the object itself shows it, and which iterates can be compared once it changes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from proxiscope import reconstruct
from proxiscope.core import iterate
from proxiscope.phase import ER, GPSF, HIO, OSS
from proxiscope.phase.metrics import r_factor
from proxiscope.phase.shrink_wrap import shrink_wrapped
from tests.problems import clean_pattern, corner, truth

SHAPE = (48, 44)
KINDS = ["non-negative", "real", "complex", "complex-positive"]


def loose_box():
    """Twice the width of the object and more than twice its area."""
    box = np.zeros(SHAPE, bool)
    box[12:36, 11:33] = True
    return box


def random_image(dtype):
    """Noise with a bright corner."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal(SHAPE)
    return (image + 1j * rng.standard_normal(SHAPE) if np.dtype(dtype).kind == "c" else image).astype(dtype) * (
        1 + 4 * corner(SHAPE)
    )


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("blur", [0, 1.5])
def test_it_is_where_the_blurred_size_exceeds_a_share_of_its_maximum(dtype, blur):
    image = random_image(dtype)
    size = gaussian_filter(np.abs(image), blur, mode="wrap") if blur else np.abs(image)
    np.testing.assert_array_equal(shrink_wrapped(image, 0.4, blur), size > 0.4 * size.max())


def test_negative_values_of_an_object_that_has_none_do_not_count():
    image = np.zeros(SHAPE, np.float32)
    image[10, 10:20], image[30, 10:20] = 1, -2
    assert np.argwhere(shrink_wrapped(image, 0.6, 0, non_negative=True))[:, 0].tolist() == [10] * 10
    assert np.argwhere(shrink_wrapped(image, 0.6, 0, non_negative=False))[:, 0].tolist() == [30] * 10
    both = shrink_wrapped(image.astype(np.complex64), 0.6, 0, non_negative=True)
    assert np.argwhere(both)[:, 0].tolist() == [30] * 10


def test_the_blur_goes_around_the_edges_as_the_frame_does():
    image = np.zeros(SHAPE, np.float32)
    image[0, 0] = 1
    support = shrink_wrapped(image, 0.5, 2)
    np.testing.assert_array_equal(support, np.roll(np.flip(support), (1, 1), (0, 1)))
    assert support[-1, -1]


def single_pixel():
    image = np.zeros(SHAPE, np.float32)
    image[3, 4] = 1
    return image


@pytest.mark.parametrize("image", [np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32), single_pixel()])
@pytest.mark.parametrize("blur", [0, 50])
def test_nothing_is_said_where_there_is_no_object_a_single_pixel_or_half_the_frame(image, blur):
    assert shrink_wrapped(image, 0.5, blur) is None


def same_place(mask, support):
    """Pixels that a mask and a support share where they fit best, in any place and inverted or not."""
    f = np.fft.fftn(support.astype(float))
    return max(np.fft.ifftn(f * np.conj(np.fft.fftn(m.astype(float)))).real.max() for m in (mask, np.flip(mask)))


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_the_support_of_an_object_from_a_loose_box(kind):
    """Of objects whose real part may be negative from a disturbed start: a box does not tell them from their twins."""
    pattern = clean_pattern(kind, SHAPE, support=loose_box())
    if not pattern.non_negative:
        rng = np.random.default_rng(0)
        pattern = pattern.starting_from(truth(kind, SHAPE) + 0.1 * rng.standard_normal(SHAPE) * loose_box())
    algorithm = HIO(max_iterations=400, shrink_every=20, polish=80)
    *_, progress = iterate(algorithm, pattern)
    found, area = progress.state.support, corner(SHAPE).sum()
    assert progress.metrics["r_factor"] < 0.01
    assert progress.state.shrunk
    assert same_place(corner(SHAPE), found) > 0.99 * area
    assert found.sum() < 1.4 * area < loose_box().sum() / 1.8  # one pixel around the object is 1.3 times its area


def test_the_support_stays_where_the_object_says_nothing():
    pattern = clean_pattern("complex", SHAPE, support=loose_box())
    wide = HIO(max_iterations=12, shrink_every=3, shrink_threshold=((0.0, 0.01),), shrink_blur=((0.0, 50.0),))
    plain = HIO(max_iterations=12)
    (*_, watched), (*_, unwatched) = iterate(wide, pattern), iterate(plain, pattern)
    assert watched.state.shrunk == 0
    np.testing.assert_array_equal(watched.state.support, loose_box())
    np.testing.assert_array_equal(watched.estimate(), unwatched.estimate())


def test_it_is_due_every_so_often_and_until_a_fraction_of_the_run():
    pattern = clean_pattern("non-negative", SHAPE, support=loose_box())
    algorithm = HIO(max_iterations=40, shrink_every=5, shrink_until=0.5)
    supports = {0: pattern.support} | {p.iteration: p.state.support.copy() for p in iterate(algorithm, pattern)}
    changed = [i for i in range(1, 41) if (supports[i] != supports[i - 1]).any()]
    assert changed
    assert set(changed) <= {5, 10, 15, 20}
    np.testing.assert_array_equal(pattern.support, loose_box())


@pytest.mark.parametrize("cls", [ER, HIO, OSS, GPSF])
def test_figures_are_those_of_the_estimate_even_where_the_support_has_just_changed(cls):
    pattern = clean_pattern("complex", SHAPE, support=loose_box())
    algorithm = cls(max_iterations=40, check_every=1, shrink_every=5, shrink_until=1.0)
    shrunk = 0
    for progress in iterate(algorithm, pattern):
        estimate = progress.estimate()
        assert not estimate[~progress.state.support].any()
        assert progress.metrics["r_factor"] == pytest.approx(r_factor(estimate, pattern), rel=1e-4)
        shrunk = progress.state.shrunk
    assert shrunk > 2


@pytest.mark.parametrize("cls", [ER, HIO, OSS, GPSF])
def test_the_result_is_the_best_with_the_last_support(cls):
    """Which is too tight here, so that those before it fit better."""
    pattern = clean_pattern("complex", SHAPE, support=loose_box())
    tight = {"shrink_threshold": ((0.0, 0.1), (0.6, 0.6)), "shrink_blur": ((0.0, 1.0),)}
    algorithm = cls(max_iterations=60, check_every=3, shrink_every=7, **tight)
    seen = [(p.state.shrunk, p.metrics["r_factor"], p.iteration) for p in iterate(algorithm, pattern) if p.metrics]
    result = reconstruct(algorithm, pattern)
    last = max(shrunk for shrunk, _, _ in seen)
    best_r, best = min((r, i) for shrunk, r, i in seen if shrunk == last)
    assert (result.iteration, result.r_factor) == (best, best_r)
    *_, end = iterate(algorithm, pattern)
    assert not result.array[~end.state.support].any()
    assert min(r for shrunk, r, _ in seen if shrunk < last) < 0.9 * best_r


def test_a_support_that_comes_out_the_same_leaves_iterates_comparable():
    pattern = clean_pattern("non-negative", SHAPE)
    started = pattern.starting_from(truth("non-negative", SHAPE))
    algorithm = ER(max_iterations=30, shrink_every=1, shrink_blur=((0.0, 0.0),), shrink_threshold=((0.0, 0.1),))
    *_, progress = iterate(algorithm, started)
    np.testing.assert_array_equal(progress.state.support, pattern.support)
    assert progress.state.shrunk == 0
