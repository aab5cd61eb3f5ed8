"""Whatever is written is read back: each format keeps the contents, or refuses them, or says what it leaves out."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proxiscope import DiffractionPattern, TiltSeries, load
from proxiscope.core.errors import InputError
from proxiscope.io import COMPLEX_SUFFIXES, WHOLE_SUFFIXES, WRITE_SUFFIXES, read, save, write, write_array
from proxiscope.io import document as documents
from proxiscope.io.contents import Contents, contents_of
from proxiscope.io.writing import mrc as mrc_writer
from proxiscope.phase.problem import Object

ROUNDING = (".mrc", ".tif", ".tiff")
EXAMPLES = settings(
    max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
sides, sizes = st.integers(2, 5), st.none() | st.floats(1e-3, 1e4)
names = st.text("abcdefghij_", min_size=1, max_size=8)
values = st.floats(0.5, 100, width=32)


def floats(shape, elements=values):
    return hnp.arrays(np.float32, shape, elements=elements)


@st.composite
def results(draw):
    """A result, real or complex, with a record, curves that may hold NaN, and products of any kind."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=5))
    array = draw(floats(shape))
    if draw(st.booleans()):
        array = (array + 1j * draw(floats(shape))).astype(np.complex64)
    text = st.dictionaries(names, st.text(max_size=10) | st.integers() | st.lists(st.floats(-1, 1), max_size=3))
    curves = hnp.arrays(np.float64, st.integers(1, 4))
    kinds = st.sampled_from([np.float64, np.int32, np.bool_, np.complex64])
    products = kinds.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(max_dims=3, max_side=3)))
    return Contents(
        array=array, kind="result", pixel_size=draw(sizes), provenance={"algorithm": "sirt", **draw(text)},
        metrics=draw(st.dictionaries(names, curves, max_size=2)),
        products=draw(st.dictionaries(names, products, max_size=2)),
    )  # fmt: skip


@st.composite
def series(draw):
    """A tilt series about one axis or many, with shifts, holes, a support and held-out tilts, or without."""
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(sides))
    rotations = draw(hnp.arrays(np.float64, (shape[0], 3), elements=st.floats(-90, 90)))
    if draw(st.booleans()):
        rotations = rotations * [0, 1, 0]
    valid = draw(hnp.arrays(bool, shape))
    valid[0, 0, 0] = True
    options = {"valid": valid} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        options["shifts"] = draw(hnp.arrays(np.float64, (shape[0], 2), elements=st.floats(-2, 2)))
    if draw(st.booleans()):
        options["support"] = np.ones((2, shape[1], shape[2]), bool)
    if shape[0] > 1 and draw(st.booleans()):
        options["held_out"] = np.arange(shape[0]) == 1
    projections = draw(floats(shape))
    return TiltSeries(projections, rotations=rotations, pixel_size=draw(sizes), announce=False, **options)


