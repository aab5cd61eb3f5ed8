"""What is shipped: the layout, the metadata, and a plugin that napari finds however it was installed."""

import ast
import configparser
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import proxiscope
from proxiscope.io import READ_SUFFIXES, WRITE_SUFFIXES

ROOT = Path(__file__).parents[1]
NAME = "napari-proxiscope"
SOURCE = ROOT / "src" / "proxiscope"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MANIFEST = yaml.safe_load((SOURCE / "napari.yaml").read_text(encoding="utf-8"))
QT_BINDINGS = {"pyqt5", "pyqt6", "pyside2", "pyside6"}
HEADLESS = {"QT_QPA_PLATFORM": "offscreen"}
FOR_SOME_FILES = {"dask", "fabio", "h5py", "hdf5plugin", "numcodecs", "rsciio", "tifffile", "yaozarrs", "zarr"}
"""Packages that only the files of some format need; rsciio is under the GPL."""

TAKE_LONG = {
    "distributed", "matplotlib", "rocket_fft", "scipy.fft", "scipy.interpolate", "scipy.linalg", "scipy.ndimage",
    "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.spatial", "scipy.stats", "skimage", "sklearn", "torch",
}  # fmt: skip
"""What is imported when something runs: as ``scipy.fft.rfft``, of ``import scipy`` alone, or by `Later`."""


