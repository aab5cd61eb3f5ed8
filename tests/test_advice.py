"""Advice on the algorithm: what is recognised, and that the rules are those of the figures of docs/choosing.json."""

import json
import re
import time

import numpy as np
import pytest

from proxiscope import TiltSeries, save
from proxiscope.advice import Advice, PatternFacts, SeriesFacts, advise, missing_middle, series_facts
from proxiscope.cli import main
from proxiscope.core import algorithm, build
from proxiscope.simulate import (
    sample_bragg,
    sample_double_tilt,
    sample_few_tilts,
    sample_film,
    sample_missing_centre,
    sample_needle,
    sample_pattern,
    sample_phase_object,
    sample_tilt_series,
)
from proxiscope.tomography import merge
from tests.docs.pages import DOCS, ROOT

FIGURES = json.loads((DOCS / "choosing.json").read_text(encoding="utf-8"))
MARGIN = 1.25
"""Times the lowest error of any method that is measured in a cell: no advised one is further off. The page says so."""
SHORT_OF = 0.25
"""Share of right images by which an advised method may stay behind the best single run, over all photon counts."""


# ---- what is recognised


@pytest.mark.parametrize(
    ("angles", "wedge"),
    [
        (np.arange(-69, 70, 3.0), 42),
        (np.arange(-90, 90, 3.0), 0),
        (np.arange(0, 180, 9.0) - 40, 0),
        (np.linspace(-90, 90, 61), 0),  # the first is the last again
        (np.r_[np.arange(-60, -20, 2.0), np.arange(20, 61, 2.0)], 60),
        (np.array([0.0, 1, 2]), 178),
        (np.array([7.0]), 180),
        (np.full(5, 30.0), 180),
    ],
)
def test_the_wedge_is_the_widest_gap_between_tilts(angles, wedge):
    assert series_facts(angles).wedge == pytest.approx(wedge)
    assert series_facts(np.random.default_rng(0).permutation(angles)).wedge == pytest.approx(wedge)


def test_of_several_axes_no_wedge_is_told():
    series = merge(*sample_double_tilt())
    assert series_facts(series.rotations).wedge is None
    assert "62 tilts about several axes" in advise(series).found


def test_only_a_film_covers_the_images_up_to_their_sides():
    film, others = sample_film(), [sample_tilt_series(), sample_few_tilts(), sample_needle()]
    assert series_facts(film.rotations, film.projections).film
    assert not any(series_facts(s.rotations, s.projections).film for s in others)
    assert not series_facts(film.rotations).film
    assert advise(film).parameters["film"] is True


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the blank tilts
def test_only_tilts_that_are_used_tell_of_a_film():
    film = sample_film()
    blank = np.zeros((24, *film.shape[1:]), np.float32)
    angles = np.r_[np.zeros(24), film.angles]
    series = TiltSeries(np.concatenate([blank, film.projections]), angles)
    assert not series.used[:24].any()
    assert advise(series) == advise(film)
    assert series_facts(film.rotations, film.projections[:1]).film  # of a second axis, in another layer, there are none
    assert not series_facts(film.rotations, film.projections, np.zeros(len(film.angles), bool)).film


def test_what_was_not_measured_is_said():
    assert "were not measured" in advise(SeriesFacts(62, None)).why
    assert "2-D only" in advise(PatternFacts("complex", 27.0, 0, ndim=3)).why
    assert advise(SeriesFacts(1, 180.0)).found == "a single tilt"


def test_a_speckle_is_as_wide_as_the_oversampling_along_an_axis():
    assert advise(PatternFacts("non-negative", 27.0, 5, ndim=3)).parameters == {"shrink_every": 20}
    assert advise(PatternFacts("non-negative", 27.0, 5, ndim=2)).parameters == {}


