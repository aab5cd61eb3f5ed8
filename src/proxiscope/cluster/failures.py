"""What is wrong with a cluster, in words."""

import warnings
from collections.abc import Mapping
from typing import Any

from ..core.errors import InputError, ProxiscopeError

PATIENCE = 60.0
"""Seconds for which a cluster may be without any worker."""


class ClusterError(ProxiscopeError, RuntimeError):
    """The cluster failed, not the work: its scheduler is gone, or workers die."""


def lost() -> ClusterError:
    """For a scheduler that is gone."""
    return ClusterError(
        "The connection to the dask scheduler is lost. Check that it still runs and can be reached from here, then "
        "resume from a checkpoint or run again."
    )


def killed() -> ClusterError:
    """For work that kills workers."""
    return ClusterError(
        "One piece of the work killed each dask worker that tried it. See their logs: they may lack memory, or a "
        "library may crash. Give the workers more memory, or let each have fewer threads."
    )


def no_workers() -> ClusterError:
    """For a scheduler without any."""
    return ClusterError(
        f"The dask scheduler has had no worker for {PATIENCE:.0f} s. Start some, or wait until their jobs run, then "
        "resume from a checkpoint or run again."
    )


PACKAGES = ("napari-proxiscope", "numpy", "numba", "scipy")


def check_versions(found: Mapping[str, Any]) -> None:
    """Refuse workers with another Python or proxiscope; warn of other libraries, whose last bits may differ."""
    here = found["client"]["packages"]
    for address, worker in found["workers"].items():
        there = (worker or {}).get("packages") or {}
        pairs = {name: (here.get(name), there.get(name)) for name in ("python", *PACKAGES)}
        minor = {name: tuple(".".join(str(v).split(".")[:2]) for v in pair) for name, pair in pairs.items()}
        for name in ("python", "napari-proxiscope"):
            a, b = minor[name] if name == "python" else pairs[name]
            if a != b:
                found_there = f"the worker {address} has {name} {b or 'not installed'}, this process {a}"
                raise InputError("scheduler", found_there, "Start the workers from the same environment")
        other = [f"{name} {b} (here {a})" for name, (a, b) in pairs.items() if name != "python" and a != b]
        if other:
            text = f"scheduler: the worker {address} has {', '.join(other)}: results may differ in their last digits."
            warnings.warn(f"{text} Start the workers from the same environment.", stacklevel=4)
            return
