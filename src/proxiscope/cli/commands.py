"""What each command does."""

import argparse
import json
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tqdm import tqdm

from ..checkpoints import Checkpoints, SavedRun
from ..core import (
    Algorithm,
    Criterion,
    DivergedError,
    InputError,
    Parameter,
    Progress,
    algorithms,
    build,
    check,
    criteria,
    parameters,
)
from ..phase import Ensemble
from ..preparation import Step
from ..preparation.images import Family
from ..reconstruction import Result, carry_out, criteria_for
from ..tomography import InSlabs
from . import checkpointing, out_of_core, prepare, scale, series, steps
from .interrupt import held
from .outputs import check_holds_complex, check_outputs, figures, summary, write_result


def list_algorithms(options: argparse.Namespace) -> int:
    """``proxiscope algorithms``."""
    found = {
        name: {
            "title": cls.title,
            "family": cls.family,
            "use": cls.use,
            "presets": {preset: dict(values) for preset, values in cls.presets.items()},
            "parameters": {
                p.name: {"default": p.default, "expects": p.expects, "unit": p.unit, "doc": p.doc, "group": p.group}
                for p in parameters(cls)
            },
        }
        for name, cls in algorithms().items()
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    width = max(map(len, found))
    for name, entry in found.items():
        presets = f" (--preset {', '.join(entry['presets'])})" if entry["presets"] else ""
        print(f"{name:{width}} {entry['family']:12} {entry['title']}{presets}")
        print(f"{'':{width}} {entry['use']}")
    print("\nproxiscope reconstruct ALGORITHM --help lists the parameters of one.")
    return 0


def reconstruct(options: argparse.Namespace) -> int:
    """``proxiscope reconstruct``."""
    if (slabs := out_of_core.chosen(options)) is not None:
        return out_of_core.reconstruct(options, algorithm_from(algorithms()[options.algorithm], options), *slabs)
    algorithm = algorithm_from(algorithms()[options.algorithm], options)
    scale.check(options, algorithm)
    stop = criteria_from(algorithms()[options.algorithm], options)
    course: dict[str, Any] = {
        "changes": changes_from(algorithms()[options.algorithm], options),
        "until": until_from(options),
    }
    refined, chain = getattr(options, "refined_angles", None), steps.chosen(options, cast(Family, algorithm.family))
    inputs = [*series.files(options), *steps.files(chain)]
    check_outputs(options.output, options.metrics, refined, inputs=inputs)
    check_holds_complex(options.output, getattr(options, "object", None) or "")
    checkpoints = checkpointing.checkpoints_from(options)
    with warnings.catch_warnings(record=True) as caught:  # shown once the input has proved to be good
        problem, notes, seed = _problem(algorithm.family, options, chain)
        check_holds_complex(options.output, getattr(problem, "object", ""))
        check(algorithm, problem, seed)
        stop = criteria_for(algorithm, problem, stop)
    for warning in caught:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    if not options.quiet:
        for note in (*notes, *checkpointing.earlier_run(checkpoints)):
            print(note, file=sys.stderr)
    with scale.spread(options, algorithm, course["changes"]) as (algorithm, course["changes"]):
        return run_and_write(algorithm, problem, options, checkpoints, seed=seed, stop=stop, **course)


def run_and_write(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    outputs: argparse.Namespace,
    checkpoints: Checkpoints | None,
    **course: Any,
) -> int:
    """Run as `run` does, and write what there is then; the exit code.

    The checkpoints of a run that came to its end are removed, once its outputs are written; of any other they stay.
    """
    try:
        try:
            result, interrupted = run(algorithm, problem, quiet=outputs.quiet, checkpoints=checkpoints, **course)
        except DivergedError as error:
            if error.result is not None:
                write_result(error.result, outputs)
            raise
        write_result(result, outputs)
    except BaseException as error:
        if not isinstance(error, DivergedError):  # it would again
            checkpointing.tell_how_to_go_on(checkpoints)
        raise
    if not interrupted:
        if checkpoints is not None:
            checkpoints.remove(former=True)  # resume would put its result in the place of this one
        return 0
    if not outputs.quiet:
        checkpointing.tell_how_to_go_on(checkpoints)
    return 130


def demo(options: argparse.Namespace) -> int:
    """``proxiscope demo``."""
    from ..phase import GPSF
    from ..simulate import sample_pattern, sample_tilt_series
    from ..tomography import RESIRE

    folder = Path(options.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            str(folder), f"cannot be made ({error.strerror})", "Give a folder that you may write to"
        ) from error
    check_outputs(folder / "gps-f.tif")
    check_outputs(folder / "resire.mrc")
    for algorithm, problem, name in (
        (GPSF(), sample_pattern(), "gps-f.tif"),
        (RESIRE(), sample_tilt_series(), "resire.mrc"),
    ):
        result, interrupted = run(algorithm, problem)
        result.save(folder / name)
        print(f"{folder / name}: {summary(result)}")
        if interrupted:
            return 130
    return 0


def run(
    algorithm: Algorithm[Any, Any],
    problem: Any,
    *,
    seed: int = 0,
    stop: Sequence[Criterion] = (),
    changes: Mapping[int, Algorithm[Any, Any]] | None = None,
    quiet: bool = False,
    until: Callable[[Any], bool] = lambda progress: False,
    checkpoints: Checkpoints | None = None,
    begin: SavedRun | None = None,
) -> tuple[Result, bool]:
    """Run with a progress bar, from `begin` on or anew, and end where `until` says so.

    Ctrl-C stops after the iteration at hand; the second value says so.

    Raises
    ------
    KeyboardInterrupt
        At a second Ctrl-C, which does not wait for the iteration.
    """
    check(algorithm, problem, seed)  # before there is a bar
    stop = criteria_for(algorithm, problem, stop)
    first, total = begin.iteration if begin else 0, algorithm.iterations
    bar = tqdm(total=total, initial=first, desc=algorithm.name, unit="it", disable=quiet, file=sys.stderr)
    with bar, held("Stopping after this iteration.", quiet) as interrupt:

        def follow(progress: Progress) -> bool:
            if progress.metrics:
                bar.set_postfix_str(figures(progress.metrics), refresh=False)
            bar.total = progress.total
            bar.update(progress.iteration - bar.n)
            return interrupt.is_set() or until(progress)

        given: dict[str, Any] = {
            "seed": seed,
            "stop": stop,
            "changes": changes,
            "checkpoints": checkpoints,
            "begin": begin,
        }
        given["over"] = begin is not None and until(begin)  # killed before its result was written
        result, _ = carry_out(algorithm, problem, callback=follow, **given)
        return result, interrupt.is_set()


def algorithm_from(cls: type[Algorithm[Any, Any]], options: argparse.Namespace) -> Algorithm[Any, Any]:
    """The algorithm `cls` with the parameters given as options, many starts of it, or in slabs; raises InputError.

    What is given by itself wins over a preset.
    """
    preset: Any = getattr(options, "preset", None)
    algorithm = build(cls, {**cls.presets.get(preset, {}), **_given(parameters(cls), options)})
    if takes_slabs(cls):
        return _in_slabs(algorithm, options)
    if not takes_many_starts(cls):
        return algorithm
    many = _given(many_starts_parameters(), options)
    if many.get("starts", 1) > 1:
        return build(Ensemble, {"algorithm": algorithm, **many})
    for name in many:
        if name != "starts":
            raise InputError(name, "given for a single start", "Give --starts N too, with N above 1")
    return algorithm


def criteria_from(cls: type[Algorithm[Any, Any]], options: argparse.Namespace) -> tuple[Criterion, ...]:
    """The criteria given as options of the algorithm `cls`; raises InputError."""
    chosen = {}
    for name, criterion in criteria(cls).items():
        given = _given(criterion_parameters(criterion), options)
        if name in options.stop:
            prefix = _prefix(criterion)
            chosen[name] = build(criterion, {p.removeprefix(prefix): value for p, value in given.items()})
        elif given:
            raise InputError(next(iter(given)), "given for a criterion that is not chosen", f"Give --stop {name} too")
    return tuple(chosen.values())


def changes_from(cls: type[Algorithm[Any, Any]], options: argparse.Namespace) -> dict[int, Algorithm[Any, Any]]:
    """What takes over after how many iterations, by the options --change; raises InputError."""
    found: dict[int, Algorithm[Any, Any]] = {}
    for iteration, texts in sorted((_change(cls, text) for text in options.change), key=lambda change: change[0]):
        options = argparse.Namespace(**vars(options) | texts)
        found[iteration] = algorithm_from(cls, options)
    return found


def _change(cls: type[Algorithm[Any, Any]], text: str) -> tuple[int, dict[str, str]]:
    """The iteration and the texts of parameters in "57: step-size=1.5"."""
    known = {p.name for p in parameters(cls)}
    known |= {p.name for p in many_starts_parameters()} if takes_many_starts(cls) else set()
    known |= slab_parameters().keys() if takes_slabs(cls) else set()
    remedy = "Give an iteration and what changes after it, such as '57: step-size=1.5'"
    first, colon, rest = text.partition(":")
    try:
        iteration, words = int(first), [word.partition("=") for word in shlex.split(rest)]
    except ValueError:
        raise InputError("--change", f"got {text!r}", remedy) from None
    texts = {name.replace("-", "_"): value for name, _, value in words}
    if not colon or iteration < 1 or not all(equals for _, equals, _ in words):
        raise InputError("--change", f"got {text!r}", remedy)
    for name in texts.keys() - known:
        raise InputError("--change", f"{name} is no parameter of {cls.name}", f"Choose from {', '.join(sorted(known))}")
    return iteration, texts


def until_from(options: argparse.Namespace) -> Callable[[Progress | SavedRun], bool]:
    """Whether a run is to end where it has got to, by the option --end-at; raises InputError."""
    last = options.end_at
    if last is not None and last < 1:
        raise InputError("--end-at", f"iteration {last}", "Give 1 or more")
    return lambda progress: last is not None and progress.iteration >= last


def criterion_parameters(cls: type[Criterion]) -> tuple[Parameter, ...]:
    """The parameters of a criterion with its name before theirs."""
    return tuple(replace(p, name=_prefix(cls) + p.name) for p in parameters(cls))


def _prefix(cls: type[Criterion]) -> str:
    return cls.name.replace("-", "_") + "_"


def takes_many_starts(cls: type[Algorithm[Any, Any]]) -> bool:
    """Whether an `Ensemble` of the algorithm `cls` makes sense."""
    return cls.family == "phase" and cls.random_start and not issubclass(cls, Ensemble)


def _in_slabs(algorithm: Algorithm[Any, Any], options: argparse.Namespace) -> Algorithm[Any, Any]:
    named = slab_parameters()
    given = {name: getattr(options, name) for name in named if getattr(options, name) is not None}
    if options.in_slabs:
        values = {named[name].name: replace(named[name], name=name).parse(text) for name, text in given.items()}
        return build(InSlabs, {"algorithm": algorithm, **values})
    for name in given:
        raise InputError(name, "given for a volume as a whole", "Give --in-slabs too")
    return algorithm


def takes_slabs(cls: type[Algorithm[Any, Any]]) -> bool:
    """Whether the algorithm `cls` can be run `InSlabs`."""
    return cls.family == "tomography" and getattr(cls, "slice_reach", None) is not None


def slab_parameters() -> dict[str, Parameter]:
    """The parameters of `InSlabs` by the names of their options."""
    return {"memory" if p.name == "memory_limit" else p.name: p for p in parameters(InSlabs)}


def refines_tilts(cls: type[Algorithm[Any, Any]]) -> bool:
    """Whether a run of the algorithm `cls` leaves the tilts as refined."""
    return getattr(cls, "refines_tilts", False)


def many_starts_parameters() -> tuple[Parameter, ...]:
    """The parameters of `Ensemble` with a single start as default."""
    return tuple(replace(p, default=1) if p.name == "starts" else p for p in parameters(Ensemble))


def _given(found: Iterable[Parameter], options: argparse.Namespace) -> dict[str, Any]:
    texts = {p: getattr(options, p.name) for p in found}
    return {p.name: p.parse(text) for p, text in texts.items() if text is not None}


def _problem(family: str, options: argparse.Namespace, chain: Sequence[Step]) -> tuple[Any, tuple[str, ...], int]:
    """The problem that the options describe, notes on how its file was read, and the seed; raises InputError."""
    from ..io.load import loaded

    seed = getattr(options, "seed", 0)
    if family == "phase":
        names = ("variable", "support", "mask", "intensities", "object", "hold_out", "start", "pixel_size")
        given = {name: getattr(options, name) for name in names}
        with prepare.progress(options.quiet or not chain) as tick:
            problem, notes = loaded(options.input, expected="pattern", steps=chain, tick=tick, **given)
        notes = tuple(f"{Path(options.input).name}: {note}" for note in notes)
        return problem, notes, seed
    with prepare.progress(options.quiet or not chain) as tick:
        tilts, notes = series.read_series(options, options.input, steps=chain, tick=tick)
    return (tilts if options.hold_out_tilts is None else tilts.hold_out(options.hold_out_tilts)), notes, seed
