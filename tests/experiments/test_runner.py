"""``python -m proxiscope.experiments``: all run, whatever becomes of one."""

from pathlib import Path

import pytest

from proxiscope.experiments import __main__ as runner
from proxiscope.experiments.catalogue import CATALOGUE, Entry

SOME = {
    "no_such_experiment": Entry("nothing"),
    "resnet": Entry("a network", "cifar10", ("data_batch_*.bin",)),
    "raw_mnist": CATALOGUE["raw_mnist"],
    "wgan": Entry("another network", module="no_such_module"),
    "hamilton_jacobi": CATALOGUE["hamilton_jacobi"],
}


@pytest.fixture
def some(monkeypatch):
    monkeypatch.setattr(runner, "CATALOGUE", SOME)


def test_one_that_fails_does_not_end_the_others(some, tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    names = [name for name in SOME if name != "resnet"]
    assert runner.main(["--data", str(data), "--output", str(out), *names]) == 1
    printed, errors = capsys.readouterr()
    assert "No module named proxiscope.experiments.no_such_experiment" in errors
    assert "skipped: no train-images* and no train-labels*" in printed
    assert "skipped: no_such_module is not installed" in printed
    assert "| [hamilton_jacobi](hamilton_jacobi.md) | figure 5.7 | made |" in printed
    assert "1 made, 2 skipped, 1 failed; " in printed
    assert {path.name for path in out.iterdir()} == {"index.md", "hamilton_jacobi.md", "hamilton_jacobi.png"}
    assert (out / "index.md").read_text() in printed + "\n"
    assert "--scale reduced`" in (out / "hamilton_jacobi.md").read_text()


def test_without_data_those_that_need_some_are_skipped(some, tmp_path, capsys):
    assert runner.main(["--output", str(tmp_path), "resnet", "raw_mnist"]) == 0
    printed = capsys.readouterr().out
    assert "skipped: no data: give --data with cifar10" in printed
    assert "skipped: no data: give --data with mnist" in printed
    assert "0 made, 2 skipped, 0 failed" in printed


def test_ctrl_c_ends_all_and_tells_what_there_is(some, tmp_path, monkeypatch, capsys):
    def interrupted(name, options):
        if name == "raw_mnist":
            raise KeyboardInterrupt
        return runner.Outcome(name, "made", 3.0)

    monkeypatch.setattr(runner, "run", interrupted)
    assert runner.main(["--output", str(tmp_path), "wgan", "raw_mnist", "hamilton_jacobi"]) == 130
    assert "1 made, 0 skipped, 0 failed" in capsys.readouterr().out


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        runner.main(["consistency.py"])
    assert "got 'consistency.py'; give one of phase_vesicle, consistency" in capsys.readouterr().err


def test_the_catalogue_has_all_experiments_and_each_its_place_in_the_pages():
    folder, pages = Path(runner.__file__).parent, Path(__file__).parents[2] / "docs" / "reproduction"
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    assert modules - {"report", "catalogue"} == set(CATALOGUE)
    text = "".join(page.read_text(encoding="utf-8") for page in pages.glob("*.md"))
    for name in CATALOGUE:
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1, name


def test_every_figure_and_table_of_the_thesis_has_a_verdict():
    page = Path(__file__).parents[2] / "docs" / "reproduction" / "index.md"
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = {
        cells[0].split("]")[0].strip("["): cells
        for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    }
    figures = {2: 8, 3: 4, 4: 7, 5: 7}
    names = {f"Figure {chapter}.{n + 1}" for chapter, count in figures.items() for n in range(count)}
    names |= {f"Table 4.{n + 1}" for n in range(3)} | {"Figure 5.3a", "Figure 5.3b"}
    names -= {"Figure 5.3"}
    for name in names:
        assert named[name][5].split(":")[0] in ("reproduced", "partly", "not", "no data", "no numbers"), name


def test_folders_of_data_are_found_in_that_of_all_or_given_themselves(tmp_path):
    (tmp_path / "mnist").mkdir()
    entry = CATALOGUE["raw_mnist"]
    assert entry.folder_in(tmp_path) == tmp_path / "mnist"
    assert entry.folder_in(tmp_path / "mnist") == tmp_path / "mnist"
    assert "no train-images* and no train-labels*" in entry.missing(tmp_path / "mnist")
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        (tmp_path / "mnist" / f"{name}-idx-ubyte.gz").touch()
    assert entry.missing(tmp_path / "mnist") == ""
