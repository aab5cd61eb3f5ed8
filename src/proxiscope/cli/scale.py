"""``--scheduler``: work that is done by other processes, here or on other machines."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..core import Algorithm, InputError
from ..phase import Ensemble


def applies(cls: type[Algorithm[Any, Any]]) -> bool:
    """Whether runs of an algorithm have pieces that others can do: starts, or slabs."""
    return cls.random_start if cls.family == "phase" else getattr(cls, "slice_reach", None) is not None


def add_option(add: Any) -> None:
    """Add the option by a parser's `add_argument`."""
    add(
        "--scheduler", metavar="local:N|ADDRESS|FILE",
        help="let N processes of this machine, or the workers of a dask scheduler at an address such as "
        "tcp://host:8786 or in its file, run the starts (--starts) or slabs (--out-of-core)",
    )  # fmt: skip


def check(options: argparse.Namespace, algorithm: Algorithm[Any, Any]) -> None:
    """Raise InputError where a scheduler is given for a run in one piece."""
    if getattr(options, "scheduler", None) and not isinstance(algorithm, Ensemble):
        phase = algorithm.family == "phase"
        found, missing = ("a single start", "--starts N") if phase else ("a series in memory", "--out-of-core")
        raise InputError("--scheduler", f"given for {found}, which is one piece of work", f"Give {missing} too")


@contextmanager
def spread(
    options: argparse.Namespace, algorithm: Any, changes: Mapping[int, Any]
) -> Iterator[tuple[Algorithm[Any, Any], dict[int, Algorithm[Any, Any]]]]:
    """An algorithm and what takes over from it, both by the workers that the options name, if they do."""
    with workers(options) as engine:
        if engine is None:
            yield algorithm, dict(changes)
        else:
            yield replace(algorithm, engine=engine), {i: replace(a, engine=engine) for i, a in changes.items()}


@contextmanager
def workers(options: argparse.Namespace) -> Iterator[Any]:
    """The workers that the options name, until the end of the block; None for this process alone."""
    text = getattr(options, "scheduler", None)
    if not text:
        yield None
        return
    from ..cluster import connect

    with connect(text) as engine:
        if not options.quiet:
            print(f"Workers at {text}: {engine.workers}", file=sys.stderr)
        yield engine