def call(*command, **surroundings: str) -> str:
    """Run a command that has to succeed; what it printed."""
    done = subprocess.run(
        [str(c) for c in command],
        env=os.environ | surroundings,
        cwd=Path(sys.prefix),  # not in the repository, whose files must not stand in for installed ones
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestLayout:
    @pytest.mark.parametrize(
        "name",
        [
            "pyproject.toml", "README.md", "src", "tests", "napari.yaml", "docs", "benchmarks", "Makefile",
            ".ci/run", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md",
            "SECURITY.md",
        ],
    )  # fmt: skip
    def test_the_top_level_holds(self, name):
        assert (ROOT / name).exists()

    @pytest.mark.skipif(not (ROOT / "napari.yaml").is_symlink(), reason="a checkout without symbolic links")
    def test_the_manifest_at_the_top_is_the_one_in_the_package(self):
        assert (ROOT / "napari.yaml").read_bytes() == (SOURCE / "napari.yaml").read_bytes()

    @pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
    def test_the_ci_script_can_be_run(self):
        assert os.access(ROOT / ".ci" / "run", os.X_OK)


class TestProject:
    def test_the_base_needs_no_qt_binding_and_the_extra_all_brings_one(self):
        base = [Requirement(text) for text in PROJECT["dependencies"]]
        assert not QT_BINDINGS & all_of(base)
        assert QT_BINDINGS & all_of(extra("all"))
        assert all("6.12.0" not in r.specifier for r in extra("pyside6") if r.name == "PySide6")

    def test_the_extras_exist(self):
        assert {"all", "pyside6", "learning", "cluster", "gpu", "dev"} <= set(PROJECT["optional-dependencies"])

    def test_the_extra_dev_holds_what_builds_the_package(self):
        assert {"build", "editables", "hatchling", "npe2", "pytest"} <= {r.name for r in extra("dev")}

    def test_what_the_code_imports_is_declared(self):
        declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
        known = {*sys.stdlib_module_names, "proxiscope"}
        known |= {name for name, owners in providers().items() if declared & owners}
        imported = {(name, path) for path in SOURCE.rglob("*.py") for name in imports(path)}
        unknown = {(name, path.relative_to(SOURCE)) for name, path in imported if name not in known}
        extras = (Path("learning/torch"), Path("experiments"), Path("cluster"))
        assert {(name, path) for name, path in unknown if not any(map(path.is_relative_to, extras))} == set()
        assert {name for name, _ in unknown} == {"torch", "distributed"}

    def test_what_is_declared_is_imported(self):
        used = [providers().get(name, set()) for path in SOURCE.rglob("*.py") for name in imports(path)]
        declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
        assert declared - set().union(*used) == set()

    def test_packages_for_the_files_of_some_format_wait_for_such_a_file(self):
        code = "import sys, proxiscope, proxiscope.io, proxiscope.cli; print(*sys.modules)"
        assert FOR_SOME_FILES & set(call(sys.executable, "-c", code).split()) == set()


@cache
def providers() -> dict[str, set[str]]:
    """Packages to install by the name that they are imported under: rosettasciio by rsciio."""
    return {name: set(map(canonicalize_name, owners)) for name, owners in packages_distributions().items()}


def imports(path: Path) -> set[str]:
    """Top-level names of the packages that a module imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.split(".")[0] for name in names}


def all_of(given: list[Requirement]) -> set[str]:
    """Names of what is installed with requirements: they, what they require, and so on."""
    found, left = set(), [(r.name.lower(), wanted) for r in given for wanted in {"", *r.extras}]
    while left:
        name, wanted = left.pop()
        if (name, wanted) in found:
            continue
        found.add((name, wanted))
        try:
            further = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:  # of an extra that is not installed here, which is one of the names all the same
            continue
        for r in further:
            if r.marker is None or r.marker.evaluate({"extra": wanted}):
                left += [(r.name.lower(), e) for e in {"", *r.extras}]
    return {name for name, _ in found}


def extra(name: str) -> list[Requirement]:
    return [Requirement(text) for text in PROJECT["optional-dependencies"][name]]


class TestManifest:
    def test_it_is_valid_and_found_in_the_environment_at_hand(self):
        found = PluginManifest.from_distribution(NAME)
        assert found == PluginManifest.from_file(SOURCE / "napari.yaml")

    def test_every_contribution_names_a_command_that_exists(self):
        commands = [command["id"] for command in MANIFEST["contributions"]["commands"]]
        contributed = ("widgets", "readers", "writers", "sample_data")
        entries = [entry for kind in contributed for entry in MANIFEST["contributions"][kind]]
        entries += [entry for menu in MANIFEST["contributions"]["menus"].values() for entry in menu]
        assert {entry["command"] for entry in entries} <= set(commands)
        assert len(commands) == len(set(commands))

    def test_the_reader_is_offered_every_file_that_can_be_read(self):
        patterns = [p for reader in MANIFEST["contributions"]["readers"] for p in reader["filename_patterns"]]
        assert len(patterns) == len(set(patterns))
        assert set(patterns) == {f"*{suffix}" for suffix in READ_SUFFIXES}

    def test_the_writer_offers_only_files_that_can_be_written(self):
        for writer in MANIFEST["contributions"]["writers"]:
            assert set(writer["filename_extensions"]) <= set(WRITE_SUFFIXES)

    def test_every_python_name_can_be_imported(self):
        names = [command["python_name"] for command in MANIFEST["contributions"]["commands"]]
        code = (
            "import sys\n"
            "from importlib import import_module\n"
            "for module, _, attribute in (name.partition(':') for name in sys.argv[1:]):\n"
            "    assert callable(getattr(import_module(module), attribute))\n"
        )
        skip_without_qt()
        call(sys.executable, "-c", code, *names, **HEADLESS)

    def test_panels_wait_with_what_takes_long_to_import(self):
        names = [entry["command"].split(".")[1] for entry in MANIFEST["contributions"]["widgets"]]
        classes = {c["id"].split(".")[1]: c["python_name"].split(":")[1] for c in MANIFEST["contributions"]["commands"]}
        code = (
            "import sys, napari.viewer, napari.layers, napari.qt, napari.settings, napari._qt.qt_main_window\n"
            "import pyqtgraph  # old ones import h5py\n"
            "from proxiscope.core import algorithms\n"
            "from proxiscope.demos import demos\n"
            "before = set(sys.modules)\n"
            "from proxiscope.napari import panels, commands, settings, shortcuts\n"
            "assert all(isinstance(getattr(panels, name), type) for name in sys.argv[1:])\n"
            "algorithms(), demos()\n"
            "print(*(set(sys.modules) - before))"
        )
        skip_without_qt()
        imported = set(call(sys.executable, "-c", code, *(classes[name] for name in names), **HEADLESS).split())
        assert {"proxiscope.napari.panels.tomography", "proxiscope.phase.gps", "proxiscope.demos.hill"} <= imported
        assert imported & (FOR_SOME_FILES | TAKE_LONG) == set()


def skip_without_qt() -> None:
    """Skip where Qt cannot be loaded, as on a machine without its system libraries."""
    done = subprocess.run(
        [sys.executable, "-c", "from qtpy import QtWidgets"], env=os.environ | HEADLESS, capture_output=True
    )
    if done.returncode:
        pytest.skip("Qt cannot be loaded here")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Path]:
    """The sdist, the wheel of the tree, and the wheel made from the sdist."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    call(*build, folder / "tree", "--wheel", ROOT)
    call(*build, folder / "sdist", ROOT)  # the sdist, and from it a wheel
    return {
        "wheel": next((folder / "tree").glob("*.whl")),
        "sdist": next((folder / "sdist").glob("*.tar.gz")),
        "wheel from sdist": next((folder / "sdist").glob("*.whl")),
    }


def files(archive: Path) -> dict[str, bytes]:
    """Names and contents of what an archive holds, without the sdist's own folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as sdist:
        members = [member for member in sdist.getmembers() if member.isfile()]
        return {m.name.split("/", 1)[1]: sdist.extractfile(m).read() for m in members}


@pytest.mark.slow
class TestArchives:
    @pytest.mark.parametrize("kind", ["wheel", "sdist", "wheel from sdist"])
    def test_each_holds_the_manifest_and_all_modules(self, built, kind):
        prefix = "src/" if kind == "sdist" else ""
        held = files(built[kind])
        manifest = (SOURCE / "napari.yaml").read_bytes()
        assert held[f"{prefix}proxiscope/napari.yaml"] == manifest
        modules = {prefix + path.relative_to(ROOT / "src").as_posix() for path in SOURCE.rglob("*.py")}
        assert modules <= set(held)

    def test_the_sdist_gives_the_same_wheel_as_the_tree(self, built):
        tree, sdist = files(built["wheel"]), files(built["wheel from sdist"])
        assert set(tree) == set(sdist)
        assert [name for name in tree if tree[name] != sdist[name]] == []

    def test_the_wheel_holds_the_package_and_nothing_else(self, built):
        held = files(built["wheel"])
        version = built["wheel"].name.split("-py3")[0]
        assert {name.split("/")[0] for name in held} == {"proxiscope", f"{version}.dist-info"}
        assert {Path(name).suffix for name in held if name.startswith("proxiscope/")} == {".py", ".typed", ".yaml"}

    def test_the_sdist_holds_what_the_tests_and_the_docs_need_and_no_litter(self, built):
        held = files(built["sdist"])
        assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "PKG-INFO"} <= set(held)
        assert {"tests/conftest.py", "tests/problems.py", "tests/test_packaging.py"} <= set(held)
        assert {"docs", "benchmarks", "src", "tests"} <= {name.split("/")[0] for name in held}
        assert not any("__pycache__" in name or "/." in name for name in held)
        assert built["sdist"].stat().st_size < 8e6

    def test_the_metadata_say_what_the_project_is(self, built):
        metadata = metadata_of(built["wheel"])
        assert metadata["Name"] == NAME
        assert metadata["Version"] == proxiscope.__version__
        assert "Framework :: napari" in metadata.get_all("Classifier")
        assert metadata["License-Expression"] == "BSD-3-Clause"
        assert not any(c.startswith("License ::") for c in metadata.get_all("Classifier"))
        assert metadata.get_all("License-File") == ["LICENSE"]
        assert metadata["Requires-Python"] == ">=3.11"
        assert metadata["Description-Content-Type"] == "text/markdown"
        assert metadata["Summary"] == PROJECT["description"]
        assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
        assert metadata_of(built["wheel from sdist"]).as_string() == metadata.as_string()

    def test_twine_finds_nothing_to_complain_of(self, built):
        pytest.importorskip("twine")
        call(sys.executable, "-m", "twine", "check", "--strict", *built.values(), NO_COLOR="1")

    def test_the_wheel_carries_its_licence(self, built):
        held = files(built["wheel"])
        (name,) = [name for name in held if name.endswith("licenses/LICENSE")]
        assert held[name] == (ROOT / "LICENSE").read_bytes()

    def test_the_entry_points_are_the_command_and_the_manifest(self, built):
        held = files(built["wheel"])
        (name,) = [name for name in held if name.endswith("entry_points.txt")]
        entries = configparser.ConfigParser()
        entries.read_string(held[name].decode())
        assert dict(entries["console_scripts"]) == {"proxiscope": "proxiscope.__main__:main"}
        assert dict(entries["napari.manifest"]) == {NAME: "proxiscope:napari.yaml"}


def metadata_of(wheel: Path) -> Message:
    (text,) = [content for name, content in files(wheel).items() if name.endswith("METADATA")]
    return Parser().parsestr(text.decode())


DISCOVER = """
import json
from importlib import metadata, util
from npe2 import PluginManager
manager = PluginManager.instance()
manager.discover()
manifest = manager.get_manifest("napari-proxiscope")
contributions = manifest.contributions
distribution = metadata.distribution("napari-proxiscope")
print(json.dumps({
    "package": util.find_spec("proxiscope").origin,
    "metadata": str(distribution.locate_file("")),
    "direct_url": json.loads(distribution.read_text("direct_url.json") or "{}"),
    "version": manifest.package_metadata.version,
    "contributions": {
        "widgets": [c.display_name for c in contributions.widgets],
        "readers": [c.command for c in contributions.readers],
        "writers": [c.command for c in contributions.writers],
        "sample_data": [c.key for c in contributions.sample_data],
    },
    "offered": sorted({r.command for r in manager.iter_compatible_readers("a_series.mrc")}),
    "samples": [data.shape for c in contributions.sample_data for data, *_ in c.open()],
}))
"""


@pytest.fixture(scope="session", params=["wheel", "sdist", "editable"])
def installed(request, built, tmp_path_factory) -> tuple[str, Path]:
    """The package alone in an environment of its own, whose other packages are those of this one."""
    pytest.importorskip("pip")
    if request.param == "editable":
        pytest.importorskip("editables")
    folder = tmp_path_factory.mktemp(request.param)
    call(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))  # searched last; its own .pth are not read
    source = ["--editable", ROOT] if request.param == "editable" else [built[request.param]]
    call(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check",
        "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed", *source,
    )  # fmt: skip
    return request.param, python


@pytest.mark.slow
class TestInstalled:
    def test_napari_finds_widgets_readers_writers_and_sample_data(self, installed):
        kind, python = installed
        found = json.loads(call(python, "-c", DISCOVER))
        assert found["version"] == proxiscope.__version__
        assert found["contributions"] == {
            "widgets": [entry["display_name"] for entry in MANIFEST["contributions"]["widgets"]],
            "readers": [entry["command"] for entry in MANIFEST["contributions"]["readers"]],
            "writers": [entry["command"] for entry in MANIFEST["contributions"]["writers"]],
            "sample_data": [entry["key"] for entry in MANIFEST["contributions"]["sample_data"]],
        }
        assert f"{NAME}.get_reader" in found["offered"]
        assert len(found["samples"]) >= 2
        assert python.parents[1] in Path(found["metadata"]).parents
        package = Path(found["package"])
        if kind == "editable":
            assert package == SOURCE / "__init__.py"
            assert found["direct_url"]["dir_info"] == {"editable": True}
        else:
            assert python.parents[1] in package.parents

    def test_npe2_validates_it(self, installed):
        _, python = installed
        assert "valid!" in call(python, "-m", "npe2", "validate", NAME, PYTHONIOENCODING="utf-8")

    def test_npe2_can_import_all_that_it_names(self, installed):
        skip_without_qt()
        _, python = installed
        surroundings = HEADLESS | {"PYTHONIOENCODING": "utf-8"}
        assert "valid!" in call(python, "-m", "npe2", "validate", NAME, "--imports", **surroundings)

    def test_the_command_runs(self, installed):
        _, python = installed
        script = python.with_name("proxiscope" + (".exe" if os.name == "nt" else ""))
        assert call(script, "--version") == f"proxiscope {proxiscope.__version__}\n"
        assert set(json.loads(call(script, "algorithms", "--json"))) == set(proxiscope.algorithms())
