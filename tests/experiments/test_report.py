"""What the command line of the experiments writes, and where."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from proxiscope.core import InputError
from proxiscope.experiments.catalogue import CATALOGUE, Entry
from proxiscope.experiments.report import PAGES, SKIPPED, Report, Table, main, put_into

PAGE = f"{PAGES}/learning.md"


def report(cell: str = "1.35") -> Report:
    """A report with one number and a line."""
    table = Table(("method", "objective"), (("EM", cell), ("SBE", "0.90")))
    return Report("Two runs.", (table, table), lambda figure: figure.subplots().plot([0, 1]), "A line")


def counting(options) -> Report:
    """A report that tells what it was asked for."""
    if options.trials == 13:
        raise InputError("trials", "got 13", "Give another")
    return report(f"{options.trials} from {options.seed}")


@pytest.fixture
def page(tmp_path) -> Path:
    """A page with room for two experiments."""
    rooms = [f"<!-- {name} -->\n{old}<!-- end of {name} -->\n" for name, old in (("one", "old\n"), ("test_report", ""))]
    text = "Before.\n\n{}\nBetween.\n\n{}".format(*rooms)
    (tmp_path / PAGE).parent.mkdir()
    (tmp_path / PAGE).write_text(text)
    return tmp_path / PAGE


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["experiment", *arguments])
    return main(counting, trials=100)


def test_the_page_has_the_new_tables_between_the_marks_and_all_else_as_it_was(page):
    for cell in (r"1.35 \1 \g<0>", "7"):  # a second time replaces the first; nothing in it is a pattern
        put_into(page.parents[1], "one", report(cell), "python -m it")
        text = page.read_text()
        before, rest = text.split("<!-- one -->\n")
        body, after = rest.split("<!-- end of one -->")
        assert before == "Before.\n\n"
        assert after.startswith("\n\nBetween.\n\n<!-- test_report -->\n<!-- end of test_report -->")
        table = f"| method | objective |\n| --- | --- |\n| EM | {cell} |\n| SBE | 0.90 |"
        assert body == f"Two runs. `python -m it`\n\n{table}\n\n{table}\n\n![A line](../images/experiments/one.png)\n"
    picture = imread(page.parents[1] / "images" / "experiments" / "one.png")
    assert picture.shape[:2] == (720, 960)
    assert picture[..., :3].min() < 0.5 < picture[..., :3].mean()


def test_what_another_experiment_writes_meanwhile_is_kept(page):
    def draw(figure) -> None:
        figure.subplots()
        put_into(page.parents[1], "test_report", report("0.91"), "python -m other")

    put_into(page.parents[1], "one", Report("Two runs.", report().tables, draw, "A line"), "python -m it")
    text = page.read_text()
    assert "| EM | 1.35 |" in text
    assert "| EM | 0.91 |" in text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "no marks",
        "<!-- one -->",
        "<!-- end of one --><!-- one -->",
        "<!-- one --><!-- one --><!-- end of one -->",
        "<!-- one --><!-- end of one -->" * 2,
    ],
)
def test_a_page_without_one_pair_of_marks_is_refused_and_left_alone(tmp_path, text):
    if text is not None:
        (tmp_path / PAGE).parent.mkdir()
        (tmp_path / PAGE).write_text(text)
    with pytest.raises(InputError, match="marks <!-- one --> and <!-- end of one -->"):
        put_into(tmp_path, "one", report(), "")
    assert text is None or (tmp_path / PAGE).read_text() == text
    assert not (tmp_path / "images").exists()


def test_the_command_prints_the_tables_and_writes_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "--seed", "4") == 0
    printed = capsys.readouterr().out
    assert "| EM | 100 from 4 |" in printed
    assert "`python -m proxiscope.experiments.test_report --seed 4`" in printed
    assert not list(tmp_path.iterdir())


def test_the_command_writes_into_folders_and_the_page_does_not_say_which(monkeypatch, page):
    out = page.parents[1] / "new" / "out"
    assert run(monkeypatch, "--trials=7", f"--docs={page.parents[1]}", "--output", str(out)) == 0
    assert {path.name for path in out.iterdir()} == {"test_report.md", "test_report.png"}
    for text in (page.read_text(), (out / "test_report.md").read_text()):
        assert "`python -m proxiscope.experiments.test_report --trials=7`" in text
        assert "| EM | 7 from 0 |" in text
    np.testing.assert_array_equal(
        imread(out / "test_report.png"), imread(page.parents[1] / "images" / "experiments" / "test_report.png")
    )


def test_errors_are_told_in_a_line(monkeypatch, capsys, page):
    assert run(monkeypatch, "--trials", "13") == 1
    assert capsys.readouterr().err == "trials: got 13. Give another.\n"
    before = page.read_text()
    assert run(monkeypatch, "--docs", str(page.parents[1] / "nowhere")) == 1
    assert "not one pair of the marks" in capsys.readouterr().err
    assert page.read_text() == before
    with pytest.raises(SystemExit):
        run(monkeypatch, "--trials", "0")
    assert "give a whole number from 1 on" in capsys.readouterr().err


def test_at_reduced_scale_defaults_are_others_and_what_is_given_counts(monkeypatch, capsys):
    def scaled(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["experiment", *arguments])
        assert main(counting, trials=100, reduced={"trials": 3}) == 0
        return capsys.readouterr().out

    assert "| EM | 100 from 0 |" in scaled()
    assert "| EM | 100 from 0 |" in scaled("--scale", "full")
    assert "| EM | 3 from 0 |" in scaled("--scale", "reduced")
    assert "--scale reduced`" in scaled("--scale=reduced")
    assert "--scale" not in scaled("--scale", "full")  # the default
    assert "| EM | 7 from 0 |" in scaled("--trials", "7", "--scale", "reduced")


def test_data_are_found_or_the_experiment_is_skipped(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(CATALOGUE, "test_report", Entry("a figure", "things", ("*.mrc",)))
    assert run(monkeypatch, "--data", str(tmp_path)) == SKIPPED
    assert f"test_report: skipped, no *.mrc in {tmp_path}" in capsys.readouterr().err
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "one.mrc").touch()
    for folder in (tmp_path, tmp_path / "things"):
        assert run(monkeypatch, "--data", str(folder)) == 0
    assert "--data FOLDER`" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(monkeypatch)
