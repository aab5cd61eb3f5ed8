"""From a text, such as that of an option, to an engine."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.engine import InProcess
from ..core.errors import InputError
from .engine import Cluster
from .failures import ClusterError

if TYPE_CHECKING:
    from distributed import Client


def connect(text: "str | Client" = "", *, timeout: float = 10.0) -> InProcess | Cluster:
    """The engine that a text names.

    Parameters
    ----------
    text : str or distributed.Client
        ``""`` for threads in this process; ``"local"`` or ``"local:2"`` for so many worker processes on this machine,
        one for each processor by default, which end with the engine; ``"tcp://host:8786"``, ``"tls://host:8786"`` or
        the path of a scheduler file for a scheduler that runs, of whose workers all take part.
    timeout : float
        Seconds to wait for the scheduler.

    Returns
    -------
    InProcess or Cluster
        To be used in a ``with`` block, which closes what was started here, and nothing else.

    Raises
    ------
    InputError
        If the text names nothing, nobody answers, or dask's distributed is not installed.
    ClusterError
        If the workers of this machine do not start.
    """
    if text == "":
        return InProcess()
    try:
        from distributed import Client
    except ImportError as error:
        found, remedy = f"{text}, and distributed is not installed", 'pip install "napari-proxiscope[cluster]"'
        raise InputError("scheduler", found, remedy) from error
    if isinstance(text, Client):
        if text.asynchronous or text.status != "running":
            raise InputError("scheduler", f"a client that is {text.status}", "Give one that is connected, not awaited")
        return Cluster(text)
    kind, _, count = text.partition(":")
    if kind == "local":
        return _local(count, text, timeout)
    return _running(text, timeout)


def _local(count: str, text: str, timeout: float) -> Cluster:
    from .local import LocalCluster

    if count and not (count.isdecimal() and 1 <= int(count) <= 1000):
        raise InputError("scheduler", f"got {text!r}", "Give local, or local:N with the number of workers")
    with ExitStack() as closing:
        try:
            cluster = closing.enter_context(LocalCluster(int(count or 0)))
        except (OSError, RuntimeError) as error:
            raise ClusterError(f"The workers of this machine do not start: {error}") from error
        key = {"security": cluster.security}
        client = closing.enter_context(_client(cluster.address, timeout, direct_to_workers=True, **key))
        return Cluster(client, closing.pop_all())


def _running(text: str, timeout: float) -> Cluster:
    address = text if "://" in text else _address_in(Path(text))
    try:
        client = _client(address, timeout)
    except Exception as error:  # whatever a wrong address, port, host, protocol or certificate makes dask raise
        raise InputError(
            "scheduler",
            f"none answers at {address} ({' '.join(str(error).split())[:200] or type(error).__name__})",
            "Check the address, that the scheduler runs and can be reached from here, and for tls:// the certificates",
        ) from error
    closing = ExitStack()
    closing.enter_context(client)
    return Cluster(client, closing)


def _client(address: str, timeout: float, **options: Any) -> "Client":
    from distributed import Client

    connected: Any = Client
    return connected(address, timeout=timeout, set_as_default=False, name="proxiscope", asynchronous=False, **options)


def _address_in(path: Path) -> str:
    """The address in a scheduler file."""
    remedy = "Give local:N, an address such as tcp://host:8786, or the file that a scheduler wrote (--scheduler-file)"
    try:
        with path.open("rb") as file:
            return str(json.loads(file.read(2**20))["address"])
    except OSError as error:
        raise InputError("scheduler", f"got {str(path)!r}", remedy) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("scheduler", f"{path} holds no address", remedy) from error
