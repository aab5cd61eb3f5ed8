"""A series that stays in its file, reconstructed slab by slab into a Zarr: the bits of the whole in core."""

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import proxiscope
from proxiscope.cli.main import main
from proxiscope.core import InputError, NotEnoughMemoryError
from proxiscope.core.engine import InProcess
from proxiscope.io import hdf5_access, lazy, read, zarr_access
from proxiscope.out_of_core import (
    SeriesOnDisk,
    is_partial,
    partial_path,
    reconstruct_out_of_core,
    resume_out_of_core,
)
from proxiscope.reconstruction import describe
from proxiscope.simulate import tilt_series, vesicle
from proxiscope.tomography import FBP, RESIRE, SIRT, AcceleratedRESIRE, InSlabs, TiltSeries
from proxiscope.tomography.proposals import slab_memory
from proxiscope.tomography.resire_tv import TVRESIRE
from proxiscope.tomography.sart import SART
from proxiscope.tomography.sgd import SGD
from proxiscope.tomography.wbp import WBP

ANGLES = np.arange(-60, 61, 10.0)
QUICK = SIRT(max_iterations=2)
EXACT = {
    "resire": RESIRE(max_iterations=4),
    "resire-accelerated": AcceleratedRESIRE(max_iterations=4),
    "sirt": SIRT(max_iterations=4),
    "sart": SART(max_iterations=2),
    "sgd": SGD(max_iterations=2, smoothing="none"),
    "thin film": AcceleratedRESIRE(max_iterations=4, depth=9, film=True),
    "thesis": RESIRE(max_iterations=2, projector="thesis"),
    "fbp": FBP(),
    "wbp": WBP(),
}


@pytest.fixture(scope="module")
def series():
    """150 rows about a single axis: slabs of 32, the last of which is of 22."""
    return tilt_series(vesicle((20, 150, 20)), ANGLES, noise=0.1).copy_with(pixel_size=2.0)


@pytest.fixture(scope="module")
def folder(series, tmp_path_factory):
    """The series in files; ``blind.h5`` has blind pixels, none of them in the last slabs, and an empty tilt."""
    folder = tmp_path_factory.mktemp("series")
    for suffix in ("mrc", "h5", "zarr", "npy"):
        proxiscope.save(folder / f"series.{suffix}", series)
    blind = series.projections.copy()
    blind[:, :40, 5:9] = np.nan
    blind[5, :70] = np.nan
    blind[7] = 0
    proxiscope.save(folder / "blind.h5", TiltSeries(blind, ANGLES, announce=False))
    return folder


@pytest.fixture
def in_pieces(monkeypatch):
    """Files count as large whatever their size, and pieces are small."""
    for module in (lazy, hdf5_access, zarr_access):
        monkeypatch.setattr(module, "LAZY", 0)
    monkeypatch.setattr(lazy, "_PIECE", 2**16)


def same(found, whole):
    """Whether two results agree: arrays in their bits, figures to rounding."""
    np.testing.assert_array_equal(np.asarray(found.array), whole.array)
    assert set(found.metrics) == set(whole.metrics)
    for name, values in whole.metrics.items():
        np.testing.assert_allclose(found.metrics[name], values, rtol=1e-12)
    return True


