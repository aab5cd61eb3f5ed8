"""What a diffraction pattern takes, refuses and warns of."""

from dataclasses import FrozenInstanceError

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxiscope.core import InputError, NotEnoughMemoryError
from proxiscope.phase import DiffractionPattern
from proxiscope.phase.held_out import CENTRE
from proxiscope.physics.fourier import opposite

pytestmark = pytest.mark.filterwarnings("error")
SHAPE = (8, 10)


def magnitudes():
    """Up to 40, as counts of photons hardly are."""
    return np.arange(80.0).reshape(SHAPE) % 41


def changed(value, at=(2, 3)):
    values = magnitudes()
    values[at] = value
    return values


def box(at):
    support = np.zeros(SHAPE, bool)
    support[at] = True
    return support


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({"magnitudes": magnitudes().astype(complex)}, "magnitudes", "type complex128. Give real numbers"),
        ({"magnitudes": np.full(SHAPE, "1")}, "magnitudes", "Give real numbers"),
        ({"magnitudes": np.full(SHAPE, None)}, "magnitudes", "type object"),
        ({"magnitudes": np.ones(5)}, "magnitudes", "shape (5,). Give one with the axes (y, x) or (z, y, x)"),
        ({"magnitudes": np.ones((2, 2, 2, 2))}, "magnitudes", "shape (2, 2, 2, 2)"),
        ({"magnitudes": np.ones((0, 5))}, "magnitudes", "empty array of shape (0, 5)"),
        ({"magnitudes": np.full(SHAPE, np.nan)}, "magnitudes", "all are NaN or masked"),
        ({"magnitudes": np.zeros(SHAPE)}, "magnitudes", "all measured pixels are zero"),
        ({"magnitudes": changed(5, np.s_[:]) * box(np.s_[:4]), "known": box(np.s_[4:])}, "magnitudes", "are zero"),
        ({"magnitudes": changed(-1.5)}, "magnitudes", "1 negative values, the lowest -1.5. Clip"),
        ({"magnitudes": changed(-2, np.s_[0, :3]).astype(np.int8)}, "magnitudes", "3 negative values"),
        ({"magnitudes": changed(-np.inf)}, "magnitudes", "1 negative values"),
        ({"magnitudes": changed(np.inf)}, "magnitudes", "infinite values. Mark those pixels"),
        ({"magnitudes": changed(1e39)}, "magnitudes", "infinite values"),
        ({"known": np.zeros(SHAPE)}, "magnitudes", "all are NaN or masked"),
        ({"known": np.ones((10, 8))}, "known", "its shape is (10, 8), that of the data (8, 10)"),
        ({"known": 1}, "known", "its shape is ()"),
        ({"support": np.ones((8, 9))}, "support", "its shape is (8, 9), that of the data (8, 10)"),
        ({"support": np.zeros(SHAPE)}, "support", "it is empty"),
        ({"support": np.full(SHAPE, np.nan)}, "support", "it is empty"),
        ({"support": np.ones(SHAPE)}, "support", "it covers the whole frame"),
        ({"support": box((2, 3))}, "support", "it is a single pixel, of which any pattern would be flat. Mark all"),
        ({"object": "imaginary"}, "object", "got 'imaginary'. Choose one of non-negative, real, complex, complex-p"),
        ({"object": None}, "object", "got None"),
        ({"held_out": np.ones((8, 9))}, "held_out", "its shape is (8, 9), that of the data (8, 10)"),
        ({"held_out": np.ones(SHAPE)}, "held_out", "every measured pixel is held out"),
        ({"held_out": box(np.s_[:4]), "known": box(np.s_[:4])}, "held_out", "every measured pixel is held out"),
        ({"start": np.ones((10, 8))}, "start", "its shape is (10, 8). Give an image of shape (8, 10)"),
        ({"start": np.zeros(SHAPE)}, "start", "it is zero or has values that are not finite"),
        ({"start": changed(np.nan)}, "start", "it is zero or has values that are not finite"),
        ({"start": changed(np.inf)}, "start", "it is zero or has values that are not finite"),
        ({"start": magnitudes() + 1j}, "start", "complex values for a non-negative object"),
        ({"start": magnitudes() + 1j, "object": "real"}, "start", "complex values for a real object"),
        ({"pixel_size": 0}, "pixel_size", "got 0. Give a positive number of nm"),
        ({"pixel_size": -1.0}, "pixel_size", "got -1.0"),
        ({"pixel_size": np.nan}, "pixel_size", "got nan"),
        ({"pixel_size": "wide"}, "pixel_size", "got 'wide'"),
        ({"pixel_size": (1, 2)}, "pixel_size", "got (1, 2)"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(arguments, field, says):
    with pytest.raises(InputError) as caught:
        DiffractionPattern(**{"magnitudes": magnitudes(), **arguments})
    assert caught.value.field == field
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "dtype", ["bool", "u1", "i1", "u2", "i2", ">u2", "u4", "i4", "u8", "i8", "f2", "f4", ">f4", "f8", ">f8", "g"]
)
def test_any_real_dtype_is_taken_and_kept_as_float32(dtype):
    values = magnitudes().astype(dtype)
    pattern = DiffractionPattern(values)
    assert pattern.magnitudes.dtype == np.float32
    assert pattern.magnitudes.dtype.isnative
    assert pattern.magnitudes.flags.c_contiguous
    np.testing.assert_array_equal(pattern.magnitudes, values.astype(float))


