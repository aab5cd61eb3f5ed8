"""What the documentation tells people to write works."""

import re
import shlex
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import shift

import proxiscope as px
from proxiscope.cli import main
from proxiscope.core import algorithms, registry
from proxiscope.core.algorithm import iterate
from proxiscope.io import read, write_array
from proxiscope.preparation import step, steps
from proxiscope.preparation.step import _steps
from proxiscope.simulate import tilt_series, vesicle
from tests.docs.pages import DOCS, PAGES, ROOT, TEXTS, code, links, name_of, target
from tests.preparation import test_all_steps as laws_of_steps
from tests.problems import small_pattern, small_series


def run_python(text: str, page: str = "docs") -> dict:
    """Run code of a page; the names that it defines."""
    names: dict = {}
    exec(compile(text, page, "exec"), names)
    return names


def run_commands(text: str) -> None:
    """Run lines that begin with proxiscope, which all have to succeed."""
    for line in text.splitlines():
        name, *arguments = shlex.split(line, comments=True)
        assert name == "proxiscope"
        assert main(arguments) == 0, line


@contextmanager
def module_of(page: str, room: str, name: str, number: int = 0):
    """The file that a page adds to a room of the package, for a while."""
    text = code(DOCS / page, "python")[number]
    module = types.ModuleType(f"proxiscope.{room}.{name}")
    module.__package__ = f"proxiscope.{room}"
    sys.modules[module.__name__] = module
    exec(compile(text, page, "exec"), module.__dict__)
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def landweber():
    """The algorithm that docs/how-to/adding-an-algorithm.md adds."""
    with module_of("how-to/adding-an-algorithm.md", "tomography", "landweber") as module:
        yield module.Landweber
        registry._algorithms.pop("landweber")


@pytest.fixture
def hpr():
    """The algorithm of phase retrieval that it adds."""
    with module_of("how-to/adding-an-algorithm.md", "phase", "hpr", number=1) as module:
        yield module.HPR
        registry._algorithms.pop("hpr")


@pytest.fixture
def smooth():
    """The step that docs/how-to/adding-a-step.md adds."""
    steps()  # all others are there first
    with module_of("how-to/adding-a-step.md", "preparation", "smooth") as module:
        yield module.Smooth
        _steps.pop("smooth")


def test_the_example_of_a_new_algorithm_is_registered_and_converges(landweber):
    assert algorithms("tomography")["landweber"] is landweber
    figures = [p.metrics["r_factor"] for p in iterate(landweber(max_iterations=30, relaxation=0.8), small_series())]
    assert figures[-1] < 0.2 < figures[0]
    assert np.all(np.diff(figures[3:]) < 0)


def test_the_example_of_phase_retrieval_is_registered_and_finds_the_object(hpr):
    assert algorithms("phase")["hpr"] is hpr
    figures = [p.metrics["r_factor"] for p in iterate(hpr(max_iterations=200), small_pattern()) if p.metrics]
    assert min(figures) < 0.5 * figures[0]


def test_the_example_of_a_new_step_is_registered_and_keeps_the_laws(smooth):
    assert steps("phase")["smooth"] is steps("tomography")["smooth"] is smooth
    laws_of_steps.test_it_is_described("smooth")
    laws_of_steps.test_its_record_is_it("smooth")
    for family in smooth.families:
        laws_of_steps.test_it_keeps_what_images_promise("smooth", family)
        laws_of_steps.test_an_image_without_any_usable_pixel_is_taken_or_refused_in_words("smooth", family)
    laws_of_steps.test_noise_of_any_size_is_taken_or_refused_in_words("smooth")
    laws_of_steps.test_a_preview_tells_what_becomes_of_the_whole("smooth")


def test_the_example_of_a_new_step_does_what_it_says(smooth):
    images = laws_of_steps.example("tomography")
    done = step("smooth", {"sigma": 2.0})(images)
    vacuum = np.s_[:, 5:9, 5:9]
    assert done.values[vacuum].std() < 0.3 * images.values[vacuum].std()
    assert abs(done.values[:, 3, 5] - 100).max() < 2  # nothing of the pixel beside, which is not usable
    assert done.remarks == ("Blurred by 2 px.",)


