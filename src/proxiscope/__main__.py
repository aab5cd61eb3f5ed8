"""``python -m proxiscope`` is the command ``proxiscope``."""

import os
import signal
import sys
from typing import Any

_INTERRUPTED = 130
_WORDS = b"proxiscope: interrupted, nothing was written\n"


def main() -> int:
    """Run the command line as a process of its own, in which Ctrl-C never ends in a traceback.

    Returns
    -------
    int
        The exit code: see `proxiscope.cli.main`.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, _leave)  # while libraries are imported, some of which swallow an interrupt
    from .cli import main as run

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run()
    except KeyboardInterrupt:  # before there is a command to run, or a second one while the first was being told
        os.write(2, _WORDS)
        return _INTERRUPTED
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done, and the interpreter tidies up


def _leave(number: int, frame: Any) -> None:
    os.write(2, _WORDS)
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
