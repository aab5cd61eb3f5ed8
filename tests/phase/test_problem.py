"""What a diffraction pattern takes, refuses and warns of."""

from dataclasses import FrozenInstanceError

import numpy as np
import psutil
import pytest

from proxiscope.core import InputError, NotEnoughMemoryError
from proxiscope.phase import DiffractionPattern

pytestmark = pytest.mark.filterwarnings("error")
SHAPE = (8, 10)


def magnitudes():
    return np.arange(80, dtype=float).reshape(SHAPE)


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
        ((8, 10), np.s_[2:6, 3:8]), ((9, 7), np.s_[2:6, 2:5]), ((4, 4), np.s_[1:3, 1:3]), ((3, 2), np.s_[1:2, 1:2]),
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
    assert pattern.magnitudes.max() == 79
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
