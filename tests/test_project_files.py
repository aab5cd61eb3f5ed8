"""What surrounds the package: citation, workflows, templates, links."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import proxiscope

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HOME = "https://github.com/proxiscope/napari-proxiscope"


def read_yaml(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_has_this_version_and_the_papers_of_the_methods():
    citation = read_yaml("CITATION.cff")
    assert citation["version"] == proxiscope.__version__
    assert citation["repository-code"] == HOME == PROJECT["urls"]["Homepage"]
    assert citation["license"] == PROJECT["license"]
    page = (ROOT / "docs" / "citing.md").read_text(encoding="utf-8")
    titles = [reference["title"].split(":")[0] for reference in citation["references"]]
    assert [title for title in titles if title.lower() not in page.lower()] == []
    assert all(reference["authors"] and reference["year"] for reference in citation["references"])


def test_the_links_are_those_that_the_hub_looks_for():
    assert {"Homepage", "Documentation", "Source Code", "Bug Tracker", "Changelog"} == set(PROJECT["urls"])
    assert all(address.startswith("https://") for address in PROJECT["urls"].values())


def test_the_workflow_tests_every_python_and_system_that_is_promised():
    matrix = read_yaml(".github/workflows/test.yml")["jobs"]["each"]["strategy"]["matrix"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == versions
    assert len(versions) == 4
    assert PROJECT["requires-python"] == f">={versions[0]}"
    systems = {"ubuntu": "POSIX :: Linux", "macos": "MacOS", "windows": "Microsoft :: Windows"}
    assert [system.split("-")[0] for system in matrix["system"]] == list(systems)
    assert {f"Operating System :: {name}" for name in systems.values()} <= set(PROJECT["classifiers"])


def test_the_workflow_runs_what_ci_runs():
    jobs = read_yaml(".github/workflows/test.yml")["jobs"]
    assert "".join(step.get("run", "") for step in jobs["all"]["steps"]).endswith(".ci/run")
    commands = [step.get("run") or step.get("with", {}).get("run", "") for step in jobs["each"]["steps"]]
    headless, window = commands[-2:]
    side_by_side = re.search(r"^SIDE_BY_SIDE := (.*)$", MAKEFILE, re.MULTILINE)[1]
    recipe = re.search(r"^test-headless:.*\n\t.*?(-m pytest .*)$", MAKEFILE, re.MULTILINE)[1]
    assert headless == "python " + recipe.replace("$(SIDE_BY_SIDE)", side_by_side)
    assert window == "python " + re.search(r"^test-gui:.*\n\t.*?(-m pytest .*)$", MAKEFILE, re.MULTILINE)[1]


def test_system_libraries_of_the_workflow_are_those_of_the_makefile():
    (install,) = [
        step["run"]
        for step in read_yaml(".github/workflows/test.yml")["jobs"]["all"]["steps"]
        if "apt-get" in step.get("run", "")
    ]
    libraries = re.search(r"^LIBRARIES := (.*?[^\\])$", MAKEFILE, re.MULTILINE | re.DOTALL)[1].replace("\\\n", " ")
    assert set(install.split("install -y ")[1].split()) == set(libraries.replace("$(GLIB)", "libglib2.0-0").split())


@pytest.mark.parametrize("name", ["bug", "file", "algorithm"])
def test_templates_of_issues_are_forms_that_ask_for_something(name):
    form = read_yaml(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_a_release_checks_the_tag_and_what_pypi_will_show():
    steps = read_yaml(".github/workflows/release.yml")["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert "twine check --strict" in commands
    (check,) = [step["run"] for step in steps if "tag" in step.get("name", "")]
    for tag, status in ((f"v{proxiscope.__version__}", 0), ("v99", 1)):
        shell = ["bash", "-c", check.replace("python -c", f"{sys.executable} -c")]
        assert subprocess.run(shell, cwd=ROOT, env={"GITHUB_REF_NAME": tag}).returncode == status
