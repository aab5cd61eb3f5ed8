"""What surrounds the package: citation, workflows, templates, links."""

import os
import re
import shlex
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


def commands_of(workflow: str, job: str) -> list[str]:
    """What a job runs, one of its steps after the other."""
    steps = read_yaml(f".github/workflows/{workflow}.yml")["jobs"][job]["steps"]
    return [step.get("run") or step.get("with", {}).get("run", "") for step in steps]


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
    assert commands_of("test", "all")[-1] == ".ci/run"
    headless, window = commands_of("test", "each")[-2:]
    side_by_side = re.search(r"^SIDE_BY_SIDE := (.*)$", MAKEFILE, re.MULTILINE)[1]
    recipe = re.search(r"^test-headless:.*\n\t.*?(-m pytest .*)$", MAKEFILE, re.MULTILINE)[1]
    assert headless == "python " + recipe.replace("$(SIDE_BY_SIDE)", side_by_side)
    assert window == "python " + re.search(r"^test-gui:.*\n\t.*?(-m pytest .*)$", MAKEFILE, re.MULTILINE)[1]


def test_the_workflow_has_the_torch_of_the_makefile():
    (install,) = [command for command in commands_of("test", "each") if "torch" in command]
    version = re.search(r'^TORCH  := ("torch==.*")$', MAKEFILE, re.MULTILINE)[1]
    (index,) = set(re.findall(r"--extra-index-url \S+", MAKEFILE))
    assert install == f"python -m pip install {version} {index}"


def test_workflows_make_what_the_makefile_has():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert commands_of("test", "coverage")[-1] == "make coverage"
    assert commands_of("test", "mutants")[-1].startswith("make mutants ")
    for name in ("test", "docs"):
        jobs = read_yaml(f".github/workflows/{name}.yml")["jobs"]
        made = [shlex.split(command)[1:] for job in jobs for command in commands_of(name, job) if "make " in command]
        assert made
        assert {words[0] for words in made} <= targets
        variables = {word.split("=")[0] for words in made for word in words[1:]}
        assert variables <= set(re.findall(r"^(\w+)\s*\?=", MAKEFILE, re.MULTILINE))


def test_coverage_is_looked_at_for_each_change_and_mutants_each_week():
    workflow = read_yaml(".github/workflows/test.yml")
    assert workflow["jobs"]["coverage"]["if"] == "github.event_name != 'schedule'"
    assert workflow["jobs"]["mutants"]["if"] == "github.event_name == 'schedule'"
    assert "github.event_name" in workflow["concurrency"]["group"]  # a push does not end the run of the week


def test_nothing_is_published_untested():
    jobs = read_yaml(".github/workflows/release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in read_yaml(".github/workflows/test.yml")[True]  # which is "on" in YAML 1.1
    assert jobs["publish"]["needs"] == ["test", "build"]


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


@pytest.mark.skipif(sys.platform == "win32", reason="the job's shell is that of Linux")
def test_a_release_checks_the_tag_and_what_pypi_will_show():
    steps = read_yaml(".github/workflows/release.yml")["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert "twine check --strict" in commands
    (check,) = [step["run"] for step in steps if "tag" in step.get("name", "")]
    for tag, status in ((f"v{proxiscope.__version__}", 0), ("v99", 1)):
        shell = ["bash", "-c", check.replace("python -c", f"{shlex.quote(sys.executable)} -c")]
        assert subprocess.run(shell, cwd=ROOT, env={**os.environ, "GITHUB_REF_NAME": tag}).returncode == status
