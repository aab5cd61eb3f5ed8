"""What else than data files comes from outside: parameters, command lines, checkpoints, plans, records, sessions.

Each target is a small valid file, with others that go with it, and what is done with a damaged one: see `tests.fuzz`.
"""

import ast
import copy
import hashlib
import io
import itertools
import json
import random
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ODD = (None, True, False, 0.5, 1e308, float("nan"), float("inf"), "", "x" * 1000, "1", "<f8", "|O", [], {}, [[]], [0])
NUMBERS = (0, 1, -1, -2, 127, 128, 255, 256, 32767, 65535, 2**20, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62)
TEXTS = ("1e999", "-1", "nan", "0x10", "1,2,3", "0:1,1:0", "..", "/dev/zero", "%s%n", "\0", "9" * 5000, "1:" * 99)
ALGORITHMS = ("sirt", "hio", "gps-f", "angle-refinement", "ensemble")
SEAL = 512


@dataclass(frozen=True)
class Target:
    """How to write the file, and what to do with a damaged one.

    `inside` makes a damaged copy of the file of that name whose check sums are right, from its bytes and a seed.
    """

    write: Callable[[Path], Any]
    use: Callable[[Path], Any]
    inside: Callable[[bytes, int], bytes] | None = None


def odd_json(document: Any, rng: random.Random) -> Any:
    """A document with some of its values replaced by others, or left out."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 5))):
        places, todo = [], [document]
        while todo:
            node = todo.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
            places += [(node, key) for key in keys]
            todo += [node[key] for key in keys]
        if not places:
            break
        node, key = rng.choice(places)
        if rng.random() < 0.1:
            del node[key]
        else:
            node[key] = copy.deepcopy(rng.choice((*ODD, *NUMBERS, *TEXTS, rng.choice(places)[0])))
    return document


def odd_hdf5(original: bytes, seed: int) -> bytes:
    """An HDF5 file with members replaced by others, or left out, and a seal that is right: anybody can make one."""
    rng, buffer = random.Random(seed), io.BytesIO(original)
    gone = suppress(KeyError, OSError, RuntimeError, ValueError)  # what is damaged already may not be found again
    with h5py.File(buffer, "r+") as file, gone:
        for _ in range(rng.choice((1, 1, 2, 4))):
            _odd_member(file, rng)
    return sealed(buffer.getvalue())


def sealed(data: bytes) -> bytes:
    """With the hash that a file of ours begins with."""
    if not data.startswith(b"proxiscope"):
        return data
    line = data.split(b"\n", 1)[0] + b"\n" + hashlib.sha256(data[SEAL:]).hexdigest().encode() + b"\n"
    return line.ljust(SEAL, b"\0") + data[SEAL:]


def _odd_member(file: h5py.File, rng: random.Random) -> None:
    nodes: list[Any] = [file]
    file.visititems(lambda name, node: nodes.append(node))
    node = rng.choice(nodes)
    names = list(node.attrs)
    if names and (isinstance(node, h5py.Group) or rng.random() < 0.3):
        name = rng.choice(names)
        node.attrs[name] = _odd_text(node.attrs[name], rng)
        return
    if isinstance(node, h5py.Group):
        if not len(node):
            return
        name = rng.choice(list(node))
        node = node[name]
    group, name, kind = node.parent, node.name, rng.randrange(6)
    if isinstance(node, h5py.Group) or kind == 0:
        other = rng.choice(nodes)
        del group[name]
        links = h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink(name)
        group[name] = rng.choice((other, *links))
        return
    values = node[()]
    attributes = dict(node.attrs)
    del group[name]
    group[name] = _odd_values(values, rng) if isinstance(values, np.ndarray) else _odd_text(values, rng)
    group[name].attrs.update(attributes)


def _odd_values(values: np.ndarray, rng: random.Random) -> np.ndarray:
    kind = rng.randrange(5)
    if values.dtype == np.uint8 and values.ndim == 1 and kind < 4:  # a document
        return np.frombuffer(str(_odd_text(values.tobytes().decode(), rng)).encode("utf-8", "replace"), np.uint8)
    if kind == 0:
        return values.ravel()[: values.size // 2]
    if kind == 1:
        return values.astype(rng.choice(("f8", "i1", "c16", "?", "f4", "u8")))
    if kind == 2:
        return np.broadcast_to(values, (2, *values.shape)).copy()
    other = values.copy()
    with np.errstate(all="ignore"):
        odd = np.array(rng.choice((np.nan, np.inf, -1, 1e30, 2**31))).astype(values.dtype)
    other.ravel()[rng.randrange(max(1, values.size)) :][:1] = odd
    return other


def _odd_text(value: Any, rng: random.Random) -> Any:
    """Another value of an attribute; of JSON another document."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and text[:1] in "{[" and rng.random() < 0.9:
        return json.dumps(odd_json(json.loads(text), rng))
    odd = rng.choice((*NUMBERS[:14], "", "1", "sirt", "x" * 1000, 0.5, float("nan"), [1, 2], True))
    return odd


# ---- parameters and command lines


@cache
def _classes() -> dict[str, type]:
    from proxiscope.core import algorithms, criteria
    from proxiscope.preparation import steps

    return {**algorithms(), **steps(), **criteria()}


def _document(path: Path) -> Any:
    from proxiscope.core import InputError

    try:
        return json.loads(path.read_text())
    except ValueError as error:  # none of our doing
        raise InputError(path.name, str(error), "Give JSON") from error


def _write_parameters(path: Path) -> None:
    from proxiscope.core import parameters

    texts = {name: {p.name: p.format(p.default) for p in parameters(cls)} for name, cls in _classes().items()}
    path.write_text(json.dumps(texts))


def _use_parameters(path: Path) -> None:
    from proxiscope.core import InputError, build, parameters

    texts, refused = _document(path), None
    for name, cls in _classes().items():
        given, parsed = texts.get(name) if isinstance(texts, dict) else None, {}
        for p in parameters(cls) if isinstance(given, dict) else ():
            if p.name not in given:
                continue
            text = given[p.name]
            try:
                parsed[p.name] = p.parse(text if isinstance(text, str) else repr(text))
                if not isinstance(text, str):  # as a record may have it
                    build(cls, {p.name: text})
            except InputError as error:
                refused = error
        try:
            build(cls, parsed)
        except InputError as error:
            refused = error
    if refused is not None:
        raise refused


LINES = (
    "reconstruct resire a.h5 -o b.h5 --max-iterations 5 --step-size 1.5 --tilt-axis x --in-plane 0 --stop plateau",
    "reconstruct hio a.h5 -o b.h5 --beta 0.9 --starts 3 --change '57: beta=0.5' --end-at 80 --hold-out 0.1",
    "prepare a.h5 -o b.h5 --step bin:factor=2 --step hot-pixels --pixel-size 0.5 --kind tilt-series",
    "resume a.h5", "rerun a.h5 --input b.h5", "info a.h5", "steps", "algorithms --json",
)  # fmt: skip


@cache
def _parser() -> Any:
    from proxiscope.cli.main import parser

    return parser()


def _use_line(path: Path) -> None:
    """Take a line apart as the command does, and make its algorithm, criteria and steps; nothing is run."""
    from proxiscope.cli import commands, steps
    from proxiscope.core import InputError, algorithms

    lines = _document(path)
    for words in lines if isinstance(lines, list) else [lines]:
        words = words if isinstance(words, list) else [words]
        try:
            options, unknown = _parser().parse_known_args([w if isinstance(w, str) else repr(w) for w in words])
        except SystemExit as leave:
            raise InputError("command line", str(leave), "See --help") from leave
        if unknown:
            raise InputError("command line", str(unknown), "See --help")
        family = "tomography"
        if hasattr(options, "algorithm"):
            cls = algorithms()[options.algorithm]
            family = cls.family
            commands.algorithm_from(cls, options)
            commands.criteria_from(cls, options)
            commands.changes_from(cls, options)
            commands.until_from(options)
        if hasattr(options, "step"):
            steps.chosen(options, family)


def _write_lines(path: Path) -> None:
    path.write_text(json.dumps([shlex.split(line) for line in LINES]))


# ---- runs on disk


@cache
def _problems() -> tuple[Any, Any]:
    from tests.problems import small_pattern, small_series

    return small_pattern(), small_series()


def _write_checkpoint(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from proxiscope.checkpoints import Checkpoints
        from proxiscope.core import algorithms
        from proxiscope.phase import HIO, Ensemble
        from proxiscope.reconstruction import reconstruct

        several = Ensemble(algorithm=HIO(max_iterations=40), starts=30)
        algorithm = several if name == "ensemble" else algorithms()[name]()
        problem = _problems()[algorithm.family != "phase"]
        kept = Checkpoints(path, iterations=1, seconds=0)
        reconstruct(algorithm, problem, callback=lambda progress: progress.iteration > 1, checkpoints=kept)

    return write


def _use_checkpoint(path: Path) -> None:
    """Load it both ways, and go on from the state: what is loaded is handed to compiled code."""
    from proxiscope.checkpoints import load_run
    from proxiscope.core import DivergedError, InputError, iterate
    from proxiscope.core.checkpoint import load_checkpoint

    algorithm, state = load_checkpoint(path)
    problem = _problems()[algorithm.family != "phase"]
    try:
        for progress in itertools.islice(iterate(algorithm, problem, state=state), 2):
            progress.estimate()
    except DivergedError as error:
        raise InputError("state", str(error), "Use another") from error
    load_run(path).problem()


def _write_plan(path: Path) -> None:
    _continue(path.with_name("volume.zarr"), _series_on_disk(path.with_name("series.h5")))


def _series_on_disk(path: Path) -> Path:
    from proxiscope.io import write_array

    images = np.random.default_rng(0).random((5, 96, 12)).astype(np.float32)
    write_array(path, images, angles=np.linspace(-60, 60, 5), kind="tilt-series")
    return path


def _continue(target: Path, series: Path) -> None:
    """Do one more slab."""
    from proxiscope.out_of_core import reconstruct_out_of_core
    from proxiscope.tomography import FBP

    reconstruct_out_of_core(FBP(), series, target, slices=32, callback=lambda done: True)


def _use_plan(path: Path) -> None:
    from proxiscope.io import read

    _continue(path.with_name("volume.zarr"), path.with_name("series.h5"))
    if path.exists():
        read(path)


# ---- records and sessions


def _write_record(path: Path) -> None:
    import proxiscope as px
    from proxiscope.preparation import steps
    from proxiscope.tomography import SIRT
    from tests.problems import small_series

    px.save(path.with_name("input.h5"), small_series())
    series = px.load(path.with_name("input.h5"), steps=[steps()["bin"](), steps()["hot-pixels"]()])
    px.save(path, px.reconstruct(SIRT(max_iterations=3), series))


def _use_record(path: Path) -> None:
    """Make the problem and the algorithm of a result again from its record; its run is not repeated."""
    from proxiscope.io import read
    from proxiscope.repetition import planned
    from proxiscope.scripts import command_line, describe_record, python_code

    provenance = read(path).declared.provenance
    describe_record(provenance)
    ast.parse(python_code(provenance))
    shlex.split(command_line(provenance))
    planned(path)


def _write_session(path: Path) -> None:
    from proxiscope.napari.session_file import write_document

    image = np.random.default_rng(0).random((4, 12, 10)).astype(np.float32)
    notes = {"kind": "tilt-series", "angles": np.linspace(-60, 60, 4), "pixel_size": 0.5, "provenance": {"a": 1}}
    state = {"name": "images", "scale": [1.0, 1.0, 1.0], "colormap": "gray", "contrast_limits_range": [0.0, 1.0]}
    layers = [
        {"type": "image", "state": state, "data": image, "notes": notes, "file": None},
        {"type": "labels", "state": {"name": "support"}, "data": image > 0.5, "notes": {}, "file": None},
        {"type": "points", "state": {"name": "marks", "size": 3}, "data": np.ones((2, 3)), "notes": None},
    ]
    write_document(path, {"layers": layers, "view": {"ndisplay": 2, "order": [0, 1, 2]}, "panels": {"Tomography": {}}})


def _use_session(path: Path) -> None:
    from proxiscope.core import InputError
    from proxiscope.napari.session_file import read_document
    from proxiscope.napari.session_layers import Finder, made

    document, remarks = read_document(path), []
    layers = document.get("layers", [])
    if not isinstance(layers, list):
        raise InputError("session", "no list of layers", "Use another")
    for layer in layers:
        try:
            made(layer, Finder(path), remarks)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # as `proxiscope.napari.sessions` does
            raise InputError("session", str(error), "Use another") from error


def _odd_json_file(original: bytes, seed: int) -> bytes:
    return json.dumps(odd_json(json.loads(original), random.Random(seed))).encode()


TARGETS: dict[str, Target] = {
    "parameters.json": Target(_write_parameters, _use_parameters, _odd_json_file),
    "lines.json": Target(_write_lines, _use_line, _odd_json_file),
    **{f"checkpoint-{a}.h5": Target(_write_checkpoint(a), _use_checkpoint, odd_hdf5) for a in ALGORITHMS},
    "volume.partial.zarr": Target(_write_plan, _use_plan),
    "record.npy": Target(_write_record, _use_record),
    "session.h5": Target(_write_session, _use_session, odd_hdf5),
}
