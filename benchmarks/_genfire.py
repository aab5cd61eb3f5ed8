"""GENFIRE-Python 1.1.11 in a process of its own, an iteration at a time.

Its release is pure Python and runs on Python 3.11 and NumPy 2 as it is. Three things are arranged from outside: its
windows, which want PyQt5 and matplotlib, are replaced by empty modules; pyFFTW, which it recommends, is installed with
it; and its FFTs take one thread instead of six.
"""

import json
import subprocess
import sys
import time
from unittest.mock import MagicMock

import _memory
import _peers
import numpy as np

FOLDER = _peers.FOLDER / "genfire"
ITERATIONS = 50  # that it is told to run; its set of constraints then stays for the first sixteen


class Genfire:
    """A reconstruction of `size`^3 from random projections; the first iteration warms up and is already done."""

    def __init__(self, size: int, rotations: np.ndarray):
        if not (FOLDER / "genfire").exists():
            _peers.install(FOLDER, "--no-deps", "genfire==1.1.11", "pyfftw")
        command = [sys.executable, __file__, json.dumps({"size": size, "rotations": rotations.tolist()})]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.iteration()

    def iteration(self) -> float:
        """CPU seconds of the next iteration."""
        return self._ask("next")

    def close(self) -> float:
        """End the process; bytes of memory that it held at its peak."""
        peak = self._ask("peak")
        self._process.communicate()
        return peak

    def _ask(self, question):
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        while line := self._process.stdout.readline():
            if line.startswith("answer "):
                return float(line.split()[1])
        raise RuntimeError(f"GENFIRE ended with {self._process.wait()}")


def serve(size, rotations):
    """Answer on the standard output what is asked on the standard input."""
    sys.path.append(str(FOLDER))
    for name in ("matplotlib", "matplotlib.pyplot", "genfire.gui"):
        sys.modules[name] = MagicMock()
    import genfire

    for name in ("rfftn", "irfftn", "fftn_fftshift"):
        getattr(genfire.reconstruct, name).__defaults__ = (1,)
    transform, began = genfire.reconstruct.rfftn, []

    def watched(image):  # called once an iteration
        now = time.process_time()
        if began:
            print(f"answer {now - began.pop()}", flush=True)
        if sys.stdin.readline() != "next\n":
            print(f"answer {_memory.peak()}", flush=True)
            sys.exit()
        began.append(time.process_time())
        return transform(image)

    genfire.reconstruct.rfftn = watched
    projections = np.random.default_rng(0).random((size, size, len(rotations)))
    genfire.reconstruct.GenfireReconstructor(
        projections=projections, eulerAngles=np.array(rotations), numIterations=ITERATIONS,
        resolutionExtensionSuppressionState=2, calculateRfree=False, verbose=False,
    ).reconstruct()  # fmt: skip


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