@st.composite
def patterns(draw):
    """A pattern of any kind of object, with holes, held-out pixels and a start, or without."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=4, max_side=6))
    known = draw(hnp.arrays(bool, shape))
    known.flat[:2] = True
    kind = draw(st.sampled_from(["non-negative", "real", "complex", "complex-positive"]))
    options = {"known": known} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        options["held_out"] = np.arange(known.size).reshape(shape) == 1
    if draw(st.booleans()):
        options["start"] = draw(floats(shape)) * (1j if kind.startswith("complex") else 1)
    return DiffractionPattern(draw(floats(shape)), object=kind, pixel_size=draw(sizes), **options)


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
@EXAMPLES
@given(contents=results())
def test_a_result_is_a_result_again(tmp_path, suffix, contents):
    path = tmp_path / f"a{suffix}"
    if contents.array.dtype.kind == "c" and suffix not in COMPLEX_SUFFIXES:
        with pytest.raises(InputError, match=r"Write the modulus or the phase .* or use one of \.npz"):
            write(path, contents)
        return
    assert write(path, contents) == ()
    raw = read(path)
    assert raw.declared.kind == "result"
    assert raw.data.dtype == contents.array.dtype
    np.testing.assert_array_equal(raw.data, contents.array)
    assert raw.pixel_size == contents.pixel_size
    assert raw.declared.provenance == json.loads(json.dumps(contents.provenance))
    for kept, written in ((raw.declared.metrics, contents.metrics), (raw.declared.products, contents.products)):
        assert set(kept) == set(written)
        for name, array in written.items():
            np.testing.assert_array_equal(kept[name], array)
            assert kept[name].dtype == array.dtype
    with pytest.raises(InputError, match="holds a result, not data"):
        load(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
@EXAMPLES
@given(series=series())
def test_a_tilt_series_is_loaded_as_it_was(tmp_path, suffix, series):
    path = tmp_path / f"a{suffix}"
    if suffix == ".cxi":
        with pytest.raises(InputError, match=r"no place for a tilt series\. Use \.mrc"):
            save(path, series)
        return
    path.with_suffix(".rawtlt").unlink(missing_ok=True)  # of the last example, which another format of angles followed
    assert write(path, contents_of(series)) == ()
    again = load(path)
    assert isinstance(again, TiltSeries)
    for name in ("projections", "rotations", "shifts", "valid", "support", "held_out"):
        kept, written = getattr(again, name), getattr(series, name)
        assert (kept is None) == (written is None), name
        np.testing.assert_array_equal(kept, written, err_msg=name)
    assert again.pixel_size == series.pixel_size


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
@EXAMPLES
@given(pattern=patterns())
def test_a_pattern_is_loaded_as_it_was(tmp_path, suffix, pattern):
    path = tmp_path / f"a{suffix}"
    assert write(path, contents_of(pattern)) == ()
    assert read(path).declared.quantity == "magnitudes"
    assert read(path).pixel_size is None  # of the reconstruction, not of the pattern
    again = load(path)
    assert isinstance(again, DiffractionPattern)
    for name in ("magnitudes", "known", "support", "held_out", "start"):
        kept, written = getattr(again, name), getattr(pattern, name)
        assert (kept is None) == (written is None), name
        np.testing.assert_array_equal(kept, written, err_msg=name)
    assert (again.object, again.pixel_size) == (pattern.object, pattern.pixel_size)


def test_every_kind_of_object_is_tried():
    assert set(Object.__args__) == {"non-negative", "real", "complex", "complex-positive"}


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_what_a_format_has_no_room_for_is_named(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(documents, "_ROOM", 2**12)
    monkeypatch.setattr(mrc_writer, "_ROOM", 2**12)
    images = np.random.default_rng(0).random((20, 30, 30))
    with np.errstate(all="raise"):
        lost = write_array(tmp_path / f"a{suffix}", np.ones((4, 4), np.float32), kind="result", products={"i": images})
    said = (f"a{suffix} does not keep products i; .npz and .h5 do.",)
    assert lost == (() if suffix in (*WHOLE_SUFFIXES, ".cxi") else said)
    kept = read(tmp_path / f"a{suffix}").declared.products
    assert set(kept) == (set() if lost else {"i"})
    if lost:
        with pytest.warns(UserWarning, match="does not keep products i"):
            save(tmp_path / f"a{suffix}", Contents(array=np.ones((4, 4), np.float32), products={"i": images}))


@pytest.mark.parametrize("suffix", ROUNDING)
def test_numbers_that_are_rounded_are_announced(tmp_path, suffix):
    (said,) = write_array(tmp_path / f"a{suffix}", np.full((3, 3), 0.1))
    assert "does not keep all digits" in said
    assert write_array(tmp_path / f"b{suffix}", np.arange(9).reshape(3, 3)) == ()


def test_an_array_is_saved_as_an_array(tmp_path):
    save(tmp_path / "a.h5", np.arange(12.0).reshape(3, 4))
    raw = read(tmp_path / "a.h5")
    assert raw.declared.kind is None
    np.testing.assert_array_equal(raw.data, np.arange(12.0).reshape(3, 4))


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_a_record_of_another_array_is_not_believed(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_array(path, np.ones((4, 4), np.float32), kind="result", metadata={"algorithm": "er"})
    if suffix == ".npy":
        np.save(path, np.ones((5, 5)))
    else:
        with h5py.File(path, "a") as file:
            del file["data"]
            file["data"] = np.ones((5, 5))
    raw = read(path)
    assert raw.declared.kind is None
    assert any("not used" in note for note in raw.notes)


def test_a_scale_that_was_changed_counts(tmp_path):
    write_array(tmp_path / "a.h5", np.ones((4, 4)), pixel_size=2.0)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["data"].attrs["pixel_size"] = 3.0
    assert read(tmp_path / "a.h5").pixel_size == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "volume"}, "kind: got 'volume'"),
        ({"quantity": "counts"}, "quantity: got 'counts'"),
        ({"angles": [1.0, 2]}, r"angles: an array of shape \(2,\)"),
        ({"angles": [1.0, np.nan, 3]}, "finite"),
        ({"shifts": np.ones((3, 3))}, "shifts"),
        ({"valid": np.ones((3, 4))}, "valid: its shape"),
    ],
)
def test_contents_that_do_not_fit_are_named(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        write_array(tmp_path / "a.h5", np.ones((3, 3)), **options)


def test_a_bomb_in_a_document_is_not_unpacked(tmp_path):
    write_array(tmp_path / "a.npy", np.ones((3, 3)), products={"p": np.zeros(10**6)})
    document = json.loads((tmp_path / "a.npy.json").read_text())
    document["arrays"]["products/p"]["shape"] = [10**14]
    (tmp_path / "a.npy.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="memory are free"):
        read(tmp_path / "a.npy")
    document["arrays"]["products/p"]["shape"] = [10]  # less than it unpacks to: no more is unpacked
    (tmp_path / "a.npy.json").write_text(json.dumps(document))
    assert read(tmp_path / "a.npy").declared.products["p"].shape == (10,)
