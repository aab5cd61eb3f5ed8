"""Memory at its peak, in a process of its own."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status(field):
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field)) * 1024


def resident() -> int:
    """Bytes that this process holds in memory."""
    if STATUS.exists():
        return _status("VmRSS:")
    import psutil

    return psutil.Process().memory_info().rss


def peak() -> int:
    """Bytes that this process has held at most, on Linux since `reset`."""
    if STATUS.exists():
        return _status("VmHWM:")  # not ru_maxrss, which counts the parent's memory before exec
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset() -> None:
    """Forget the peak so far, where that is possible."""
    if RESET.exists():
        RESET.write_text("5")


def measure(task: str, **options) -> dict[str, int]:
    """Run a function of this module in a fresh process, first on 24^3 voxels to load and compile all that it needs.

    Returns its ``"peak"`` in bytes, and by how much that is above what the process held before, ``"growth"``.
    """
    command = [sys.executable, __file__, json.dumps({"task": task} | options)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def reconstruction(size, rotations, algorithm, options, iterations=2):
    """Reconstruct `size`^3 voxels from noise."""
    from proxiscope import reconstruct, tomography

    projections = np.random.default_rng(0).random((len(rotations), size, size), np.float32)
    series = tomography.TiltSeries(projections, rotations=rotations)
    limit = {} if algorithm == "FBP" else {"max_iterations": iterations}
    reconstruct(getattr(tomography, algorithm)(**limit, **options), series)


def pair(size, rotations, kind):
    """One forward and one back projection of `size`^3 voxels."""
    from proxiscope.physics.projectors import projector

    operator = projector(kind, np.array(rotations), (size, size))
    volume = operator.pack_volume(np.random.default_rng(0).random((size,) * 3, np.float32))
    operator.adjoint(operator.forward(volume))


def main(task, size, **options):
    task = {"reconstruction": reconstruction, "pair": pair}[task]
    task(24, **options)
    gc.collect()
    before = resident()
    reset()
    task(size, **options)
    print(json.dumps({"peak": peak(), "growth": peak() - before}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
