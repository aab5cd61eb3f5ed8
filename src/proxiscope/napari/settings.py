"""What the Preferences page of the plugin says; declared in ``napari.yaml`` under ``configurations``."""

import math
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from ..core.memory import set_memory_limit
from ..core.threads import set_num_threads

PLUGIN = "napari-proxiscope"
DEFAULTS = {
    "computing": {"threads": 0, "memory": 0.0},
    "watching": {"share": 4.0, "updates": 14.0},
    "checkpoints": {"seconds": 60.0, "iterations": 0, "folder": ""},
    "scale_out": {"run_on": ""},
    "folders": {"open": "", "save": ""},
}
"""Where there are no preferences, as outside napari or in a file that something else wrote."""

_applied: Any = None


def apply(_context: Any = None) -> None:
    """Use as many threads and as much memory as is preferred, now and whenever the preferences change.

    The manifest has it called when the plugin is first used. Where nothing is preferred, what a script or a variable of
    the environment says stays.
    """
    global _applied
    page = getattr(_page(), "computing", None)
    threads, memory = int(_number("computing", "threads", 0, 1024)), _number("computing", "memory", 0, 1e6)
    known, _applied = page is _applied, page
    if threads or known:
        set_num_threads(threads)
    if memory or known:
        set_memory_limit(memory)
    if page is not None and not known:
        page.events.connect(lambda _event: apply())


def streaming_budget() -> float:
    """Share of the time, from 0 to 1, that computing and painting what is watched may take."""
    return _number("watching", "share", 0.5, 50) / 100


def streaming_tick() -> float:
    """Seconds between two looks at a run."""
    return 1 / _number("watching", "updates", 0.5, 20)


def checkpoint_every() -> dict[str, Any]:
    """``"seconds"`` and ``"iterations"`` between two checkpoints of a run; 0 for none by that."""
    iterations = int(_number("checkpoints", "iterations", 0, 1_000_000))
    return {"seconds": _number("checkpoints", "seconds", 0, 86400), "iterations": iterations}


def run_on() -> str:
    """Where many starts and large series are computed, as `proxiscope.cluster.connect` takes it."""
    return str(_value("scale_out", "run_on"))


def remember_run_on(text: str) -> None:
    """Prefer another place from now on."""
    section = getattr(_page(), "scale_out", None)
    if section is not None and section.run_on != text:
        section.run_on = text


def folder(what: str, section: str = "folders") -> str:
    """Where a dialog begins to ``"open"`` or to ``"save"``; empty where none is preferred, or it is gone."""
    path = str(_value(section, what))
    try:
        found = Path(path).expanduser()
        return str(found) if path and found.is_dir() else ""
    except (OSError, RuntimeError, ValueError):  # a name that no system allows, a home that is not known
        return ""


def _page() -> Any:
    try:
        return get_plugin_settings(PLUGIN)
    except (KeyError, ValueError, AssertionError):  # not installed as a plugin, or a file that holds something else
        return None


def _value(section: str, name: str) -> Any:
    return getattr(getattr(_page(), section, None), name, DEFAULTS[section][name])


def _number(section: str, name: str, low: float, high: float) -> float:
    """A preference, or its default where it is no number, within bounds."""
    value = _value(section, name)
    sane = isinstance(value, int | float) and math.isfinite(value)
    return min(max(float(value if sane else DEFAULTS[section][name]), low), high)
