"""Runs on disk: whatever interrupts a run, it goes on as if nothing had been, and no file makes it go on wrongly."""

import json
import os
import warnings
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proxiscope as px
from proxiscope import keeping
from proxiscope.checkpoints import DATA, PREVIOUS, Checkpoints, beside, load_run, resume
from proxiscope.core import DivergedError, InputError, NotEnoughMemoryError, algorithms, iterate
from proxiscope.core.checkpoint import FORMAT, _seal, load_checkpoint, save_checkpoint
from proxiscope.io import save
from proxiscope.phase import ER, ERHIO, GPSR, HIO, Ensemble
from proxiscope.tomography import RESIRE, SIRT, InSlabs
from tests.problems import problem_for, quick, small_pattern, small_series

MORE = {
    "ensemble": (Ensemble(algorithm=HIO(max_iterations=25), starts=4, batch=3, refined=1), small_pattern),
    "in-slabs": (InSlabs(algorithm=RESIRE(max_iterations=8), slices=32), small_series),
    "shrink-wrap": (ERHIO(max_iterations=60, shrink_every=10), small_pattern),
}
RUNS = {name: (quick(cls), lambda cls=cls: problem_for(cls)) for name, cls in algorithms().items()} | MORE


@pytest.fixture(scope="module", autouse=True)
def unhurried():
    """Disks take their time to make a file safe from a power cut, which is not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


class Killed(BaseException):
    """Ends a run as a kill does: nothing is tidied up."""


@cache
def uninterrupted(name):
    algorithm, make = RUNS[name]
    return px.reconstruct(algorithm, make(), seed=2)


def killed(path, algorithm, problem, at, every=1, **options):
    """Run, and be killed after an iteration, or by what `iterate` raises."""

    def kill(progress):
        if progress.iteration >= at:
            raise Killed

    checkpoints = Checkpoints(path, seconds=0, iterations=every)
    with suppress(Killed):
        px.reconstruct(algorithm, problem, callback=kill, checkpoints=checkpoints, **options)
        raise AssertionError("it came to its end")
    return checkpoints


def assert_same(found, expected, *, resumed=None):
    """As bits, and in every word of the record that does not tell the time."""
    assert (found.array.dtype, found.iteration) == (expected.array.dtype, expected.iteration)
    np.testing.assert_array_equal(found.array, expected.array)
    for name in ("metrics", "products"):
        one, other = getattr(found, name), getattr(expected, name)
        assert list(one) == list(other)
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    records = [{k: v for k, v in r.provenance.items() if k not in ("seconds", "finished", "resumed")}
               for r in (found, expected)]  # fmt: skip
    assert records[0] == records[1]
    assert found.algorithm == expected.algorithm
    if resumed is not None:
        assert found.provenance["resumed"] == resumed


@pytest.mark.parametrize("name", RUNS)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_algorithm_interrupted_anywhere_comes_to_the_same_result(name, tmp_path_factory, data):
    algorithm, make = RUNS[name]
    expected = uninterrupted(name)
    last = int(expected.provenance["iterations"])
    at, every = data.draw(st.integers(1, last)), data.draw(st.integers(1, last // 2 + 1))
    path = tmp_path_factory.mktemp("run") / "run.h5"
    killed(path, algorithm, make(), at, every, seed=2)
    if not path.exists():  # before the first one
        assert at < every + 20  # which the steps of some are long
        return
    saved = load_run(path)
    assert 0 < saved.iteration <= last
    assert_same(resume(path), expected, resumed=[saved.iteration])
    assert os.listdir(path.parent) == []


STOPPED = {
    "plateau": (GPSR(max_iterations=300), small_pattern, px.Plateau(patience=3, tolerance=0.02)),
    "plateau, eras": (ERHIO(max_iterations=300, shrink_every=30), small_pattern, px.Plateau(patience=4, tolerance=0.1)),
    "held-out": (SIRT(max_iterations=200), lambda: small_series().hold_out(4), px.HeldOut(patience=5)),
    "discrepancy": (RESIRE(max_iterations=300), small_series, px.Discrepancy()),
}


@pytest.mark.parametrize("name", STOPPED)
def test_criteria_end_a_resumed_run_where_they_end_the_whole_one(name, tmp_path):
    algorithm, make, stop = STOPPED[name]
    problem = make()
    whole = px.reconstruct(algorithm, problem, stop=stop)
    end = whole.provenance["iterations"]
    assert whole.provenance["stopped"].startswith(f"Stopped at iteration {end}")
    assert 12 < end < algorithm.max_iterations
    for at in (end // 3, end - 1, end):
        killed(tmp_path / "run.h5", algorithm, problem, at, every=at, stop=stop)
        assert_same(resume(tmp_path / "run.h5"), whole)


def test_the_criterion_that_was_met_last_ends_it_at_once(tmp_path):
    problem, stop = small_series(), px.Plateau(patience=3, tolerance=0.3)
    whole = px.reconstruct(SIRT(max_iterations=50), problem, stop=stop)
    killed(tmp_path / "run.h5", SIRT(max_iterations=50), problem, whole.iteration, stop=stop)
    seen = []
    assert_same(resume(tmp_path / "run.h5", callback=lambda p: seen.append(p.iteration)), whole)
    assert seen == []


def test_changes_made_and_to_come_are_kept(tmp_path):
    first, problem = RESIRE(max_iterations=9), small_series()
    changes = {4: RESIRE(max_iterations=12, step_size=0.5), 9: RESIRE(max_iterations=14, step_size=1.0)}
    whole = px.reconstruct(first, problem, changes=changes)
    for at in (3, 4, 5, 9, 13):
        killed(tmp_path / "run.h5", first, problem, at, changes=changes)
        assert_same(resume(tmp_path / "run.h5"), whole, resumed=[at])
    killed(tmp_path / "run.h5", first, problem, 9, changes=changes)
    assert load_checkpoint(tmp_path / "run.h5")[0] == changes[4]  # at work when iteration 9 was done


def test_a_run_may_be_interrupted_again_and_again(tmp_path):
    whole = uninterrupted("gps-r")
    path = killed(tmp_path / "run.h5", quick(GPSR), small_pattern(), 4, seed=2).path
    for at in (9, 10, 23):
        with pytest.raises(Killed):
            resume(path, callback=lambda p, at=at: (_ for _ in ()).throw(Killed) if p.iteration >= at else None)
        assert load_run(path).iteration == at
    assert_same(resume(path), whole, resumed=[4, 9, 10, 23])
    assert load_run_fails(tmp_path)


def load_run_fails(path):
    with pytest.raises(InputError):
        load_run(path)
    return True


def test_seconds_add_up(tmp_path):
    killed(tmp_path / "run.h5", SIRT(max_iterations=5), small_series(), 3)
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        document = json.loads(file["run"][...].tobytes()) | {"seconds": 1000.0}
        del file["run"]
        file["run"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    sealed_again(tmp_path / "run.h5")
    assert load_run(tmp_path / "run.h5").seconds == 1000
    assert 1000 < resume(tmp_path / "run.h5").provenance["seconds"] < 1100


def test_what_was_resumed_is_repeated_from_its_file(tmp_path):
    save(tmp_path / "pattern.npz", small_pattern())
    problem, stop = px.load(tmp_path / "pattern.npz"), px.Plateau(patience=5, tolerance=0.01)
    killed(tmp_path / "run.h5", HIO(max_iterations=80), problem, 33, seed=1, stop=stop)
    resume(tmp_path).save(tmp_path / "result.npz")
    found = px.rerun(tmp_path / "result.npz")
    assert found.identical
    assert found.notes == ()


class TestEnds:
    def test_a_good_end_leaves_nothing(self, tmp_path):
        checkpoints = Checkpoints(tmp_path / "run.h5", seconds=0, iterations=2)
        px.reconstruct(SIRT(max_iterations=5), small_series(), checkpoints=checkpoints)
        assert os.listdir(tmp_path) == []

    def test_a_short_run_writes_none(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Checkpoints, "write", lambda *_: pytest.fail("it wrote"))
        px.reconstruct(SIRT(max_iterations=5), small_series(), checkpoints=Checkpoints(tmp_path / "run.h5"))

    def test_an_error_in_the_loop_leaves_the_last_one(self, tmp_path, monkeypatch):
        measure = HIO.metrics

        def diverging(self, problem, state):
            return {"r_factor": np.nan} if state.iteration == 40 else measure(self, problem, state)

        monkeypatch.setattr(HIO, "metrics", diverging)
        with pytest.raises(DivergedError) as caught:
            px.reconstruct(HIO(max_iterations=50), small_pattern(),
                           checkpoints=Checkpoints(tmp_path / "run.h5", seconds=0, iterations=15))  # fmt: skip
        assert load_run(tmp_path).iteration == 30
        with pytest.raises(DivergedError) as again:
            resume(tmp_path)
        np.testing.assert_array_equal(again.value.result.array, caught.value.result.array)
        monkeypatch.undo()
        assert_same(resume(tmp_path), px.reconstruct(HIO(max_iterations=50), small_pattern()))

    def test_ctrl_c_leaves_the_last_one(self, tmp_path):
        def interrupted(progress):
            if progress.iteration == 17:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            px.reconstruct(ER(max_iterations=30), small_pattern(), callback=interrupted,
                           checkpoints=Checkpoints(tmp_path / "run.h5", seconds=0, iterations=5))  # fmt: skip
        assert load_run(tmp_path).iteration == 15

    def test_what_the_callback_ends_can_go_on_from_there(self, tmp_path):
        algorithm = GPSR(max_iterations=50)
        kept = Checkpoints(tmp_path / "run.h5")
        stopped = px.reconstruct(algorithm, small_pattern(), callback=lambda p: p.iteration == 23, checkpoints=kept)
        assert (stopped.provenance["iterations"], kept.written) == (23, 23)
        assert_same(resume(tmp_path), px.reconstruct(algorithm, small_pattern()), resumed=[23])

    def test_one_that_was_resumed_and_ended_by_the_callback_goes_on_too(self, tmp_path):
        path = killed(tmp_path / "run.h5", quick(SIRT), small_series(), 5, seed=2).path
        assert resume(path, callback=lambda p: p.iteration == 9).provenance["iterations"] == 9
        assert_same(resume(path), uninterrupted("sirt"), resumed=[5, 9])


class TestWhenDue:
    """By a clock that goes as it is told."""

    @pytest.fixture
    def clock(self, monkeypatch):
        class Clock:
            now, cost = 0.0, 0.0

        class Time:
            monotonic = staticmethod(lambda: Clock.now)

        write = keeping.Checkpoints._write

        def written(self, *arguments):
            write(self, *arguments)
            Clock.now += Clock.cost

        monkeypatch.setattr(keeping, "time", Time)
        monkeypatch.setattr(keeping.Checkpoints, "_write", written)
        return Clock

    def written(self, clock, checkpoints, iterations=100, step=1.0):
        """Iterations and times at which checkpoints are written where an iteration takes `step` seconds."""
        found = []

        def tick(progress):
            if checkpoints.written == progress.iteration:
                found.append((progress.iteration, clock.now))
            clock.now += step
            if progress.iteration == iterations:
                raise Killed

        with suppress(Killed):
            px.reconstruct(SIRT(max_iterations=iterations + 1), small_series(), callback=tick, checkpoints=checkpoints)
        return found

    def test_by_time(self, clock, tmp_path):
        found = self.written(clock, Checkpoints(tmp_path / "run.h5", seconds=10))
        assert [at for at, _ in found] == list(range(11, 101, 10))

    def test_by_time_they_are_rarer_where_writing_takes_long(self, clock, tmp_path):
        clock.cost = 0.5
        found = self.written(clock, Checkpoints(tmp_path / "run.h5", seconds=10))
        times = [now for _, now in found]
        assert found[0][0] == 11
        assert len(found) == 3
        assert all(clock.cost / (b - a) < 0.02 for a, b in pairwise(times))

    def test_by_iterations_whatever_it_costs(self, clock, tmp_path):
        clock.cost = 1000.0
        found = self.written(clock, Checkpoints(tmp_path / "run.h5", seconds=0, iterations=30))
        assert [at for at, _ in found] == [30, 60, 90]

    def test_by_both(self, clock, tmp_path):
        found = self.written(clock, Checkpoints(tmp_path / "run.h5", seconds=25, iterations=40), 70)
        assert [at for at, _ in found] == [26, 40, 65]

    def test_a_resumed_run_keeps_the_rhythm(self, tmp_path):
        path = killed(tmp_path / "run.h5", SIRT(max_iterations=50), small_series(), 13, every=5).path
        with pytest.raises(Killed):
            resume(path, callback=lambda p: (_ for _ in ()).throw(Killed) if p.iteration == 22 else None)
        assert load_run(path).iteration == 20

    def test_nonsense_is_refused(self, tmp_path):
        for options in ({"seconds": -1}, {"iterations": -1}, {"seconds": float("nan")}):
            with pytest.raises(InputError, match=">= 0"):
                Checkpoints(tmp_path / "run.h5", **options)


class TestGenerations:
    @pytest.fixture
    def path(self, tmp_path):
        """Checkpoints of iterations 10 and 5."""
        return killed(tmp_path / "run.h5", quick(SIRT), small_series(), 13, every=5, seed=2).path

    def test_there_are_two(self, path):
        assert load_run(path).iteration == 10
        before = load_run(beside(path, PREVIOUS))
        assert (before.iteration, before.home) == (5, path)
        assert_same(resume(beside(path, PREVIOUS)), uninterrupted("sirt"), resumed=[5])
        assert [f for f in os.listdir(path.parent) if not f.startswith(".")] == []

    @pytest.mark.parametrize("damage", ["cut", "changed", "zeros", "gone"])
    def test_the_one_before_serves_where_the_newest_is_not_whole(self, path, damage):
        block = bytearray(path.read_bytes())
        if damage == "gone":
            path.unlink()
        else:
            block[-100] ^= 1
            parts = {"cut": block[:-500], "changed": block, "zeros": bytes(len(block))}
            path.write_bytes(parts[damage])
        for place in (path, path.parent):
            saved = load_run(place)
            assert (saved.iteration, saved.path) == (5, beside(path, PREVIOUS))
        assert_same(resume(path), uninterrupted("sirt"), resumed=[5])

    def test_a_damaged_one_is_never_put_in_the_place_of_the_one_before(self, path):
        path.write_bytes(path.read_bytes()[:-500])

        def look(progress):
            if progress.iteration == 10:
                assert load_run(beside(path, PREVIOUS)).iteration == 5
                assert load_run(path).iteration == 10
                raise Killed

        with pytest.raises(Killed):
            resume(path, callback=look)

    @pytest.mark.parametrize("mark", ["", DATA])
    def test_the_one_before_alone_replaces_no_other_file(self, path, tmp_path, mark):
        """Such as where it was copied into a folder in which another file has the name."""
        save(tmp_path / "series.npz", small_series())
        there = killed(tmp_path / "scan.h5", quick(SIRT), px.load(tmp_path / "series.npz"), 13, every=5, seed=2).path
        there.unlink()
        beside(there, mark).write_bytes(b"measured for a week")
        with pytest.raises(InputError, match="is no checkpoint, and would be replaced"):
            resume(beside(there, PREVIOUS))
        assert beside(there, mark).read_bytes() == b"measured for a week"

    def test_neither_is_whole(self, path):
        for one in (path, beside(path, PREVIOUS)):
            one.write_bytes(one.read_bytes()[:-1])
        with pytest.raises(InputError, match=r"run\.h5: not a usable checkpoint: it is damaged or incomplete"):
            load_run(path)

    def test_at_no_step_of_writing_is_there_no_whole_one(self, path, monkeypatch):
        """Each step that changes names is the last one in turn."""
        left, replace = [], os.replace

        def counted(source, target):
            if not left:
                raise Killed
            left.pop()
            replace(source, target)

        monkeypatch.setattr(os, "replace", counted)
        for limit in range(4):
            left[:] = range(limit)
            newest = load_run(path).iteration
            with pytest.raises(Killed):
                resume(path, callback=lambda p: (_ for _ in ()).throw(Killed) if p.iteration > 24 else None)
            assert load_run(path).iteration >= newest
        monkeypatch.undo()
        assert_same(resume(path), uninterrupted("sirt"))

    def test_a_new_run_leaves_the_old_one_until_it_writes(self, path):
        fresh = Checkpoints(path, seconds=0, iterations=8)
        seen = []

        def look(progress):
            seen.append((load_run(path).iteration, load_run(path).seed, beside(path, PREVIOUS).exists()))
            if progress.iteration == 17:
                raise Killed

        with pytest.raises(Killed):
            px.reconstruct(quick(SIRT), small_series(), seed=9, callback=look, checkpoints=fresh)
        assert seen[:7] == [(10, 2, True)] * 7
        assert seen[7] == (8, 9, False)
        assert seen[-1] == (16, 9, True)

    def test_a_new_run_that_wrote_none_leaves_the_old_one_at_its_end(self, path):
        px.reconstruct(SIRT(max_iterations=3), small_series(), checkpoints=Checkpoints(path))
        assert load_run(path).iteration == 10

    def test_checkpoints_that_served_a_run_serve_another(self, tmp_path):
        kept = killed(tmp_path / "run.h5", quick(SIRT), small_series(), 7, seed=2)
        with pytest.raises(Killed):
            px.reconstruct(quick(SIRT), small_series(), seed=9, checkpoints=kept,
                           callback=lambda p: (_ for _ in ()).throw(Killed) if p.iteration == 7 else None)  # fmt: skip
        assert (load_run(tmp_path).iteration, load_run(tmp_path).seed) == (7, 9)

    def test_the_newest_in_a_folder_is_taken(self, path):
        other = killed(path.parent / "other.h5", quick(SIRT), small_series(), 8, seed=3).path
        for i, file in enumerate((beside(path, PREVIOUS), beside(other, PREVIOUS), other, path)):
            os.utime(file, (i, i))
        assert load_run(path.parent).path == path
        os.utime(other, (9, 9))
        assert load_run(path.parent).path == other

    def test_it_is_found_by_the_name_of_the_result(self, path):
        for name in ("run.checkpoint.h5", "run.checkpoint.previous.h5"):
            path.rename(path.with_name(name))
            path = path.with_name(name)
            for result in ("run.mrc", "run.zarr"):
                assert load_run(path.with_name(result)).iteration == 10
        path.with_name("run.mrc").write_bytes(b"some result")
        assert load_run(path.with_name("run.mrc")).iteration == 10

    def test_where_there_is_none_it_says_so(self, tmp_path):
        with pytest.raises(InputError, match="neither such a file nor a checkpoint of it"):
            load_run(tmp_path / "run.mrc")
        for folder in (tmp_path, "/"):
            with pytest.raises(InputError, match="no checkpoint in this folder"):
                load_run(folder)

    def test_what_a_kill_left_half_written_is_removed(self, path):
        litter = path.with_name(".run.0123abcd.tmp.h5")
        litter.write_bytes(b"half")
        resume(path)
        assert os.listdir(path.parent) == []


class TestInput:
    @pytest.fixture
    def path(self, tmp_path):
        """The checkpoint of a run on a file."""
        (tmp_path / "data").mkdir()
        save(tmp_path / "data" / "series.npz", small_series())
        problem = px.load(tmp_path / "data" / "series.npz").hold_out(5)
        return killed(tmp_path / "run.h5", quick(SIRT), problem, 6).path

    def test_files_are_read_again(self, path):
        assert not beside(path, DATA).exists()
        found = resume(path)
        assert "free_r_factor" in found.metrics
        assert found.provenance["input"]["recipe"]["then"]

    def test_files_that_moved_are_said_or_lie_beside_it(self, path, tmp_path):
        moved = tmp_path / "elsewhere.npz"
        (tmp_path / "data" / "series.npz").rename(moved)
        with pytest.raises(InputError, match=r"series\.npz: not at .* nor beside the checkpoint"):
            resume(path)
        assert load_run(path).problem(moved).held_out.any()
        moved.rename(tmp_path / "series.npz")
        resume(path)

    def test_other_data_of_the_same_shape_are_refused(self, path, tmp_path):
        other = tmp_path / "other.npz"
        save(other, small_series().copy_with(projections=small_series().projections + 1))
        with pytest.raises(InputError, match="other data than those of the run"):
            resume(path, input=other)
        other.replace(tmp_path / "data" / "series.npz")
        with pytest.raises(InputError, match=r"has changed since the checkpoint was made.*Give the file as it was by"):
            resume(path)
        assert load_run(path).iteration == 6

    @pytest.mark.parametrize("problem", [small_series, small_pattern, lambda: small_pattern().starting_from(
        np.random.default_rng(0).random(small_pattern().shape)), lambda: small_series().hold_out(4)])  # fmt: skip
    def test_arrays_without_a_file_are_kept_beside_it(self, tmp_path, problem):
        problem = problem()
        algorithm = SIRT(max_iterations=9) if hasattr(problem, "projections") else GPSR(max_iterations=60)
        path = killed(tmp_path / "run.h5", algorithm, problem, 7, every=3).path
        assert sorted(os.listdir(tmp_path)) == ["run.data.h5", "run.h5", "run.previous.h5"]
        with pytest.raises(InputError, match="keeps its data itself"):
            load_run(path).problem("somewhere.npz")
        assert_same(resume(path), px.reconstruct(algorithm, problem))
        assert os.listdir(tmp_path) == []

    def test_they_are_written_once(self, tmp_path):
        before = []

        def look(progress):
            before.append(beside(tmp_path / "run.h5", DATA).stat().st_ino)
            if progress.iteration == 5:
                raise Killed

        with pytest.raises(Killed):
            px.reconstruct(SIRT(), small_series(), callback=look,
                           checkpoints=Checkpoints(tmp_path / "run.h5", seconds=0, iterations=1))  # fmt: skip
        assert len(set(before)) == 1

    def test_arrays_of_another_run_are_refused(self, tmp_path):
        series = small_series()
        for name, data in (("a", series), ("b", series.copy_with(projections=2 * series.projections))):
            killed(tmp_path / f"{name}.h5", quick(SIRT), data, 3)
        os.replace(tmp_path / "b.data.h5", tmp_path / "a.data.h5")
        with pytest.raises(InputError, match="other data than those of the run"):
            resume(tmp_path / "a.h5")
        (tmp_path / "a.data.h5").write_bytes(b"x" * 2000)
        with pytest.raises(InputError, match=r"a\.data\.h5: not a usable checkpoint"):
            resume(tmp_path / "a.h5")
        (tmp_path / "a.data.h5").unlink()
        with pytest.raises(InputError, match=r"a\.data\.h5"):
            resume(tmp_path / "a.h5")

    def test_runs_of_learning_are_taken_up_too(self, tmp_path):
        from proxiscope.learning import Lloyd, PointSet

        problem = PointSet(np.random.default_rng(0).random((400, 3)))
        whole = px.reconstruct(Lloyd(n_clusters=5), problem, seed=1)
        path = killed(tmp_path / "run.h5", Lloyd(n_clusters=5), problem, 3, seed=1).path
        assert_same(resume(path), whole)


class TestUnwritable:
    def test_it_warns_once_and_the_run_goes_on(self, tmp_path):
        folder = tmp_path / "gone"
        folder.mkdir()
        kept = Checkpoints(folder / "run.h5", seconds=0, iterations=1)
        seen = []

        def follow(progress):
            seen.append((kept.written, bool(kept.warning)))
            if progress.iteration == 2:
                for file in folder.iterdir():
                    file.unlink()
                folder.rmdir()
            if progress.iteration == 4:
                folder.mkdir()

        with pytest.warns(UserWarning, match="goes on without: .*does not exist") as caught:
            found = px.reconstruct(SIRT(max_iterations=6), small_series(), callback=follow, checkpoints=kept)
        assert len(caught) == 1
        assert seen == [(1, False), (2, False), (2, True), (2, True), (5, False), (6, False)]
        assert_same(found, px.reconstruct(SIRT(max_iterations=6), small_series()))

    def test_a_state_that_no_file_holds_is_told_like_a_full_disk(self, tmp_path, monkeypatch):
        monkeypatch.setattr(keeping, "write_state", lambda *_: (_ for _ in ()).throw(TypeError("no such type")))
        with pytest.warns(UserWarning, match="no such type"):
            px.reconstruct(SIRT(max_iterations=3), small_series(),
                           checkpoints=Checkpoints(tmp_path / "run.h5", seconds=0, iterations=1))  # fmt: skip

    def test_a_run_that_could_write_its_data_alone_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(keeping, "write_state", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.warns(UserWarning, match="goes on without"):
            px.reconstruct(SIRT(max_iterations=3), small_series(),
                           checkpoints=Checkpoints(tmp_path / "run.h5", seconds=0, iterations=1))  # fmt: skip
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("mark", ["", PREVIOUS, DATA])
    def test_another_file_is_never_replaced(self, tmp_path, mark):
        path = beside(tmp_path / "run.h5", mark)
        path.write_bytes(b"measured for a week")
        with pytest.raises(InputError, match="is no checkpoint, and would be replaced"):
            px.reconstruct(SIRT(), small_series(), checkpoints=Checkpoints(tmp_path / "run.h5"))
        assert path.read_bytes() == b"measured for a week"

    def test_settings_are_what_json_can_hold(self, tmp_path):
        with pytest.raises(TypeError):
            Checkpoints(tmp_path / "run.h5", settings={"a": object()})


def sealed_again(path, form=FORMAT):
    with path.open("r+b") as file:
        file.write(_seal(file, form))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The bytes of a checkpoint with all that there can be."""
    path = tmp_path_factory.mktemp("original") / "run.h5"
    changes = {20: HIO(max_iterations=50, beta=0.5)}
    killed(path, HIO(max_iterations=50), small_pattern(), 31, every=31, stop=px.Plateau(), changes=changes)
    return path.read_bytes()


