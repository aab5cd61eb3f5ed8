"""The end of a soak: figures, a verdict, and a plot."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = (
    "seconds", "event", "rss_mb", "heap_mb", "threads", "ours", "native", "files", "widgets", "viewers", "layers",
    "runs", "actions", "told", "failures", "stall_s", "action",
)  # fmt: skip
FAILURES = ("uncaught", "unclear", "unraisable", "qt-threads", "script", "left")
"""Kinds of errors that must not be; what is told to the user in clear words is none of them."""
LONGEST = 2.0
"""Seconds that the window may stand still because of us."""
PER_WINDOW, PER_HOUR = 6.0, 60.0
"""Megabytes by which memory may grow beyond what napari itself leaves with each window, and in an hour."""
ENOUGH, LONG = 8, 15 / 60
"""Windows closed without a crash in between, and hours of their later half, from which a growth can be told."""


def header(folder: Path) -> None:
    """Begin the table of samples."""
    with open(folder / "samples.csv", "w", newline="") as file:
        csv.writer(file).writerow(COLUMNS)


def report(folder: Path, crashes: list[dict], control: Path | None = None) -> int:
    """Write ``summary.json`` and ``soak.png``, print the verdict; 0 when all is as it must be."""
    found = summary(folder, crashes)
    if control is not None:
        found["control"] = json.loads((control / "summary.json").read_text())["growth"]
    found["wrong"] = wrong(found)
    (folder / "summary.json").write_text(json.dumps(found, indent=1))
    plot(folder, found)
    print(json.dumps({key: value for key, value in found.items() if key not in ("crashes", "texts")}, indent=1))
    for text, number in list(found["texts"].items())[:25]:
        print(f"{number:6} {text}")
    print("\n".join(found["wrong"]) or "All is as it must be.")
    return int(bool(found["wrong"]))


def summary(folder: Path, crashes: list[dict]) -> dict[str, Any]:
    """What the files of a soak say."""
    for name in ("objects.jsonl", "stalls.jsonl", "errors.log"):
        (folder / name).touch()
    samples = table(folder)
    lives = [json.loads(line) for line in (folder / "objects.jsonl").read_text().splitlines()]
    stalls = [json.loads(line) for line in (folder / "stalls.jsonl").read_text().splitlines()]
    parts = Counter(row["part"] for row in samples)
    last = [[row for row in samples if row["part"] == part][-1] for part in parts]
    counts, texts = Counter(), Counter()
    for i, one in enumerate(lives):  # counts begin anew after a crash
        if i + 1 == len(lives) or sum(lives[i + 1]["counts"].values()) < sum(one["counts"].values()):
            counts.update(one["counts"])
            texts.update(one["texts"])
    actions = sum(int(row["actions"]) for row in last)
    minutes = (samples[-1]["seconds"] - samples[0]["seconds"]) / 60 if samples else 0
    ended = [one for one in lives if one["event"] == "end"]
    native = [crash for crash in crashes if crash["how"].startswith("SIG")]
    return {
        "minutes": round(minutes, 1), "actions": actions, "actions_per_minute": round(actions / max(minutes, 0.1), 1),
        "windows": sum(row["event"] == "closed" for row in samples), "errors": dict(counts),
        "errors_written": (folder / "errors.log").read_text().count("\n==== "),
        "stalls": {
            "over_2_s": sum(lasted(one) > LONGEST for one in stalls),
            "longest": max((one["length"] for one in stalls), default=0),
            "garbage_over_2_s": sum(one["garbage"] > LONGEST for one in stalls),
            "longest_of_ours": max((ours(one) for one in stalls), default=0),
            "through_us_over_2_s": [brief(one) for one in stalls if lasted(one) > LONGEST and one["through"] > 1][:20],
            "lock_held_over_2_s": sum(held(one) > LONGEST for one in stalls),
        },
        "growth": growth(samples),
        "threads_at_the_end": {name: ended[-1][name] for name in ("threads", "native")} if ended else None,
        "left_at_the_end": ended[-1]["objects"] if ended else None,
        "native_crashes": len(native), "crashes_in_ours": sum("/proxiscope/" in top(c["stack"]) for c in native),
        "ended_otherwise": [c["how"] for c in crashes if c not in native],
        "crashes": crashes, "texts": dict(texts.most_common(200)),
    }  # fmt: skip


def table(folder: Path) -> list[dict[str, Any]]:
    """The samples with numbers as numbers, and the number of the process that each is of."""
    with open(folder / "samples.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["action"] is not None]
    part, before = 0, 0
    for row in rows:
        for name in COLUMNS:
            if name not in ("event", "action"):
                row[name] = float(row[name] or 0)
        part, before = part + (row["actions"] < before), row["actions"]
        row["part"] = part
    return rows


def growth(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Of memory with all windows closed and the garbage collected: over the last half of the longest stretch."""
    closed = [row for row in samples if row["event"] == "closed"]
    parts = Counter(row["part"] for row in closed)
    if not parts:
        return {"windows": 0}
    longest = parts.most_common(1)[0][0]
    rows = [row for row in closed if row["part"] == longest]
    half = rows[len(rows) // 2 :]
    found: dict[str, Any] = {
        "windows": len(rows),
        "rss_mb": [row["rss_mb"] for row in rows], "heap_mb": [row["heap_mb"] for row in rows],
        **{name: [int(row[name]) for row in rows] for name in ("threads", "ours", "native", "files", "widgets")},
    }  # fmt: skip
    if len(half) > 2:
        hours = np.array([row["seconds"] for row in half]) / 3600
        found["hours"] = round(float(np.ptp(hours)), 3)
        for name in ("rss_mb", "heap_mb"):
            values = [row[name] for row in half]
            found[f"{name}_per_hour"] = round(float(np.polyfit(hours, values, 1)[0]), 1)
            found[f"{name}_per_window"] = round(float(np.polyfit(np.arange(len(half)), values, 1)[0]), 2)
    return found


def wrong(found: dict[str, Any]) -> list[str]:
    """What is not as it must be, in sentences."""
    said = [f"{found['errors'][kind]} errors: {kind}" for kind in FAILURES if found["errors"].get(kind)]
    if found["errors_written"] and not said:
        said.append(f"{found['errors_written']} errors in errors.log")
    stalls = found["stalls"]
    if stalls["longest_of_ours"] > LONGEST:
        said.append(f"The window stood still for {stalls['longest_of_ours']} s in our code")
    if stalls["lock_held_over_2_s"]:
        said.append(f"The interpreter's lock was held for over 2 s {stalls['lock_held_over_2_s']} times")
    ended, grown = found["threads_at_the_end"], found["growth"]
    if ended is None:
        said.append("There is no orderly end")
    elif left := {k: n for k, n in ended["threads"].items() if k.startswith("proxiscope-") and "kernel" not in k}:
        said.append(f"Threads left behind: {left}")
    if grown["windows"] and grown["threads"][-1] > max(grown["threads"][: max(1, grown["windows"] // 2)]) + 2:
        said.append(f"Threads grow: {grown['threads']}")
    if grown["windows"] >= ENOUGH and grown["hours"] >= LONG:
        per_window = grown["rss_mb_per_window"] - found.get("control", {}).get("rss_mb_per_window", 0)
        if per_window > PER_WINDOW and grown["rss_mb_per_hour"] > PER_HOUR:
            said.append(f"Memory grows by {per_window:.1f} MB a window beyond napari's own")
        if grown["widgets"][-1] > 1.2 * grown["widgets"][len(grown["widgets"]) // 2] + 50:
            said.append(f"Widgets grow: {grown['widgets']}")
    if found["crashes_in_ours"]:
        said.append(f"{found['crashes_in_ours']} native crashes in our code")
    return said + [f"The process ended: {how}" for how in found["ended_otherwise"]]


def lasted(stall: dict[str, Any]) -> float:
    """Seconds of a stall in which the window's thread had a processor, or waited for something in this process."""
    return max(0.0, stall["length"] - stall["starved"])


def ours(stall: dict[str, Any]) -> float:
    """Seconds of a stall in which our code was the innermost of all that could be to blame, and had a processor.

    Without those in which Python collected garbage, of all that lives.
    """
    seconds = stall["by"].get("proxiscope", 0.0) * lasted(stall) / stall["length"]
    return round(max(0.0, seconds - stall["garbage"]), 2)


def held(stall: dict[str, Any]) -> float:
    """Seconds in which Python's other threads could not run, though the process was at work.

    Garbage that is collected does not count; napari has that done whenever a layer goes.
    """
    busy = stall["processor"] > 0.5 * stall["length"] > stall["starved"]
    counting = stall["by"].get("benchmarks", 0.0)  # what lives, after a closing
    return max(0.0, stall["unseen"] - stall["garbage"] - counting) if busy else 0.0


def brief(stall: dict[str, Any]) -> dict[str, Any]:
    """Where most of it was."""
    return {
        "length": stall["length"],
        "by": stall["by"],
        "starved": stall["starved"],
        "action": stall["action"],
        "at": stall["stacks"][0][0][:300],
    }


def top(stack: str) -> str:
    """The innermost frame of the thread that crashed."""
    lines = stack.split("Current thread", 1)[-1].splitlines()
    return lines[1] if len(lines) > 1 else ""


def plot(folder: Path, found: dict[str, Any]) -> None:
    """Memory, threads, widgets and stalls over time; a line where a window closed, a red one at a crash."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = table(folder)
    if not rows:
        return
    minutes = np.array([row["seconds"] for row in rows]) / 60
    figure, axes = pyplot.subplots(5, 1, figsize=(11, 12), sharex=True, constrained_layout=True)
    shown = {
        "Memory (MB)": {"rss_mb": "resident", "heap_mb": "given out by malloc"},
        "Threads": {"native": "native", "threads": "Python", "ours": "of our workers"},
        "Qt widgets": {"widgets": "widgets"},
        "Number": {"files": "open files", "layers": "layers", "runs": "runs"},
        "Stall (s)": {"stall_s": "longest"},
    }
    for axis, (title, columns) in zip(axes, shown.items(), strict=True):
        for name, label in columns.items():
            axis.plot(minutes, [row[name] for row in rows], lw=0.8, label=label)
        axis.set_ylabel(title)
        for row in rows:
            if row["event"] == "closed":
                axis.axvline(row["seconds"] / 60, color="0.8", lw=0.6, zorder=0)
        for crash in found["crashes"]:
            axis.axvline(crash["seconds"] / 60, color="tab:red", lw=0.8, zorder=0)
    closed = [row for row in rows if row["event"] == "closed"]
    axes[0].plot([r["seconds"] / 60 for r in closed], [r["rss_mb"] for r in closed], "k.", label="all windows closed")
    for axis in axes:
        axis.legend(loc="upper left", fontsize=8)
    axes[-1].set_xlabel("Minutes")
    crashes = f"{found['native_crashes']} native crashes"
    figure.suptitle(f"{found['actions']} actions, {found['windows']} windows closed, {crashes}")
    figure.savefig(folder / "soak.png", dpi=120)
