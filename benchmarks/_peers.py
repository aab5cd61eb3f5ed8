"""Programs to compare with, installed apart from the environment that runs the benchmarks."""

import importlib
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent / ".peers"


def install(folder: Path, *requirements: str) -> None:
    """Install requirements, or other arguments of ``pip install``, from PyPI into `folder`."""
    print(f"installing {' '.join(requirements)} into {folder} ...", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *requirements]
    subprocess.run(command, check=True)


def load(requirement: str, module: str) -> ModuleType:
    """Import `module`; if it is missing, install `requirement` from PyPI into ``benchmarks/.peers`` first."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # last, so that what is installed already is used
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    install(FOLDER, requirement)
    importlib.invalidate_caches()
    return importlib.import_module(module)


def version(name: str) -> str:
    """Version of an installed distribution, in the environment or among the peers."""
    found = {d.metadata["Name"]: d.version for d in distributions(path=[str(FOLDER), *sys.path])}
    return found.get(name, "unknown")
