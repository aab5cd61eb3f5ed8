"""Dask's workers as an engine: on this machine, with workers and schedulers that die."""

import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from proxiscope import InputError
from proxiscope.cluster import ClusterError, connect
from proxiscope.cluster import engine as engine_module
from proxiscope.cluster.failures import check_versions
from proxiscope.core import iterate
from proxiscope.core.engine import InProcess, dropped
from proxiscope.core.threads import num_threads
from proxiscope.phase import GPSF, Ensemble
from tests.problems import small_pattern

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytest.importorskip("cryptography")

INNER = GPSF(max_iterations=30, check_every=10)
LONG = 60  # seconds, after which something is taken for a hang


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    others, folder = children(), tmp_path_factory.mktemp("workers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        engine = connect("local:2")
    with engine:
        yield engine
    assert children() <= others
    assert not list(folder.iterdir())


def children():
    return {child.pid for child in psutil.Process().children(recursive=True)}


def connections(process):
    return getattr(process, "net_connections", process.connections)()  # called otherwise before psutil 6


def product(factor, item):
    return factor * item


def where(shared, item):
    """The worker process, the threads of its kernels, and whether its shared data can be written to."""
    return os.getpid(), num_threads(), shared.dtype


def fail(shared, item):
    if item == 3:
        raise InputError("item", "got 3", "Give another one")
    return item


def fail_to_read(shared, item):
    if item == 3:
        raise PermissionError(f"no access to item {item}")
    return item


def die(shared, item):
    if item == 2:
        psutil.Process().kill()
    return item


def wait_to_be_dropped(folder, item):
    (Path(folder) / f"begun-{item}").touch()
    while not dropped():
        time.sleep(0.01)
    (Path(folder) / f"dropped-{item}").touch()


def until_true(condition):
    """Wait for something that other processes do."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def worker_pids(cluster):
    return {pid for pid, _, _ in (result for _, result in cluster.run(where, np.zeros(1), range(20)))}


def last(algorithm, problem, **options):
    for progress in iterate(algorithm, problem, **options):  # noqa: B007
        pass
    return progress


def assert_same(found, expected):
    for f in fields(expected):
        if f.name != "work":
            np.testing.assert_array_equal(getattr(found, f.name), getattr(expected, f.name), err_msg=f.name)


def test_each_item_comes_once_with_its_result(cluster):
    assert sorted(cluster.run(product, 3, range(40))) == [(i, 3 * i) for i in range(40)]
    assert list(cluster.run(product, 3, ())) == []


def test_workers_are_processes_with_a_thread_each_for_pieces_that_have_one(cluster):
    results = [result for _, result in cluster.run(where, np.zeros(3, np.float32), range(30))]
    assert cluster.workers == 2
    assert len({pid for pid, _, _ in results} - {os.getpid()}) == 2
    assert {(threads, dtype) for _, threads, dtype in results} == {(1, np.dtype(np.float32))}


def test_nothing_listens_but_the_scheduler_and_the_workers_on_this_machine(cluster):
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [c.laddr for p in processes for c in connections(p) if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert len(listening) == 1 + 2 + 2  # the scheduler, two workers and their watchers


def test_an_error_of_the_work_is_raised_as_it_is(cluster):
    with pytest.raises(InputError, match=r"item: got 3\. Give another one"):
        list(cluster.run(fail, None, range(100)))


def test_an_error_of_reading_is_no_lost_worker(cluster):
    with pytest.raises(PermissionError, match="no access to item 3"):
        list(cluster.run(fail_to_read, None, range(100)))


def test_few_pieces_are_taken_up_ahead_of_the_one_that_is_asked_for(cluster):
    taken = []
    items = (taken.append(i) or i for i in range(1000))
    results = cluster.run(product, 1, items)
    for _ in range(3):
        next(results)
    assert len(taken) <= 3 + 2 * 2 + 1
    results.close()


def test_closing_ends_what_has_begun_and_drops_the_rest(cluster, tmp_path):
    items = range(50)
    results = cluster.run(wait_or_return, str(tmp_path), items)
    next(results)
    until_true(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    results.close()
    until_true(lambda: len(list(tmp_path.glob("dropped-*"))) == 2)
    assert sorted(cluster.run(product, 2, range(3))) == [(0, 0), (1, 2), (2, 4)]
    assert len(list(tmp_path.glob("begun-*"))) == 2


def wait_or_return(folder, item):
    return None if item == 0 else wait_to_be_dropped(folder, item)


def test_an_ensemble_has_the_same_state_at_the_end_as_in_process(cluster):
    ensemble = Ensemble(algorithm=INNER, starts=6, generations=2, refined=2, exchanges=1)
    problem = small_pattern().hold_out(0.1)
    assert_same(last(replace(ensemble, engine=cluster), problem).state, last(ensemble, problem).state)


def test_a_worker_that_is_killed_changes_nothing(cluster):
    ensemble, problem = Ensemble(algorithm=INNER, starts=30), small_pattern()
    expected, victim = last(ensemble, problem).state, min(worker_pids(cluster))
    for progress in iterate(replace(ensemble, engine=cluster), problem):
        if progress.state.done.sum() == 5:
            psutil.Process(victim).kill()
    assert not is_running(victim)
    assert_same(progress.state, expected)
    until_true(lambda: cluster.workers == 2)  # another one took its place


@pytest.mark.slow
def test_a_piece_that_kills_its_workers_is_an_error_and_no_hang(cluster):
    _allow_failures(cluster, 0)
    try:
        with pytest.raises(ClusterError, match="killed each dask worker"):
            list(cluster.run(die, "", range(6)))
    finally:
        _allow_failures(cluster, 2)
    until_true(lambda: cluster.workers == 2)


def _allow_failures(cluster, count):
    cluster.client.run_on_scheduler(_set_failures, count=count)


def _set_failures(dask_scheduler, count):
    dask_scheduler.allowed_failures = count


@pytest.mark.slow
def test_shared_data_that_die_with_all_workers_are_brought_again(cluster):
    results, found = cluster.run(product, np.float32(3), range(40)), []
    for item, result in results:
        found.append((item, float(result)))
        if len(found) == 10:
            for pid in cluster.client.run(os.getpid).values():
                psutil.Process(pid).kill()
    assert sorted(found) == [(i, 3.0 * i) for i in range(40)]


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_an_error_and_no_hang(tmp_path):
    command = [sys.executable, "-m", "dask"]
    path, quiet = str(tmp_path / "scheduler.json"), {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    scheduler = subprocess.Popen([*command, "scheduler", "--scheduler-file", path, *options], **quiet)
    try:
        until_true(lambda: Path(path).exists() and Path(path).read_text().strip().endswith("}"))
        worker = subprocess.Popen(
            [*command, "worker", "--scheduler-file", path, "--no-nanny", "--nthreads", "3", "--no-dashboard"], **quiet
        )
        with connect(path, timeout=2) as engine:
            results = engine.run(slowly, 2, range(1000))
            item, found = next(results)
            assert found == 2 * item
            assert engine.workers == 3
            scheduler.kill()
            with pytest.raises(ClusterError, match="connection to the dask scheduler is lost"):
                list(results)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


class ClosesItself:
    """A client of dask that gives up its scheduler while it is asked."""

    status, _timeout = "running", 2.0

    def __init__(self, asked):
        self.asked = asked

    def nthreads(self, **_):
        return {"a": 1} if self.asked != "nthreads" else self.close()

    def get_versions(self, **_):
        return {} if self.asked != "get_versions" else self.close()

    def scatter(self, *_, **__):
        return self.close()

    def close(self):
        self.status = "closed"
        raise RuntimeError("ConnectionPool is closed")


@pytest.mark.parametrize("asked", ["nthreads", "get_versions", "scatter"])
def test_a_client_that_closes_itself_is_a_scheduler_lost(asked, monkeypatch):
    monkeypatch.setattr(engine_module, "check_versions", lambda versions: None)
    with pytest.raises(ClusterError, match="connection to the dask scheduler is lost"):
        list(engine_module.Cluster(ClosesItself(asked)).run(slowly, 2, range(3)))


def slowly(shared, item):
    time.sleep(0.01)
    return shared * item


def test_no_worker_for_long_is_an_error(cluster, monkeypatch):
    monkeypatch.setattr(engine_module, "PATIENCE", 0.0)
    monkeypatch.setattr(cluster, "_threads", lambda: 0)
    with pytest.raises(ClusterError, match="has had no worker"):
        list(cluster.run(product, 2, range(3)))


def test_a_client_is_used_and_left_open(cluster):
    with connect(cluster.client) as engine:
        assert list(engine.run(product, 2, [4])) == [(4, 8)]
    assert cluster.client.status == "running"


def test_a_closed_client_is_refused(cluster):
    address, security = cluster.client.scheduler.address, cluster.client.security
    client = distributed.Client(address, set_as_default=False, security=security)
    client.close()
    with pytest.raises(InputError, match="client that is closed"):
        connect(client)


def test_an_address_of_a_running_scheduler(cluster):
    key = cluster.client.security
    names = {"ca-file": key.tls_ca_file, "client.cert": key.tls_client_cert, "client.key": key.tls_client_key}
    with dask.config.set({f"distributed.comm.tls.{name}": text for name, text in names.items()}):
        engine = connect(cluster.client.scheduler.address)
    with engine:
        assert list(engine.run(product, 2, [4])) == [(4, 8)]
    assert cluster.client.status == "running"
    assert cluster.workers == 2


@pytest.mark.parametrize("protocol", ["tls", "tcp"])
def test_who_has_no_key_is_refused(cluster, protocol):
    address = cluster.client.scheduler.address.replace("tls", protocol)
    assert address.startswith(f"{protocol}://127.0.0.1:")
    with pytest.raises(InputError, match="none answers"):
        connect(address, timeout=2)
    assert list(cluster.run(product, 2, [4])) == [(4, 8)]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("tcp://127.0.0.1:1", "none answers at tcp://127.0.0.1:1"),
        ("tcp://:words", "none answers"),
        ("carrier-pigeon://home", "none answers"),
        ("local:0", "Give local"),
        ("local:two", "Give local"),
        ("no-such-file.json", "scheduler-file"),
    ],
)
def test_what_names_no_scheduler_is_refused(text, match):
    with pytest.raises(InputError, match=match):
        connect(text, timeout=0.5)


@pytest.mark.parametrize("text", ["", "[]", '{"address": ', "{}", "null"])
def test_a_file_without_an_address_is_refused(tmp_path, text):
    (tmp_path / "scheduler.json").write_text(text)
    with pytest.raises(InputError, match="holds no address"):
        connect(str(tmp_path / "scheduler.json"))


def test_nothing_given_means_this_process():
    with connect("") as engine:
        assert isinstance(engine, InProcess)
        assert sorted(engine.run(product, 2, range(3))) == [(0, 0), (1, 2), (2, 4)]


def test_without_distributed_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"napari-proxiscope\[cluster\]"):
        connect("local:2")


def versions(**changed):
    here = {"python": "3.11.7.final.0", "napari-proxiscope": "1.0", "numpy": "2.1", "numba": "0.60", "scipy": "1.14"}
    return {"client": {"packages": here}, "workers": {"tcp://a:1": {"packages": {**here, **changed}}}}


def test_workers_of_another_python_or_proxiscope_are_refused_and_of_other_libraries_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_versions(versions(python="3.11.9.final.0"))
    for changed in ({"python": "3.12.7.final.0"}, {"napari-proxiscope": "1.1"}, {"napari-proxiscope": None}):
        with pytest.raises(InputError, match="same environment"):
            check_versions(versions(**changed))
    with pytest.warns(UserWarning, match=r"numpy 2.2 \(here 2.1\)"):
        check_versions(versions(numpy="2.2"))


SCRIPT = """
import os, sys
from proxiscope.cluster import connect
from tests.test_cluster import product
engine = connect("local:1")
assert sorted(engine.run(product, 2, range(3))) == [(0, 0), (1, 2), (2, 4)]
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_workers_of_a_plain_script_end_with_it_even_if_it_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(script)], env=environment, **pipes) as process:
        assert process.stdout.readline().strip() == b"ready"
        workers = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        assert workers
        process.kill()
    until_true(lambda: not any(map(is_running, workers)))


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