def test_any_memory_layout_and_nested_lists_are_taken():
    values = magnitudes()
    for same in (values.tolist(), np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]):
        pattern = DiffractionPattern(same, np.asfortranarray(box(np.s_[2:5, 3:6])))
        np.testing.assert_array_equal(pattern.magnitudes, values)
        assert pattern.magnitudes.flags.c_contiguous
        assert pattern.support.flags.c_contiguous


def test_nan_and_masked_pixels_are_unknown_and_hold_zero():
    known = np.ones(SHAPE)
    known[0, 0] = known[2, 3] = 0
    known[4, 4] = np.nan
    values = changed(np.nan, (5, 5))
    pattern = DiffractionPattern(values, known=known)
    unknown = [(0, 0), (2, 3), (4, 4), (5, 5)]
    assert np.argwhere(~pattern.known).tolist() == [list(p) for p in unknown]
    assert all(pattern.magnitudes[p] == 0 for p in unknown)
    assert pattern.magnitudes.sum() == np.nansum(np.where(pattern.known, values, 0))


@pytest.mark.parametrize("value", [-5.0, np.inf, -np.inf, 1e300])
def test_what_a_masked_pixel_holds_does_not_matter(value):
    known = ~box((2, 3))
    found = DiffractionPattern(changed(value), known=known)
    expected = DiffractionPattern(magnitudes(), known=known)
    np.testing.assert_array_equal(found.magnitudes, expected.magnitudes)
    np.testing.assert_array_equal(found.known, expected.known)


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((8, 10), np.s_[2:6, 3:8]), ((9, 7), np.s_[2:6, 2:5]), ((4, 4), np.s_[1:3, 1:3]), ((3, 4), np.s_[1:2, 1:3]),
        ((1, 8), np.s_[0:1, 2:6]), ((8, 8, 12), np.s_[2:6, 2:6, 3:9]),
    ],
    ids=str,
)  # fmt: skip
def test_the_default_support_is_the_central_box_of_half_the_width(shape, box):
    expected = np.zeros(shape, bool)
    expected[box] = True
    support = DiffractionPattern(np.ones(shape)).support
    np.testing.assert_array_equal(support, expected)
    assert support[tuple(n // 2 for n in shape)]


def test_the_oversampling_ratio_counts_pixels_of_the_frame_for_each_of_the_support():
    assert DiffractionPattern(magnitudes(), box(np.s_[2:6, 3:8])).oversampling_ratio == 4
    assert DiffractionPattern(magnitudes(), box(np.s_[2:4, 3:8])).oversampling_ratio == 8


def test_a_support_above_half_the_frame_is_warned_of_where_it_was_given():
    with pytest.warns(UserWarning, match="support: it covers 60% of the frame, so the pattern under-samples") as found:
        pattern = DiffractionPattern(magnitudes(), box(np.s_[:, :6]))
    assert len(found) == 1
    assert found[0].filename == __file__
    assert pattern.support.sum() == 48


def test_a_support_of_half_the_frame_is_not_warned_of():
    DiffractionPattern(magnitudes(), box(np.s_[:, :5]))


def test_support_and_mask_may_be_of_any_dtype():
    support = box(np.s_[2:5, 3:6])
    for dtype in ("u1", "f4", "i8"):
        pattern = DiffractionPattern(magnitudes(), 3 * support.astype(dtype), (~support).astype(dtype))
        np.testing.assert_array_equal(pattern.support, support)
        np.testing.assert_array_equal(pattern.known, ~support)
        assert pattern.support.dtype == pattern.known.dtype == bool


def test_it_cannot_be_changed_neither_itself_nor_through_what_it_was_made_of():
    values, support = magnitudes().astype(np.float32), box(np.s_[2:5, 3:6])
    pattern = DiffractionPattern(values, support)
    with pytest.raises(FrozenInstanceError):
        pattern.magnitudes = values
    values[...], support[...] = -1, True
    assert pattern.magnitudes.max() == 40
    assert pattern.support.sum() == 9


def test_calibration_and_source_are_kept():
    pattern = DiffractionPattern(magnitudes(), pixel_size="2.5", source="here")
    assert (pattern.pixel_size, pattern.source, pattern.shape) == (2.5, "here", SHAPE)
    assert DiffractionPattern(magnitudes()).pixel_size is None


def test_intensities_become_their_square_roots_and_the_rest_is_passed_on():
    known, support = ~box((0, 0)), box(np.s_[2:5, 3:6])
    intensities = np.square(magnitudes()).astype(np.uint16)
    pattern = DiffractionPattern.from_intensities(
        intensities, known=known, support=support, pixel_size=2, source="here"
    )
    np.testing.assert_allclose(pattern.magnitudes, magnitudes() * known, rtol=1e-6)
    np.testing.assert_array_equal(pattern.known, known)
    np.testing.assert_array_equal(pattern.support, support)
    assert (pattern.pixel_size, pattern.source) == (2, "here")


@pytest.mark.parametrize(
    ("intensities", "options", "field", "says"),
    [
        (changed(-4), {}, "intensities", "1 negative values, the lowest -4"),
        (changed(-4), {"known": ~box((5, 5))}, "intensities", "1 negative values"),
        (magnitudes() + 1j, {}, "intensities", "type complex128"),
        (np.ones(7), {}, "intensities", "shape (7,)"),
        (changed(np.inf), {}, "magnitudes", "infinite values"),
        (np.full(SHAPE, np.nan), {}, "magnitudes", "all are NaN or masked"),
        (magnitudes(), {"known": np.ones((3, 3))}, "known", "its shape is (3, 3)"),
        (magnitudes(), {"known": np.ones(10)}, "known", "its shape is (10,)"),
        (magnitudes(), {"support": np.ones((3, 3))}, "support", "its shape is (3, 3)"),
    ],
)  # fmt: skip
def test_bad_intensities_are_refused_by_name(intensities, options, field, says):
    with pytest.raises(InputError) as caught:
        DiffractionPattern.from_intensities(intensities, **options)
    assert caught.value.field == field
    assert says in str(caught.value)


@pytest.mark.parametrize("value", [-4.0, np.nan, -np.inf])
def test_negative_intensities_may_be_masked(value):
    pattern = DiffractionPattern.from_intensities(changed(value), known=~box((2, 3)))
    assert not pattern.known[2, 3]
    assert pattern.magnitudes[2, 3] == 0
    assert pattern.known.sum() == 79


def test_data_that_do_not_fit_into_memory_are_refused_before_they_are_converted(monkeypatch):
    class Little:
        available = 100

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    with pytest.raises(NotEnoughMemoryError, match="magnitudes: float32 data take"):
        DiffractionPattern(magnitudes())


@pytest.mark.parametrize(
    ("kind", "real", "non_negative"),
    [("non-negative", True, True), ("real", True, False), ("complex", False, False), ("complex-positive", False, True)],
)
def test_the_kind_of_object_says_what_its_values_may_be(kind, real, non_negative):
    pattern = DiffractionPattern(magnitudes(), object=kind)
    assert (pattern.object, pattern.real, pattern.non_negative) == (kind, real, non_negative)
    assert DiffractionPattern(magnitudes()).object == "non-negative"


@pytest.mark.parametrize(("kind", "dtype"), [("real", np.float32), ("complex", np.complex64)])
def test_a_start_is_kept_in_the_type_of_the_object(kind, dtype):
    for start in (magnitudes() - 5, magnitudes().astype(np.uint8), magnitudes().tolist()):
        pattern = DiffractionPattern(magnitudes(), object=kind, start=start)
        assert pattern.start.dtype == dtype
        np.testing.assert_array_equal(pattern.start, start)


def full_pattern(kind="complex"):
    """A pattern with everything that can be given, and its arguments."""
    given = {
        "support": box(np.s_[2:5, 3:6]), "known": ~box(np.s_[3:6, 4:7]), "object": kind, "pixel_size": 2.0,
        "source": "here",
    }  # fmt: skip
    return DiffractionPattern(magnitudes(), **given, held_out=box(np.s_[0, :5])), given


def unchanged(pattern, given):
    np.testing.assert_array_equal(pattern.magnitudes, magnitudes() * given["known"])
    for name in ("support", "known"):
        np.testing.assert_array_equal(getattr(pattern, name), given[name])
    return all(getattr(pattern, name) == given[name] for name in ("object", "pixel_size", "source"))


def test_starting_from_an_image_changes_nothing_else():
    pattern, given = full_pattern()
    image = magnitudes() * 1j
    started = pattern.starting_from(image)
    image[...] = 0
    np.testing.assert_array_equal(started.start, magnitudes() * 1j)
    np.testing.assert_array_equal(started.held_out, pattern.held_out)
    assert unchanged(started, given)
    assert pattern.start is None
    with pytest.raises(InputError, match=r"start: its shape is \(3, 3\)"):
        pattern.starting_from(np.ones((3, 3)))


def large_pattern(shape=(90, 101), seed=0, **options):
    """10 % of it not known."""
    rng = np.random.default_rng(seed)
    return DiffractionPattern(rng.random(shape) + 0.5, known=rng.random(shape) < 0.9, **options)


def test_holding_out_changes_nothing_else():
    start = np.ones((90, 101))
    pattern = large_pattern(object="real", start=start, source="here")
    held = pattern.hold_out()
    for name in ("magnitudes", "support", "known", "start"):
        np.testing.assert_array_equal(getattr(held, name), getattr(pattern, name))
    assert (held.object, held.source) == ("real", "here")
    assert pattern.held_out is None


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from([(90, 101), (64, 64), (1, 70, 81), (24, 21, 30)]), st.floats(0.02, 0.3), st.integers(0, 99))
def test_about_the_fraction_is_held_out_in_islands_with_their_mates_and_not_at_the_centre(shape, fraction, seed):
    pattern = large_pattern(shape, seed)
    held_out = pattern.hold_out(fraction, seed).held_out
    share = held_out.sum() / pattern.known.sum()
    one = 246 if min(shape) > 6 else 58  # pixels of a ball or disc of radius 3, and its mate
    assert fraction <= share <= 1.3 * fraction + one / pattern.known.sum()
    assert not (held_out & ~pattern.known).any()
    both_known = pattern.known & opposite(pattern.known)
    np.testing.assert_array_equal(held_out & both_known, opposite(held_out) & both_known)
    centred = np.meshgrid(*((np.arange(n) - n // 2) / n for n in shape), indexing="ij")
    assert np.sqrt(sum(x**2 for x in centred))[held_out].min() > CENTRE


def test_held_out_pixels_are_told_from_their_neighbours():
    """Most of them have held-out ones all around, which single pixels at random would not."""
    held_out = DiffractionPattern(np.ones((200, 200))).hold_out(0.05).held_out
    inside = held_out.copy()
    for axis in (0, 1):
        inside &= np.roll(held_out, 1, axis) & np.roll(held_out, -1, axis)
    assert 0.4 < inside.sum() / held_out.sum() < 0.8


def test_what_is_held_out_depends_on_the_seed():
    pattern = large_pattern()
    first, again, other = (pattern.hold_out(0.05, seed).held_out for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first & other).sum() < 0.5 * first.sum()
    default = pattern.hold_out().held_out
    np.testing.assert_array_equal(default, pattern.hold_out(0.05, 0).held_out)


def test_holding_out_again_starts_anew():
    pattern = large_pattern()
    again = pattern.hold_out(0.1, 3).hold_out(0.05, 4)
    np.testing.assert_array_equal(again.held_out, pattern.hold_out(0.05, 4).held_out)


@pytest.mark.parametrize("fraction", [0, -0.1, 0.51, np.nan])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(InputError, match="held_out: a fraction of"):
        large_pattern().hold_out(fraction)


def test_a_pattern_too_small_for_what_is_to_be_held_out_is_refused():
    known = np.zeros((30, 30), bool)
    known[14:17, 14:17] = True  # the centre alone, of which nothing is held out
    with pytest.raises(InputError, match=r"held_out: 30\.0% of the pixels do not fit"):
        DiffractionPattern(np.ones((30, 30)), known=known).hold_out(0.3)


def test_nothing_held_out_is_none():
    assert DiffractionPattern(magnitudes(), held_out=np.zeros(SHAPE)).held_out is None
    unknown = box(np.s_[:2])
    assert DiffractionPattern(magnitudes(), known=~unknown, held_out=unknown).held_out is None
