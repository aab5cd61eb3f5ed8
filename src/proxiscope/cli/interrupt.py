"""Ctrl-C, or the signal of a queue whose time is up, that waits until what is at hand is whole."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held(words: str, quiet: bool = False) -> Iterator[threading.Event]:
    """Keep the first Ctrl-C from breaking into the block: it sets the event, and is answered by `words`.

    The second one breaks in. SIGTERM, which batch systems send before they kill, counts as Ctrl-C. Elsewhere than in
    the main thread, or where somebody else handles Ctrl-C, nothing is held; where the shell has it ignored, as in the
    background of a script, SIGTERM alone is.
    """
    stop = threading.Event()

    def hold(number: int, frame: Any) -> None:
        for each in mine:
            signal.signal(each, signal.default_int_handler)
        stop.set()
        if not quiet:  # a signal handler must not print: it may have broken into a print
            with suppress(OSError):
                os.write(2, f"\n{words} Ctrl-C again leaves at once, without a result.\n".encode())

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    usual = threading.current_thread() is threading.main_thread()
    usual = usual and before[signal.SIGINT] in (signal.default_int_handler, signal.SIG_IGN)
    mine = [each for each in _SIGNALS if usual and before[each] != signal.SIG_IGN]
    for each in mine:
        signal.signal(each, hold)
    try:
        yield stop
    finally:
        for each in mine:
            signal.signal(each, before[each])