class TestTheBitsOfTheWhole:
    @pytest.mark.parametrize("name", EXACT)
    def test_with_every_method_that_keeps_slices_apart(self, folder, tmp_path, name):
        path = folder / "series.mrc"
        whole = proxiscope.reconstruct(EXACT[name], proxiscope.load(path))
        assert same(reconstruct_out_of_core(EXACT[name], path, tmp_path / "v.zarr", slices=32), whole)

    @pytest.mark.filterwarnings("ignore:projections")
    @pytest.mark.parametrize("name", ["resire", "resire-accelerated", "sirt", "sart", "thin film"])
    def test_with_blind_pixels_and_held_out_tilts(self, folder, tmp_path, name):
        held = proxiscope.load(folder / "blind.h5").hold_out(5)
        whole = proxiscope.reconstruct(EXACT[name], held)
        on_disk = SeriesOnDisk(folder / "blind.h5", hold_out_tilts=5)
        found = reconstruct_out_of_core(EXACT[name], on_disk, tmp_path / "v.zarr", slices=32)
        assert same(found, whole)
        assert "free_r_factor" in found.metrics
        assert found.provenance["input"] == describe(held)

    @pytest.mark.parametrize("suffix", ["mrc", "h5", "zarr", "npy"])
    def test_whatever_the_format_read_piece_by_piece(self, folder, tmp_path, suffix, in_pieces):
        path = folder / f"series.{suffix}"
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(path))
        assert same(reconstruct_out_of_core(QUICK, path, tmp_path / "v.zarr", slices=64), whole)

    def test_with_the_axis_along_x_and_the_tilts_as_they_were_recorded(self, series, tmp_path, in_pieces):
        order = np.argsort(np.abs(ANGLES), kind="stable")
        turned = np.rot90(series.projections, -1, axes=(1, 2))[order]
        np.save(tmp_path / "s.npy", turned.astype(np.int16))
        np.savetxt(tmp_path / "s.rawtlt", ANGLES[order])
        options = {"tilt_axis": "x", "reverse_angles": True, "pixel_size": 3.0}
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(tmp_path / "s.npy", **options))
        found = reconstruct_out_of_core(QUICK, SeriesOnDisk(tmp_path / "s.npy", **options), tmp_path / "v.zarr")
        assert same(found, whole)
        assert found.provenance["input"] == whole.provenance["input"]

    def test_with_a_mask_and_given_angles(self, series, folder, tmp_path):
        mask = np.ones(series.shape[1:], bool)
        mask[60:80, 4:9] = False
        np.save(tmp_path / "mask.npy", mask)
        given = {"angles": ANGLES + 0.5, "mask": tmp_path / "mask.npy"}
        loaded = proxiscope.load(folder / "series.mrc", **given | {"mask": str(given["mask"])})
        found = reconstruct_out_of_core(
            EXACT["resire"], SeriesOnDisk(folder / "series.mrc", **given), tmp_path / "v.zarr", slices=32
        )
        assert same(found, proxiscope.reconstruct(EXACT["resire"], loaded))
        assert found.provenance["input"]["sha256"] == describe(loaded)["sha256"]

    def test_by_several_workers(self, folder, tmp_path):
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.h5"))
        engine = InProcess(3)
        found = reconstruct_out_of_core(QUICK, folder / "series.h5", tmp_path / "v.zarr", slices=32, engine=engine)
        assert same(found, whole)

    def test_slabs_without_anything_in_them_stay_empty(self, series, tmp_path):
        projections = series.projections.copy()
        projections[:, :70] = 0
        proxiscope.save(tmp_path / "s.mrc", series.copy_with(projections=projections))
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(tmp_path / "s.mrc"))
        assert same(reconstruct_out_of_core(QUICK, tmp_path / "s.mrc", tmp_path / "v.zarr", slices=32), whole)


