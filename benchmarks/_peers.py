"""Programs to compare with, installed apart from the environment that runs the benchmarks."""

import importlib
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent / ".peers"


def load(requirement: str, module: str) -> ModuleType:
    """Import `module`; if it is missing, install `requirement` from PyPI into ``benchmarks/.peers`` first."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # last, so that what is installed already is used
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    print(f"installing {requirement} into {FOLDER} ...", flush=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(FOLDER), requirement], check=True
    )
    importlib.invalidate_caches()
    return importlib.import_module(module)


def version(name: str) -> str:
    """Version of an installed distribution, in the environment or among the peers."""
    found = {d.metadata["Name"]: d.version for d in distributions(path=[str(FOLDER), *sys.path])}
    return found.get(name, "unknown")
