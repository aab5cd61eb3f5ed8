"""A dask scheduler in this process with workers in processes of their own, on this machine alone.

The workers are started by dask's command line rather than by `multiprocessing`, which would run the script that asks
for them once more in each of them. Nothing listens but the scheduler and the workers, at 127.0.0.1, and they talk
to nobody without the key that is made for each cluster: dask's workers do whatever they are told.
"""

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

from ..core.errors import InputError
from ..core.threads import num_threads

START = 60.0
"""Seconds that the workers may take to start."""

_SETTINGS = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "10s",
    "distributed.worker.profile.enabled": False,
}
"""What dask watches for its dashboard, and for memory limits, would take a fortieth of two processors."""

_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(2**27), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""Dask's own choice makes glibc ask the system for each image anew, which costs a fifth of the workers' time."""


class LocalCluster:
    """Workers of this machine with one thread each, in a ``with`` block.

    Parameters
    ----------
    workers : int
        0 for one for each processor.

    Attributes
    ----------
    address : str
        Of the scheduler.
    security : distributed.security.Security
        The key that a client needs.
    """

    def __init__(self, workers: int = 0):
        self._workers = workers or num_threads()

    def __enter__(self) -> "LocalCluster":
        with ExitStack() as closing:
            folder = tempfile.TemporaryDirectory(prefix="proxiscope-workers-", ignore_cleanup_errors=True)
            log = Path(closing.enter_context(folder), "log.txt")  # in a folder that others cannot look into
            self.security = _security()
            self._scheduler = closing.enter_context(_scheduler(log.parent, self.security))
            self.address = self._scheduler.scheduler_address
            process = _start_workers(self.address, self._workers, log, _key_options(self.security, log.parent))
            closing.callback(_end, process)
            self._wait(process, log)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.close()

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + START
        while len(self._scheduler.scheduler.workers) < self._workers:
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").strip().splitlines()
                raise RuntimeError(" ".join(lines[-3:]) or f"none came within {START:.0f} s")
            time.sleep(0.02)


def _security() -> Any:
    from distributed.security import Security

    try:
        made: Any = Security
        return made.temporary()
    except ImportError as error:
        found, remedy = "local, and cryptography is not installed", 'pip install "napari-proxiscope[cluster]"'
        raise InputError("scheduler", found, remedy) from error


def _key_options(security: Any, folder: Path) -> dict[str, Path]:
    """Options of a worker that name files with the key."""
    texts = {"ca-file": security.tls_ca_file, "cert": security.tls_worker_cert, "key": security.tls_worker_key}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {f"tls-{name}": folder / name for name in texts}


def _scheduler(folder: Path, security: Any) -> Any:
    import dask
    from distributed import LocalCluster

    start: Any = LocalCluster

    with dask.config.set({**_SETTINGS, "temporary-directory": str(folder)}):
        cluster = start(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            protocol="tls",
            security=security,
            scheduler_kwargs={"dashboard": False, "allowed_failures": 2},
            silence_logs=logging.CRITICAL,
        )
    cluster.scheduler.http_server.stop()  # dask starts one, whatever is asked for
    return cluster


def dask_setup(server: Any) -> None:
    """Called by each worker as it starts, whose web server stops; and by what watches a worker, to watch us, too."""
    if hasattr(server, "http_server"):
        server.http_server.stop()
    else:
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the process that started this one has ended, whatever ended it, and end with all workers."""
    sys.stdin.buffer.read()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)


def _start_workers(address: str, count: int, log: Path, key: dict[str, Path]) -> subprocess.Popen[bytes]:
    options = {
        "nworkers": count, "nthreads": 1, "host": "127.0.0.1", "dashboard-address": "127.0.0.1:0", "memory-limit": 0,
        "local-directory": log.parent, "death-timeout": int(START), "preload": __name__, "preload-nanny": __name__,
        **key,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    path = os.pathsep.join(filter(None, sys.path))  # so that they find what this process finds
    settings = {f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(v) for name, v in _SETTINGS.items()}
    environment = {**os.environ, **settings, **_MALLOC, "PYTHONPATH": path}
    group: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    command = [sys.executable, "-m", "dask", "worker", address, "--no-dashboard", *words]
    with log.open("wb") as output:  # a group of their own: Ctrl-C is for this process, which decides what it means
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": output, "stderr": output}
        return subprocess.Popen(command, env=environment, **streams, **group)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the workers at once: they have nothing that anybody waits for."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # or it would start a worker again that is killed
        for child in parent.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.communicate()