class TestTheZarr:
    def test_is_that_of_the_whole_in_all_resolutions(self, folder, tmp_path):
        path = folder / "series.mrc"
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(path))
        whole.save(tmp_path / "w.zarr")
        reconstruct_out_of_core(QUICK, path, tmp_path / "v.zarr", slices=32)
        for level in ("0", "1"):
            found, expected = (read(tmp_path / name, variable=level) for name in ("v.zarr", "w.zarr"))
            np.testing.assert_array_equal(np.asarray(found.data), np.asarray(expected.data))
            assert found.pixel_size == expected.pixel_size
        found, expected = (read(tmp_path / name).declared for name in ("v.zarr", "w.zarr"))
        assert found.kind == "result"
        kept = ("algorithm", "parameters", "seed", "iterations", "result_iteration", "input", "platform", "software")
        assert {k: found.provenance[k] for k in kept} == {k: expected.provenance[k] for k in kept}
        assert found.provenance["out_of_core"] == {"slabs": 5, "slices": 32}
        np.testing.assert_allclose(found.metrics["r_factor"], whole.metrics["r_factor"], rtol=1e-12)
        assert sorted(p.name for p in (tmp_path / "v.zarr").iterdir()) == ["0", "1", "zarr.json"]

    def test_of_a_height_that_the_resolutions_do_not_divide(self, tmp_path):
        odd = tilt_series(vesicle((9, 301, 9)), ANGLES)
        proxiscope.save(tmp_path / "s.mrc", odd)
        proxiscope.reconstruct(QUICK, odd).save(tmp_path / "w.zarr")
        reconstruct_out_of_core(QUICK, tmp_path / "s.mrc", tmp_path / "v.zarr", slices=64)
        for level in ("0", "1", "2"):
            found, expected = (np.asarray(read(tmp_path / n, variable=level).data) for n in ("v.zarr", "w.zarr"))
            np.testing.assert_array_equal(found, expected)

    def test_can_be_repeated_in_core(self, folder, tmp_path):
        reconstruct_out_of_core(QUICK, folder / "series.mrc", tmp_path / "v.zarr")
        assert proxiscope.rerun(tmp_path / "v.zarr").identical


class TestGoingOn:
    @pytest.fixture
    def begun(self, folder, tmp_path):
        """Where a run was ended after two slabs of five, in no order."""
        target, seen = tmp_path / "v.zarr", []

        def end(progress):
            seen.append(progress)
            return len(seen) == 2

        assert reconstruct_out_of_core(QUICK, folder / "series.mrc", target, slices=32, callback=end) is None
        assert [p.done for p in seen] == [1, 2]
        assert seen[-1].total == 5
        assert 0 < seen[-1].metrics["r_factor"] < 1
        return target

    def test_what_is_done_can_be_read_and_is_not_done_again(self, folder, begun):
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.mrc"))
        partial = np.asarray(read(partial_path(begun)).data)
        np.testing.assert_array_equal(partial[:, :64], whole.array[:, :64])
        assert not partial[:, 64:].any()
        assert not begun.exists()
        assert is_partial(begun)
        told = []
        found = reconstruct_out_of_core(QUICK, folder / "series.mrc", begun, callback=told.append)
        assert [(p.done, p.slices) for p in told] == [(3, (64, 96)), (4, (96, 128)), (5, (128, 150))]
        assert same(found, whole)
        assert not partial_path(begun).exists()
        assert not is_partial(begun)

    def test_from_the_folder_alone(self, folder, begun):
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.mrc"))
        assert same(resume_out_of_core(partial_path(begun)), whole)
        with pytest.raises(InputError, match="no reconstruction to go on with"):
            resume_out_of_core(begun)

    def test_after_an_error_in_a_slab(self, folder, tmp_path, monkeypatch):
        from proxiscope.out_of_core.partial import Partial

        def full(partial, *arguments):
            raise OSError(28, "No space left on device")

        target = tmp_path / "v.zarr"
        with monkeypatch.context() as patched:
            patched.setattr(Partial, "_flush", full)
            with pytest.raises(InputError, match=r"No space left.*Make room"):
                reconstruct_out_of_core(QUICK, folder / "series.mrc", target, slices=32)
        assert not Partial(partial_path(target)).done()
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.mrc"))
        assert same(resume_out_of_core(target), whole)

    @pytest.mark.parametrize(
        ("algorithm", "words"),
        [(SIRT(max_iterations=3), "other parameters"), (RESIRE(max_iterations=2), "another method")],
    )
    def test_not_with_another_method(self, folder, begun, algorithm, words):
        with pytest.raises(InputError, match=words):
            reconstruct_out_of_core(algorithm, folder / "series.mrc", begun)

    def test_not_with_a_series_that_has_changed(self, series, tmp_path):
        proxiscope.save(tmp_path / "s.mrc", series)
        options = {"slices": 32, "callback": lambda progress: True}
        reconstruct_out_of_core(QUICK, tmp_path / "s.mrc", tmp_path / "v.zarr", **options)
        projections = series.projections.copy()
        projections[3, 140, 7] += 1
        proxiscope.save(tmp_path / "s.mrc", series.copy_with(projections=projections))
        with pytest.raises(InputError, match="the file has changed"):
            resume_out_of_core(tmp_path / "v.zarr")

    @pytest.mark.parametrize(("then", "words"), [(None, "finished or removed"), (64, "begun anew")])
    def test_not_where_another_process_was_faster(self, folder, begun, then, words):
        def meanwhile(progress):
            if then is None:
                resume_out_of_core(begun)
            elif not seen:
                seen.append(progress)
                shutil.rmtree(partial_path(begun))
                end = {"slices": then, "callback": lambda progress: True}
                reconstruct_out_of_core(QUICK, folder / "series.mrc", begun, **end)

        seen = []
        with pytest.raises(InputError, match=words):
            resume_out_of_core(begun, callback=meanwhile)

    def test_not_through_links(self, begun, tmp_path):
        """In a folder from elsewhere, which would have chunks written wherever they lead."""
        chunks, outside = partial_path(begun) / "1" / "c", tmp_path / "outside"
        shutil.rmtree(chunks)
        outside.mkdir()
        chunks.symlink_to(outside)
        with pytest.raises(InputError, match="has links in it"):
            resume_out_of_core(begun)
        assert list(outside.iterdir()) == []

    def test_not_where_something_else_lies(self, folder, tmp_path):
        partial_path(tmp_path / "v.zarr").mkdir()
        with pytest.raises(InputError, match="no plan"):
            reconstruct_out_of_core(QUICK, folder / "series.mrc", tmp_path / "v.zarr")


