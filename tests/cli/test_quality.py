"""``proxiscope quality``: the figures that Python gives, in words, JSON and a table; one line for whatever is wrong."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import proxiscope as px
from proxiscope.cli import commands, main
from proxiscope.io import write_array
from proxiscope.simulate import vesicle
from proxiscope.tomography import SIRT
from proxiscope.tomography.correlation import fourier_shell_correlation
from proxiscope.tomography.half_sets import half_set_correlation
from proxiscope.tomography.metrics import r_factor, real_space_error, residuals
from tests.problems import small_series

REGIONS = ("all", "measured", "missing wedge")
TRUTH = vesicle((24, 20, 24))


def quality(*arguments) -> int:
    """Run the command in this process; the exit code."""
    try:
        return main(["quality", *map(str, arguments)])
    except SystemExit as done:
        return done.code


@pytest.fixture(scope="module")
def volume():
    return px.reconstruct(SIRT(max_iterations=10), small_series()).volume


@pytest.fixture(scope="module")
def data(tmp_path_factory, volume) -> Path:
    """A folder with a volume, its truth and its series."""
    folder = tmp_path_factory.mktemp("quality")
    series = small_series()
    write_array(folder / "volume.mrc", volume, pixel_size=0.5)
    np.save(folder / "bare.npy", volume)
    np.save(folder / "truth.npy", TRUTH)
    np.save(folder / "small.npy", TRUTH[1:])
    np.save(folder / "image.npy", TRUTH[0])
    np.save(folder / "nan.npy", np.full(TRUTH.shape, np.nan))
    np.save(folder / "complex.npy", TRUTH + 1j)
    np.save(folder / "zeros.npy", 0 * TRUTH)
    np.save(folder / "series.npy", series.projections)
    np.save(folder / "valid.npy", np.random.default_rng(0).random(series.shape) > 0.2)
    np.savetxt(folder / "angles.txt", series.angles)
    np.savetxt(folder / "three.txt", series.angles[:3])
    np.savetxt(folder / "dual.txt", [(90.0 * (i % 2), a, 0) for i, a in enumerate(series.angles)])
    return folder


@pytest.fixture
def ask(data, capsys, monkeypatch):
    """``ask(...)``: run in the folder of the data; the text, or what the JSON says."""
    monkeypatch.chdir(data)

    def ask(*arguments):
        assert quality(*arguments) == 0
        text = capsys.readouterr().out
        return json.loads(text) if "--json" in arguments else text

    return ask


SERIES = ("series.npy", "--angles", "angles.txt")


def check_curves(found, expected):
    """The figures of some curves in JSON against the curves themselves."""
    assert list(found) == list(expected)
    for where, one in found.items():
        assert one["mean"] == pytest.approx(expected[where].mean)
        for threshold in (0.5, 0.143):
            at, period = f"{threshold:g}", expected[where].resolution(threshold)
            assert one["resolved"][at] == (period != np.inf)
            finite = period if period not in (None, np.inf) else None
            assert one["resolution_px"][at] == (finite and pytest.approx(finite))


class TestFigures:
    def test_by_the_projections(self, ask, volume):
        found = ask("volume.mrc", *SERIES, "--json", "--quiet")
        assert found["shape"] == [24, 20, 24]
        assert found["pixel_size_nm"] == pytest.approx(0.5)
        assert "fsc" not in found
        for name, exact in (("real-space", False), ("fourier-slice", True)):
            assert found["r_factor"][name] == pytest.approx(r_factor(volume, small_series(), exact=exact), rel=1e-6)
            each = residuals(volume, small_series(), exact=exact)
            np.testing.assert_allclose([tilt[name] for tilt in found["tilts"]], each, rtol=1e-6)
        assert [tilt["rotation"] for tilt in found["tilts"]] == [[0, a, 0] for a in small_series().angles]

    def test_by_the_truth_alone_and_with_the_angles_also_in_the_wedge(self, ask, volume):
        curves = {
            w: fourier_shell_correlation(volume, TRUTH, between=w, tilts=small_series(), pixel_size=0.5)
            for w in REGIONS
        }
        found = ask("volume.mrc", "--truth", "truth.npy", "--json")
        assert found["real_space_error"] == pytest.approx(real_space_error(volume, TRUTH))
        assert "r_factor" not in found
        check_curves(found["fsc"]["truth"], {"all": curves["all"]})
        for more in (["--angles", "angles.txt"], SERIES):
            found = ask("volume.mrc", *more, "--truth", "truth.npy", "--json", "--quiet")
            check_curves(found["fsc"]["truth"], curves)
        some = found["fsc"]["truth"]["missing wedge"]
        assert some["resolution_nm"]["0.5"] == pytest.approx(some["resolution_px"]["0.5"] / 2)

    def test_by_half_sets(self, ask):
        options = ["--half-sets", "sirt", "--parameter", "max-iterations=10", "--parameter", "relaxation=0.8"]
        found = ask("bare.npy", *SERIES, *options, "--json", "--quiet")
        assert found["half_sets"]["algorithm"] == "sirt"
        made = found["half_sets"]["parameters"]
        assert (made["max_iterations"], made["relaxation"], made["depth"]) == (10, 0.8, 24)
        assert found["pixel_size_nm"] is None
        algorithm = SIRT(max_iterations=10, relaxation=0.8)
        check_curves(
            found["fsc"]["half-sets"], {w: half_set_correlation(algorithm, small_series(), between=w) for w in REGIONS}
        )

    def test_half_sets_have_the_size_of_the_volume(self, ask, data):
        np.save(data / "thin.npy", TRUTH[6:18])
        found = ask("thin.npy", *SERIES, "--half-sets", "fbp", "--json", "--quiet")
        assert found["half_sets"]["parameters"]["depth"] == 12
        assert found["fsc"]["half-sets"]["all"]["mean"] > 0

    def test_in_words(self, ask, volume):
        text = ask("volume.mrc", *SERIES, "--truth", "truth.npy", "--half-sets", "fbp", "--quiet")
        head, first, second, worst, error, *_ = text.splitlines()
        assert head == "volume.mrc: 24 x 20 x 24, pixels of 0.5 nm"
        each = residuals(volume, small_series())
        assert first.split() == ["R_F", "real-space", f"{each.mean():.2%}"]
        assert second.split() == ["R_F", "fourier-slice", f"{r_factor(volume, small_series(), exact=True):.2%}"]
        at = int(each.argmax())
        assert f": {small_series().angles[at]:g} degrees (no. {at}) {each.max():.2%}, " in worst
        assert worst.count("degrees") == 3
        assert error.split()[-1] == f"{real_space_error(volume, TRUTH):.4f}"
        assert "FSC with truth.npy" in text
        assert "FSC of half-sets by fbp" in text
        assert text.count("missing wedge") == 2
        found = fourier_shell_correlation(volume, TRUTH, between="missing wedge", tilts=small_series())
        period = found.resolution()
        line = next(line for line in text.splitlines() if line.lstrip().startswith("missing wedge"))
        assert f"{found.mean:.3f}  {period:.3g} px, {period / 2:.3g} nm" in line

    def test_a_curve_that_does_not_fall_or_starts_below_is_said(self, ask):
        text = ask("truth.npy", "--truth", "truth.npy", "--pixel-size", 2)
        assert text.count("better than 2 px, 4 nm") == 2
        text = ask("zeros.npy", "--truth", "truth.npy")
        assert text.splitlines()[-1].split() == ["all", "0.000", "none", "none"]
        found = ask("zeros.npy", "--truth", "truth.npy", "--json")["fsc"]["truth"]["all"]
        assert found["resolution_px"] == {"0.5": None, "0.143": None}
        assert found["resolved"] == {"0.5": False, "0.143": False}

    def test_tilts_about_two_axes(self, ask, volume):
        text = ask("volume.mrc", "series.npy", "--angles", "dual.txt", "--truth", "truth.npy", "--quiet")
        assert re.search(r"\(90, -?\d+, 0\) degrees \(no\. \d+\)", text)

    def test_masked_pixels_and_films_count_less(self, ask, data, volume):
        series = small_series()
        valid = np.load(data / "valid.npy")
        found = ask("volume.mrc", *SERIES, "--mask", "valid.npy", "--json", "--quiet")
        masked = px.TiltSeries(series.projections, series.angles, valid=valid)
        assert found["r_factor"]["real-space"] == pytest.approx(r_factor(volume, masked))
        found = ask("volume.mrc", *SERIES, "--film", "--json", "--quiet")
        assert found["r_factor"]["real-space"] == pytest.approx(r_factor(volume, series, film=True), nan_ok=True)

    def test_how_the_series_was_read_is_said_unless_quiet(self, data, capsys, monkeypatch):
        monkeypatch.chdir(data)
        assert quality("volume.mrc", *SERIES) == 0
        assert "series.npy: 21 tilt angles from angles.txt" in capsys.readouterr().err
        assert quality("volume.mrc", *SERIES, "--half-sets", "fbp", "--quiet") == 0
        assert capsys.readouterr().err == ""


def test_the_table_holds_every_curve(ask, data, tmp_path, volume):
    path = tmp_path / "fsc.csv"
    ask("volume.mrc", *SERIES, "--truth", "truth.npy", "--half-sets", "fbp", "--fsc", path, "--quiet")
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    columns = dict(zip(header, np.array(rows, float).T, strict=True))
    sources = [f"{source} {where}" for source in ("truth", "half-sets") for where in REGIONS]
    assert header == ["cycles_per_px", "cycles_per_nm", *sources, *(f"samples {where}" for where in REGIONS)]
    for where in REGIONS:
        expected = fourier_shell_correlation(volume, TRUTH, between=where, tilts=small_series())
        np.testing.assert_allclose(columns[f"truth {where}"], expected.correlation, rtol=1e-12)
        np.testing.assert_array_equal(columns[f"samples {where}"], expected.count)
        np.testing.assert_allclose(columns["cycles_per_nm"], expected.frequency * 2, rtol=1e-6)


BAD = {
    "nothing to judge by": (["volume.mrc"], "SERIES: neither it nor --truth was given"),
    "half-sets of nothing": (["bare.npy", "--truth", "truth.npy", "--half-sets", "fbp"], "SERIES: not given"),
    "a table of nothing": (["bare.npy", *SERIES, "--fsc", "new.csv"], "--fsc: nothing to correlate"),
    "a truth of another shape": (["bare.npy", "--truth", "small.npy"], r"small\.npy: its shape is \(23, 20, 24\)"),
    "an image": (["image.npy", "--truth", "truth.npy"], r"image\.npy: .* axes \(z, y, x\)"),
    "a volume with NaN": (["nan.npy", "--truth", "truth.npy"], r"nan\.npy: values that are not finite"),
    "a complex truth": (["bare.npy", "--truth", "complex.npy"], r"complex\.npy: values of type complex"),
    "a truth of zeros": (["bare.npy", "--truth", "zeros.npy"], "truth: zero everywhere"),
    "a missing volume": (["none.mrc", *SERIES], r"none\.mrc: does not exist"),
    "a missing truth": (["bare.npy", "--truth", "none.npy"], r"none\.npy: does not exist"),
    "a series without angles": (["bare.npy", "series.npy"], "Give the tilt angles in degrees"),
    "angles of another series": (["bare.npy", "series.npy", "--angles", "three.txt"], "one angle for each image"),
    "a mask of another shape": (["bare.npy", *SERIES, "--mask", "truth.npy"], "valid: its shape is"),
    "a pixel size of zero": (["bare.npy", *SERIES, "--pixel-size", "0"], "pixel_size: got 0"),
    "an unknown algorithm": (["bare.npy", *SERIES, "--half-sets", "hio"], "--half-sets: got 'hio'.*resire.*sirt"),
    "an unknown parameter": (
        ["bare.npy", *SERIES, "--half-sets", "fbp", "--parameter", "gamma=2"], "'gamma=2', which fbp does not have",
    ),
    "a parameter out of range": (
        ["bare.npy", *SERIES, "--half-sets", "sirt", "--parameter", "relaxation=7"], "relaxation: got 7",
    ),
    "a parameter of nothing": (["bare.npy", *SERIES, "--parameter", "depth=7"], "--parameter: given without"),
    "a table in no folder": (["bare.npy", "--truth", "truth.npy", "--fsc", "no/f.csv"], "the folder .* does not exist"),
    "a table over the truth": (["bare.npy", "--truth", "truth.npy", "--fsc", "truth.npy"], "one of the files to be"),
    "an unknown option": (["bare.npy", *SERIES, "--worst", "3"], "unknown: --worst 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(data, capsys, monkeypatch, case):
    monkeypatch.chdir(data)
    monkeypatch.setattr(commands, "run", lambda *a, **k: pytest.fail("the run began"))
    before = {path: path.read_bytes() for path in data.iterdir()}
    arguments, words = BAD[case]
    assert quality(*arguments, "--quiet") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("proxiscope")
    assert re.search(words, line), line
    assert {path: path.read_bytes() for path in data.iterdir()} == before


def test_half_sets_that_are_interrupted_leave_no_table(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(data)
    monkeypatch.setattr(commands, "run", lambda *a, **k: (None, True))
    assert quality("bare.npy", *SERIES, "--half-sets", "fbp", "--fsc", tmp_path / "fsc.csv", "--quiet") == 130
    assert capsys.readouterr().err == "proxiscope: interrupted, nothing was written\n"
    assert not list(tmp_path.iterdir())