@pytest.fixture
def raw_needle(tmp_path, monkeypatch):
    """A small series as a microscope has it, by the name that docs/how-to/preparation.md uses."""
    angles = np.arange(-70, 71, 7.0)
    images = tilt_series(vesicle((28, 28, 28), seed=3), angles, shape=(40, 40)).projections
    moves = np.random.default_rng(0).normal(0, 2, (len(angles), 2))
    images = np.stack([shift(image, move, order=1) for image, move in zip(images, moves, strict=True)])
    write_array(tmp_path / "HAADF.mrc", 20 + images, pixel_size=3.36, angles=angles)
    monkeypatch.chdir(tmp_path)


def test_a_raw_series_becomes_a_volume_as_the_page_says(raw_needle, capsys):
    page = DOCS / "how-to" / "preparation.md"
    (commands,), script = code(page, "sh"), code(page, "python")[-1]
    run_commands(commands)
    by_command = px.load("ready.mrc")
    names = run_python(script, "preparation.md")
    for series in (names["series"], names["images"].tilt_series(announce=False)):
        np.testing.assert_allclose(series.projections, by_command.projections, atol=1e-3)
    assert names["result"].r_factor < 0.1
    assert "hot, dead or hit pixels" in capsys.readouterr().out
    assert px.rerun("volume.mrc").identical


@pytest.mark.filterwarnings("ignore")
def test_raw_frames_become_a_pattern_as_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = DOCS / "how-to" / "phase-retrieval.md"
    run_python(code(page, "python")[0])
    run_commands(code(page, "sh")[0])
    written = capsys.readouterr().err
    assert "6 hot, dead or hit pixels" in written
    assert "(106.00, 96.00)" in written
    assert px.load("ready.h5").known.mean() == pytest.approx(0.95, abs=0.01)


def test_results_are_had_again_as_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands, scripts = (
        code(DOCS / "how-to" / "reproducing.md", "sh"),
        code(DOCS / "how-to" / "reproducing.md", "python"),
    )
    run_commands("".join(commands))
    printed = capsys.readouterr().out
    assert printed.count("identical to the result on file, bit for bit") == 2
    assert scripts[0] in printed
    again, *_ = [run_python(script, "reproducing.md") for script in scripts[:-1]]
    np.testing.assert_array_equal(again["result"].array, read("image.h5").data)
    assert {"input.h5", "image.pdf", "convergence.svg"} <= {path.name for path in tmp_path.iterdir()}


def test_the_learning_page_does_what_it_says(capsys):
    names = run_python("\n".join(code(DOCS / "how-to" / "learning.md", "python")[:-1]), "learning.md")
    assert len(np.unique(10 * names["layers"] + names["labels"])) == 4  # one label for each layer
    polished, left = names["end"].metrics["objective"], names["progress"].metrics["objective"]
    assert polished < left < 1.01 * names["clusters"].objective_
    *_, first, second, _, plain, _, smoothed = capsys.readouterr().out.split()
    assert (float(first), float(second)) == pytest.approx((0.268, 0.279), abs=0.002)
    assert float(smoothed) < 0.9 * float(plain)


@pytest.mark.slow
def test_a_network_is_trained_as_the_learning_page_says():
    pytest.importorskip("torch")
    points, *_, training = code(DOCS / "how-to" / "learning.md", "python")
    assert run_python(f"{points}\n{training}", "learning.md")["loss"] < 0.1


@pytest.mark.parametrize("page", [*TEXTS, *PAGES], ids=name_of)
def test_every_link_inside_leads_somewhere(page):
    for link in links(page):
        file, anchor = target(page, link), link.partition("#")[2]
        if file is None or "_generated" in file.parts:
            continue  # of others, or by Sphinx, which looks itself
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def test_what_pypi_shows_has_absolute_addresses():
    assert [link for link in links(ROOT / "README.md") if "://" not in link] == []


def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as they are made of their words."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(
        re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    )


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    series = small_series()
    write_array(tmp_path / "series.mrc", series.projections, pixel_size=2.0, angles=series.angles)
    monkeypatch.chdir(tmp_path)
    scripts = code(ROOT / "README.md", "python")
    assert len(scripts) == 2
    run_python("\n".join(scripts), "README.md")
    assert (tmp_path / "volume.mrc").exists()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("21 ")
    assert len(printed) == 180