class TestMemory:
    @pytest.mark.slow
    def test_does_not_grow_with_the_number_of_slices(self, tmp_path, in_pieces):
        def peak(rows):
            rng, peaks = np.random.default_rng(0), []
            np.save(tmp_path / "s.npy", rng.random((len(ANGLES), rows, 64), np.float32))

            def note(progress):
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()

            tracemalloc.start()
            given = SeriesOnDisk(tmp_path / "s.npy", angles=ANGLES), tmp_path / "v.zarr"
            reconstruct_out_of_core(SIRT(max_iterations=1), *given, slices=32, callback=note)
            tracemalloc.stop()
            return max(peaks[1:])  # the first has what is loaded once

        peak(64)
        one, other = peak(96), peak(384)
        assert one > 4 * 4 * 64 * 32 * 64
        assert other < 1.2 * one

    def test_a_slab_reads_no_rows_but_its_own(self, folder, monkeypatch, in_pieces):
        read_rows, rows_of = set(), lazy._rows

        def watched(file, shape, dtype, start, key):
            if len(shape) == 2:
                read_rows.update(range(shape[0])[key[0]])
            return rows_of(file, shape, dtype, start, key)

        opened = SeriesOnDisk(folder / "series.npy").open(rows=32)
        monkeypatch.setattr(lazy, "_rows", watched)
        opened.part((64, 96), np.ones(len(ANGLES), bool))
        assert read_rows == set(range(64, 96))

    def test_a_file_whose_rows_lie_far_apart_is_told_of(self, series, tmp_path, in_pieces):
        with h5py.File(tmp_path / "s.h5", "w") as file:
            file.create_dataset("data", data=series.projections, chunks=(1, 150, 20), compression="gzip")
        on_disk = SeriesOnDisk(tmp_path / "s.h5", angles=ANGLES)
        with pytest.warns(UserWarning, match="pieces of 150 rows, all of which are read for each slab of 32"):
            found = reconstruct_out_of_core(QUICK, on_disk, tmp_path / "v.zarr", slices=32)
        assert same(found, proxiscope.reconstruct(QUICK, series))

    def test_slabs_are_as_thick_as_it_allows_to_all_workers(self, folder, tmp_path):
        opened = SeriesOnDisk(folder / "series.mrc").open()
        least, more = (slab_memory(QUICK, opened.outline(rows)) / 1e9 for rows in (32, 64))

        def slabs(limit, workers):
            options = {"memory_limit": limit, "engine": InProcess(workers)}
            found = reconstruct_out_of_core(QUICK, folder / "series.mrc", tmp_path / "v.zarr", **options)
            return found.provenance["out_of_core"]["slabs"]

        assert slabs(1, 1) == 1
        assert slabs(1.001 * 2 * least, 2) == 5
        assert slabs(1.001 * 2 * more, 2) == 3
        with pytest.raises(NotEnoughMemoryError, match=r"a slab of 32 slices, 2 at a time.* GB are available"):
            slabs(0.999 * 2 * least, 2)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("algorithm", "words"),
        [
            (TVRESIRE(), "looks across slices"),
            (RESIRE(projector="fourier-slice"), "looks across slices"),
            (InSlabs(), "looks across slices"),
            (RESIRE(height=30), "height: 30 for 150 rows"),
        ],
    )
    def test_methods_that_need_the_whole(self, folder, tmp_path, algorithm, words):
        with pytest.raises(InputError, match=words):
            reconstruct_out_of_core(algorithm, folder / "series.mrc", tmp_path / "v.zarr")

    def test_a_filter_over_blind_pixels(self, folder, tmp_path):
        with pytest.raises(InputError, match="fills unusable pixels"), pytest.warns(UserWarning, match="tilt 7"):
            reconstruct_out_of_core(FBP(), folder / "blind.h5", tmp_path / "v.zarr")

    def test_tilts_about_other_axes_and_what_is_no_series(self, series, tmp_path):
        rotations = series.rotations.copy()
        rotations[3, 0] = 1
        proxiscope.save(tmp_path / "turned.h5", series.copy_with(rotations=rotations))
        with pytest.raises(InputError, match="not about y alone"):
            reconstruct_out_of_core(QUICK, tmp_path / "turned.h5", tmp_path / "v.zarr")
        np.save(tmp_path / "no_angles.npy", series.projections)
        with pytest.raises(InputError, match="without tilt angles"):
            reconstruct_out_of_core(QUICK, tmp_path / "no_angles.npy", tmp_path / "v.zarr")

    def test_values_that_make_no_sense(self, series, tmp_path):
        for value, words in ((np.inf, "infinite"), (0, "zero")):
            values = series.projections * 0 if value == 0 else series.projections.copy()
            values[2, 100, 3] = value
            np.save(tmp_path / "s.npy", values)
            with pytest.raises(InputError, match=words):
                reconstruct_out_of_core(QUICK, SeriesOnDisk(tmp_path / "s.npy", angles=ANGLES), tmp_path / "v.zarr")

    def test_names_that_are_not_those_of_a_zarr(self, folder, tmp_path):
        for name, words in (("v.mrc", "ends in .zarr"), ("none/v.zarr", "does not exist")):
            with pytest.raises(InputError, match=words):
                reconstruct_out_of_core(QUICK, folder / "series.mrc", tmp_path / name)

    def test_doubts_about_the_series_are_told(self, series, tmp_path):
        repeated = replace(series, projections=series.projections[[0, 1, 2, 3, 3, *range(5, 13)]], announce=False)
        proxiscope.save(tmp_path / "s.mrc", repeated)
        with pytest.warns(UserWarning, match="tilt 4 .* repeat another one"):
            reconstruct_out_of_core(QUICK, tmp_path / "s.mrc", tmp_path / "v.zarr")


