"""What the plugin adds to napari's start: its manifest, the import of its panels, and making them.

    python benchmarks/start.py [--rounds 5]

Needs a display (or xvfb-run). Each round is a fresh process with an open viewer; figures are medians, in milliseconds.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

DEMAND = 300
"""Milliseconds that the manifest and the import of all panels may take together."""

PANELS = ("tomography", "phase", "preparation", "inspect", "learning")
PLUGIN = "napari-proxiscope"


def one_round() -> dict[str, float]:
    """Milliseconds of each part, in a process that has an open viewer."""
    from npe2 import PluginManager, PluginManifest

    import napari

    viewer = napari.Viewer()
    took: dict[str, float] = {}

    def timed(what, call):
        begin = time.perf_counter()
        found = call()
        took[what] = 1e3 * (time.perf_counter() - begin)
        return found

    timed("read the manifest", lambda: PluginManifest.from_distribution(PLUGIN))
    timed("import the commands", lambda: __import__("proxiscope.napari.commands"))
    commands = PluginManager.instance().commands
    classes = {name: timed(f"import {name}", lambda name=name: commands.get(f"{PLUGIN}.{name}")) for name in PANELS}
    for name, panel in classes.items():
        timed(f"make {name}", lambda panel=panel: panel(viewer))
    return took


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", action="store_true", help="one round in this process, as JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one_round()), flush=True)
        os._exit(0)  # with the window open
    call = [sys.executable, __file__, "--one"]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    rounds = [
        json.loads(subprocess.check_output(call, text=True, env=surroundings).splitlines()[-1])
        for _ in range(given.rounds + 1)
    ][1:]  # the first one compiles to bytecode, as an installer does
    medians = {what: median(r[what] for r in rounds) for what in rounds[0]}
    for what, milliseconds in medians.items():
        print(f"{what:24} {milliseconds:7.1f} ms")
    total = sum(ms for what, ms in medians.items() if not what.startswith("make"))
    print(f"{'in all, before making':24} {total:7.1f} ms, may be {DEMAND}{'' if total < DEMAND else ': TOO MUCH'}")


if __name__ == "__main__":
    main()