class TestForged:
    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255), cut=st.booleans())
    def test_a_damaged_file_is_refused(self, original, tmp_path_factory, where, change, cut):
        path, block, at = tmp_path_factory.getbasetemp() / "damaged.h5", bytearray(original), int(where * len(original))
        block[at] ^= change
        path.write_bytes(block[:at] if cut else block)
        with pytest.raises(InputError, match="not a usable checkpoint"):
            load_run(path)

    def document(self, original, tmp_path, **changes):
        """A sealed file with some entries of its document replaced."""
        path = tmp_path / "forged.h5"
        path.write_bytes(original)
        with h5py.File(path, "r+") as file:
            document = json.loads(file["run"][...].tobytes()) | changes
            del file["run"]
            file["run"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
        sealed_again(path)
        return path

    def test_what_is_forged_below_is_sound_otherwise(self, original, tmp_path):
        saved = load_run(self.document(original, tmp_path))
        assert (saved.algorithm, saved.iteration) == (HIO(max_iterations=50), 31)
        assert saved.changes == {20: HIO(max_iterations=50, beta=0.5)}
        assert saved.stop == (px.Plateau(),)
        assert saved.record.best in (10, 20, 30)

    @pytest.mark.parametrize(
        "changes",
        [
            {"algorithm": "teleport"}, {"algorithm": None}, {"algorithm": "er"}, {"parameters": {"max_iterations": -1}},
            {"parameters": []}, {"parameters": {"__class__": "x"}}, {"seed": -1}, {"seed": "x"}, {"seed": 1.5},
            {"changes": [{}]}, {"changes": 3}, {"stop": [{"name": "x"}]}, {"stop": "plateau"}, {"iterations": 30},
            {"iterations": "x"}, {"seconds": "x"}, {"seconds": float("inf")}, {"seconds": -1}, {"resumed": 3},
            {"resumed": ["x"]}, {"names": ["a"]}, {"names": 3}, {"best": 3}, {"best": "x"}, {"best": 0},
            {"every": []}, {"every": {"seconds": "x"}}, {"input": 3}, {"settings": 3},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_forged_document_is_refused(self, original, tmp_path, changes):
        path = self.document(original, tmp_path, **changes)
        with pytest.raises(InputError):
            resume(path)

    @pytest.mark.parametrize(
        "described",
        [{}, {"recipe": 3}, {"recipe": {"path": 5, "sha256": "x"}}, {"recipe": {"path": "/etc/passwd", "sha256": "0"}},
         {"recipe": {"joined": 3}}, {"recipe": {"sample": "../../x"}}, {"recipe": [[[]]]}],
        ids=str,
    )  # fmt: skip
    def test_a_forged_description_of_the_input_is_refused(self, original, tmp_path, described):
        path = self.document(original, tmp_path, input=described, arrays=False)
        with pytest.raises(InputError):
            resume(path)

    def test_figures_have_names_and_nothing_else(self, original, tmp_path):
        """They head a table, which may be written where a shell reads it."""
        path = self.document(original, tmp_path, names=["$(reboot)"])
        with pytest.raises(InputError, match="names that none has"):
            load_run(path)

    def rebuilt(self, original, tmp_path, change):
        path = tmp_path / "forged.h5"
        path.write_bytes(original)
        with h5py.File(path, "r+") as file:
            change(file)
        sealed_again(path)
        return path

    @pytest.mark.parametrize("name", ["run", "record", "state", "record/eras", "record/estimate", "state/image"])
    @pytest.mark.parametrize("kind", ["link", "away", "group", "text", "outside"])
    def test_a_forged_member_is_refused(self, original, tmp_path, name, kind):
        makers = {
            "link": lambda file: file.__setitem__(name, h5py.SoftLink("/elsewhere")),
            "away": lambda file: file.__setitem__(name, h5py.ExternalLink("other.h5", "/x")),
            "group": lambda file: file.create_group(name),
            "text": lambda file: file.create_dataset(name, data=np.array(["a"], h5py.string_dtype())),
            "outside": lambda file: file.create_dataset(name, (4,), "f4", external=[("outside.raw", 0, 64)]),
        }

        def change(file):
            del file[name]
            makers[kind](file)

        path = self.rebuilt(original, tmp_path, change)
        (tmp_path / "forged.data.h5").write_bytes(b"")
        with pytest.raises(InputError):
            resume(path)

    def test_arrays_that_claim_too_much_are_refused_before_they_are_read(self, original, tmp_path):
        def huge(file):
            del file["record/figures"]
            file["record"].create_dataset("figures", (10**6, 10**6), "f8", chunks=(100, 100))

        with pytest.raises(NotEnoughMemoryError):
            load_run(self.rebuilt(original, tmp_path, huge))

        def unwritten(file):
            del file["record/figures"]
            file["record"].create_dataset("figures", (1000, 1000), "f8", chunks=(100, 100))

        with pytest.raises(InputError, match="does not lie in one piece"):
            load_run(self.rebuilt(original, tmp_path, unwritten))

    def test_one_larger_than_the_memory_is_refused(self, original, tmp_path, monkeypatch):
        class Little:
            available = 1000

        path = self.document(original, tmp_path)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
        with pytest.raises(NotEnoughMemoryError):
            load_run(path)

    def test_a_state_of_another_size_is_refused(self, original, tmp_path):
        path = tmp_path / "run.h5"
        save(tmp_path / "pattern.npz", small_pattern())
        killed(path, ER(max_iterations=9), px.load(tmp_path / "pattern.npz"), 3)

        def smaller(file):
            del file["state/image"]
            file["state/image"] = np.zeros((4, 4), np.float32)

        with h5py.File(path, "r+") as file:
            smaller(file)
        sealed_again(path)
        with pytest.raises(InputError, match="its image is"):
            resume(path)

    def test_a_state_alone_is_told_from_a_run(self, tmp_path):
        state = next(iterate(ER(), small_pattern())).state
        save_checkpoint(tmp_path / "state.h5", ER(), state)
        with pytest.raises(InputError, match="a state alone, for load_checkpoint"):
            load_run(tmp_path / "state.h5")


def test_a_checkpoint_serves_load_checkpoint_too(tmp_path):
    path = killed(tmp_path / "run.h5", quick(SIRT), small_series(), 4, seed=2).path
    algorithm, state = load_checkpoint(path)
    *_, last = iterate(algorithm, small_series(), state=state)
    np.testing.assert_array_equal(last.estimate(), uninterrupted("sirt").array)


def test_nothing_in_it_is_pickled(tmp_path):
    path = killed(tmp_path / "run.h5", quick(HIO), small_pattern(), 12, seed=2).path
    with h5py.File(path) as file:
        kinds = {node.dtype.kind for node in nodes(file)}
    assert kinds <= set("biufc")
    assert b"pickle" not in path.read_bytes()


def nodes(file):
    found = []
    file.visititems(lambda _, node: found.append(node) if isinstance(node, h5py.Dataset) else None)
    return found


def test_warnings_of_the_problem_do_not_stop_it(tmp_path):
    """A support larger than half the frame, of which its construction warns."""
    support = np.ones(small_pattern().shape, bool)
    support[0] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = px.DiffractionPattern(small_pattern().magnitudes, support)
        path = killed(Path(tmp_path / "run.h5"), ER(max_iterations=5), problem, 2).path
        assert_same(resume(path), px.reconstruct(ER(max_iterations=5), problem))


def test_a_state_with_nan_does_not_take_the_place_of_a_good_one(tmp_path):
    kept = Checkpoints(tmp_path / "run.h5", seconds=0, iterations=1)

    def spoil(progress):
        if progress.iteration == 12:
            progress.state.image[progress.state.support] = np.nan
        return progress.iteration == 14

    with pytest.warns(UserWarning, match="there is NaN in its input"), pytest.raises(DivergedError):
        px.reconstruct(ER(max_iterations=50, check_every=50), small_pattern(), checkpoints=kept, callback=spoil)
    assert load_run(tmp_path / "run.h5").iteration == 12