class TestTheCommandLine:
    @pytest.fixture
    def line(self, folder, tmp_path):
        output = str(tmp_path / "v.zarr")
        return ["reconstruct", "sirt", str(folder / "series.mrc"), "-o", output, "--max-iterations", "2"]

    def test_writes_the_zarr_and_the_metrics(self, line, folder, tmp_path, capsys):
        table = tmp_path / "m.csv"
        assert main([*line, "--out-of-core", "--slices", "40", "--metrics", str(table)]) == 0
        assert "20 x 150 x 20, iteration 2, R_F" in capsys.readouterr().out
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.mrc"))
        np.testing.assert_array_equal(np.asarray(read(tmp_path / "v.zarr").data), whole.array)
        assert read(tmp_path / "v.zarr").declared.provenance["out_of_core"]["slices"] == 64
        assert len(table.read_text().splitlines()) == 3

    def test_goes_on_by_resume(self, line, folder, tmp_path, capsys):
        stop = {"slices": 32, "callback": lambda progress: True}
        reconstruct_out_of_core(QUICK, folder / "series.mrc", tmp_path / "v.zarr", **stop)
        assert main(["resume", str(tmp_path / "v.partial.zarr"), "--quiet"]) == 0
        assert capsys.readouterr().out == ""
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(folder / "series.mrc"))
        np.testing.assert_array_equal(np.asarray(read(tmp_path / "v.zarr").data), whole.array)

    def test_goes_on_where_the_series_has_moved(self, folder, tmp_path, capsys):
        for name in ("series.mrc", *(p.name for p in folder.glob("series.*") if p.suffix != ".mrc")):
            if (folder / name).is_file():
                shutil.copy(folder / name, tmp_path / name)
        stop = {"slices": 32, "callback": lambda progress: True}
        reconstruct_out_of_core(QUICK, tmp_path / "series.mrc", tmp_path / "v.zarr", **stop)
        (tmp_path / "series.mrc").unlink()
        assert main(["info", str(tmp_path / "v.partial.zarr")]) == 0
        assert "1 of 5 slabs" in capsys.readouterr().out
        assert main(["resume", str(tmp_path / "v.zarr"), "--quiet"]) == 2
        moved = str(folder / "series.mrc")
        assert main(["resume", str(tmp_path / "v.zarr"), "--input", moved, "--quiet"]) == 0
        whole = proxiscope.reconstruct(QUICK, proxiscope.load(moved))
        np.testing.assert_array_equal(np.asarray(read(tmp_path / "v.zarr").data), whole.array)

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (["--step", "bin factor=2"], "proxiscope prepare"),
            (["--in-slabs"], "--in-slabs: given with --out-of-core"),
            (["--stop", "plateau"], "looks at the whole volume"),
            (["--end-at", "1"], "for a run in memory"),
        ],
    )
    def test_refuses_what_needs_the_whole(self, line, more, words, capsys):
        assert main([*line, "--out-of-core", *more]) == 2
        assert words in capsys.readouterr().err

    def test_refuses_another_format(self, line, capsys):
        line[line.index("-o") + 1] = line[line.index("-o") + 1].replace(".zarr", ".mrc")
        assert main([*line, "--out-of-core"]) == 2
        assert "ends in .zarr" in capsys.readouterr().err

    def test_is_proposed_where_the_memory_does_not_suffice(self, tmp_path, capsys, monkeypatch):
        rng = np.random.default_rng(0)
        np.save(tmp_path / "s.npy", rng.random((5, 1024, 128), np.float32))
        np.savetxt(tmp_path / "s.rawtlt", np.arange(-20, 21, 10.0))
        monkeypatch.setenv("PROXISCOPE_MEMORY_LIMIT", "0.2")
        line = ["reconstruct", "sirt", str(tmp_path / "s.npy"), "-o", str(tmp_path / "v.zarr"), "--max-iterations", "1"]
        assert main(line) == 2
        said = capsys.readouterr().err
        assert "Add --in-slabs --slices" in said
        assert "--out-of-core" in said
        assert main([*line, "--out-of-core", "--quiet"]) == 0


def test_the_plan_is_plain_json(folder, tmp_path):
    stop = {"slices": 32, "callback": lambda progress: True}
    reconstruct_out_of_core(QUICK, SeriesOnDisk(folder / "series.mrc", angles=ANGLES), tmp_path / "v.zarr", **stop)
    plan = json.loads((Path(partial_path(tmp_path / "v.zarr")) / ".out_of_core" / "plan.json").read_text())
    assert plan["algorithm"] == "sirt"
    assert plan["series"]["angles"] == ANGLES.tolist()
    assert plan["thickness"] == 32