@pytest.mark.parametrize("shape", [(16, 16), (17, 12), (8, 9, 10)])
def test_what_is_missing_in_the_middle_is_counted_along_the_axes(shape):
    values = np.ones(shape)
    assert missing_middle(values) == 0
    values[(0,) * len(shape)] = np.nan
    assert missing_middle(values) == 0
    middle = tuple(n // 2 for n in shape)
    values[tuple(slice(m - 1, m + 2) for m in middle)] = np.nan
    assert missing_middle(values) == 3
    known = np.ones(shape, bool)
    known[(*middle[:-1], slice(middle[-1] - 2, middle[-1] + 3))] = False
    assert missing_middle(values, known) == 5
    assert missing_middle(np.full(shape, np.nan)) > 0


@pytest.mark.parametrize(
    "problem",
    [
        sample_pattern, sample_phase_object, sample_missing_centre, sample_bragg, sample_tilt_series, sample_film,
        sample_needle,
    ],
)  # fmt: skip
def test_what_is_advised_can_be_run_on_the_data(problem):
    data = problem()
    advice = advise(data)
    cls = algorithm(advice.algorithm)
    given = dict(advice.parameters) | ({"depth": 24} if "film" in advice.parameters else {})
    build(cls, given).check_problem(data)
    assert advice.title.startswith(cls.title)
    assert advice.found in str(advice)
    assert len(advice.why) < 130


def test_titles_and_options_name_the_parameters():
    advice = Advice("resire-tv", "", "", {"weight": 1.0, "film": True})
    assert advice.title == "RESIRE, total variation, weight 1, extended film"
    assert advice.options == "resire-tv FILE --weight 1 --film --depth PIXELS"
    assert Advice("gps-r", "", "", {"shrink_every": 20}).options == "gps-r FILE --shrink-every 20"


def test_it_takes_milliseconds_whatever_the_size():
    """It is asked for on the window's thread, where 10 ms are allowed."""
    images = np.zeros((61, 3000, 3000), np.uint8)  # of which hardly a page is touched
    images[:, ::50, ::50] = 1
    angles, pattern = np.linspace(-60, 60, 61), np.zeros((3000, 3000), np.float32)
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        advise(series_facts(angles, images))
        advise(PatternFacts("complex", 4.0, missing_middle(pattern)))
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.01


def test_info_prints_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("series.mrc", sample_few_tilts())
    save("pattern.h5", sample_phase_object())
    np.save("bare.npy", np.ones((8, 8)))
    for name, problem in (("series.mrc", sample_few_tilts()), ("pattern.h5", sample_phase_object())):
        assert main(["info", name]) == 0
        printed = capsys.readouterr().out
        assert f"proxiscope reconstruct {advise(problem).options}\n" in printed
    assert main(["info", "bare.npy"]) == 0
    assert "Advice" not in capsys.readouterr().out


# ---- the rules are the figures'


def measured_as(advice):
    """What a method is called among the figures; the objects there are films or not as they are told."""
    words = {"weight": "weight {:g}", "shrink_every": "shrink"}
    told = [words[name].format(value) for name, value in advice.parameters.items() if name != "film"]
    return ", ".join([advice.algorithm, *told])


@pytest.mark.parametrize("cell", FIGURES["tomography"], ids=lambda c: "-".join(str(c[k]) for k in list(c)[:4]))
def test_the_advised_method_is_near_the_best_one_measured(cell):
    advice = advise(SeriesFacts(cell["tilts"], float(cell["wedge"]), cell["object"] == "film"))
    errors = {name: np.mean(found["error"]) for name, found in cell["methods"].items()}
    assert errors[measured_as(advice)] <= MARGIN * min(errors.values()), errors


def right(cell, name):
    """Share of right images, as the benchmark counts them."""
    values = np.array(cell["methods"][name]["r_real"])
    return (values < np.maximum(0.1, 1.5 * np.array(cell["floor"]))[: len(values)]).mean()


CONDITIONS = sorted({(c["kind"], c["centre"], c["support"]) for c in FIGURES["phase"]})


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: "-".join(map(str, c)))
def test_the_advised_method_is_right_about_as_often_as_the_best_one(condition):
    cells = [c for c in FIGURES["phase"] if (c["kind"], c["centre"], c["support"]) == condition]
    kind, missing, _ = condition
    object = "complex" if kind == "complex" else "non-negative"
    advice = advise(PatternFacts(object, cells[0]["oversampling"], missing))
    single = [name for name in cells[0]["methods"] if name != "best-quality"]
    shares = {name: np.mean([right(c, name) for c in cells]) for name in single}
    assert shares[measured_as(advice)] >= max(shares.values()) - SHORT_OF, shares


def test_the_page_has_the_tables_of_the_figures(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import _choosing_report

    page = (DOCS / "choosing.md").read_text(encoding="utf-8")
    for name, text in _choosing_report.parts(FIGURES).items():
        assert f"<!-- {name} -->\n{text}\n<!-- end of {name} -->" in page
    assert all((DOCS / picture).is_file() for picture in re.findall(r"\]\((images/[^)]*)\)", page))
