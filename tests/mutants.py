"""Small changes to the core numerics, each of which some test has to notice.

``python -m tests.mutants --count 60 --seed 0`` draws so many changes of `ROOMS`, evenly over the files, and runs the
tests of the file against each, in a copy of the tree. A change is another arithmetic operator, another comparison, a
number that is one more or less, a sign less, or a statement left out. What survives is listed, and makes the exit
status 1 unless it is among `EQUIVALENT`. A test that kills has to pass on the original. ``--file gps.py`` draws from
one file, ``--file physics/projectors`` from a folder, ``--list`` only shows what was drawn.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "src/proxiscope"

PHASE = ("tests/phase/test_plain.py", "tests/phase/test_oracle.py", "tests/phase/test_algorithms.py")
TOMOGRAPHY = tuple(f"tests/tomography/test_{name}.py" for name in ("algorithms", "multiple_axes", "in_slabs"))
KMEANS = ("tests/learning/test_kmeans_kernels.py", "tests/learning/test_kmeans.py")
SINGLE_AXIS, ANY_AXES = "tests/physics/test_projectors.py", "tests/physics/test_general_projector.py"
DEVICE = ("tests/physics/test_device_projector.py",)

ROOMS = {
    "core/stopping.py": ("tests/core/test_stopping.py",),
    "learning/_softmax.py": ("tests/learning/test_logistic.py",),
    "learning/clustering.py": KMEANS,
    "learning/kernels.py": KMEANS,
    "learning/sbe.py": (*KMEANS, "tests/learning/test_learning_laws.py"),
    "phase/er_hio.py": PHASE,
    "phase/gps.py": PHASE,
    "phase/hio.py": PHASE,
    "phase/kernels.py": ("tests/phase/test_kernels.py", *PHASE),
    "phase/measured.py": ("tests/phase/test_measured.py", *PHASE, "tests/phase/test_device.py"),
    "phase/metrics.py": ("tests/phase/test_metrics.py",),
    "phase/oss.py": PHASE,
    "phase/projections.py": PHASE,
    "phase/raar.py": PHASE,
    "phase/shrink_wrap.py": ("tests/phase/test_shrink_wrap.py", "tests/phase/test_device.py"),
    "phase/stages.py": PHASE,
    "physics/_recursion.py": ("tests/physics/test_smoothing.py",),
    "physics/fourier.py": ("tests/physics/test_fourier.py", *PHASE),
    "physics/projectors/__init__.py": (*DEVICE, "tests/tomography/test_multiple_axes.py"),
    "physics/projectors/_gridding.py": ("tests/physics/test_projectors_mutants.py", *DEVICE),
    "physics/projectors/_joseph.py": (SINGLE_AXIS,),
    "physics/projectors/_shear.py": (ANY_AXES,),
    "physics/projectors/_sparse_rows.py": DEVICE,
    "physics/projectors/_vectors.py": (SINGLE_AXIS, ANY_AXES),
    "physics/projectors/array_fourier_slice.py": DEVICE,
    "physics/projectors/bilinear_slice.py": ("tests/physics/test_bilinear_slice.py",),
    "physics/projectors/fourier_slice.py": (SINGLE_AXIS,),
    "physics/projectors/general.py": (ANY_AXES,),
    "physics/projectors/general_fourier_slice.py": (ANY_AXES,),
    "physics/projectors/single_axis.py": (
        "tests/physics/test_projectors_mutants.py",
        SINGLE_AXIS,
        ANY_AXES,
        "tests/physics/test_bilinear_slice.py",
    ),
    "physics/rotations.py": ("tests/physics/test_rotations.py", "tests/physics/test_general_projector.py"),
    "physics/smoothing.py": ("tests/physics/test_smoothing.py",),
    "tomography/fbp.py": TOMOGRAPHY,
    "tomography/kernels.py": (*TOMOGRAPHY, "tests/tomography/test_sart.py", "tests/tomography/test_sgd.py"),
    "tomography/metrics.py": ("tests/tomography/test_metrics.py",),
    "tomography/noise.py": ("tests/tomography/test_noise.py",),
    "tomography/resire.py": TOMOGRAPHY,
    "tomography/resire_accelerated.py": TOMOGRAPHY,
    "tomography/resire_tv.py": ("tests/tomography/test_resire_tv.py",),
    "tomography/sart.py": ("tests/tomography/test_sart.py",),
    "tomography/sirt.py": (*TOMOGRAPHY, "tests/tomography/test_device.py"),
    "tomography/total_variation.py": ("tests/tomography/test_resire_tv.py",),
    "tomography/wbp.py": ("tests/tomography/test_wbp.py", "tests/tomography/test_multiple_axes.py"),
}
"""Files, and the tests that guard them, the nearest first; none that are slow, which are left out."""

COMPILED_INTO = {"physics/projectors/_vectors.py": ("_joseph", "_shear")}
"""Files of which numba keeps machine code in that of others beside them, where it would not see that they changed."""

EQUIVALENT: dict[str, str] = {
    "physics/fourier.py: FourierTransform._along_leading: across = 1 if axis[0] == 0 else 0 # blocks must not cut the "
    "axis that is transformed  ->  across = 1 if axis[(-1)] == 0 else 0 # blocks must not cut the axis that is "
    "transformed": "there is one axis in it",
    "learning/clustering.py: Pass._gather: if len(self._parts) > 1:  ->  if len(self._parts) > 0:": "the sum over one "
    "part is that part, which the original does not copy",
    "tomography/resire.py: RESIRE.descend: state.slowdown[state.squares > 1.0001 * state.previous_squares] *= 1.5  ->  "
    "state.slowdown[state.squares >= 1.0001 * state.previous_squares] *= 1.5": "they are equal where both are zero, "
    "and there is no gradient there",
    "physics/_recursion.py: filter_rows: scratch = np.empty((3, a.shape[1]), a.dtype)  ->  scratch = np.empty((4, "
    "a.shape[1]), a.dtype)": "the fourth row is not used",
    "phase/gps.py: GPSF.advance: images = (a.reshape(len(work.rows), -1) for a in (state.y, d, state.support))  ->  "
    "images = (a.reshape(len(work.rows), -2) for a in (state.y, d, state.support))": "any negative length is as good",
    "phase/measured.py: Measured._on_spectrum: minus[..., self_paired(b.shape)] = -1  ->  minus[..., "
    "self_paired(b.shape)] = -2": "any negative value marks what does not count",
    "phase/stages.py: Staged.enter_stage: work.stage = stage  ->  pass": "the filter is then made anew each time, the "
    "same",
    "physics/projectors/_vectors.py: dot: return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))  ->  "
    "return builder.extract_element(total, ir.Constant(ir.IntType(33), 0))": "LLVM takes an index of any width",
    'physics/projectors/bilinear_slice.py: _centred: transform(shifted, **{"axes" if len(axes) > 1 else "axis": axes '
    'if len(axes) > 1 else axes[0]}), axes=axes  ->  transform(shifted, **{"axes" if len(axes) > 1 else "axis": axes '
    "if len(axes) > 1 else axes[(-1)]}), axes=axes": "there is one axis in it",
    "physics/projectors/general.py: GeneralProjector._base_images: ends = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * "
    "(np.array(self.shape) - 1)  ->  ends = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * (np.array(self.shape) + "
    "1)": "base images then have pixels that no ray of the detector reads",
}
"""Changes that no test can notice, as they are listed, each with the reason."""

PATIENCE, TIME = 600.0, "time"
"""Seconds that the tests of a file may take, and what is told where they take longer."""

ESTIMATES = {"memory", "work", "proposals", "use", "__repr__"}
"""Functions that are left alone: upper bounds and words, which a small change leaves true."""

CUTS = {"physics/projectors/single_axis.py: _parts", "physics/projectors/single_axis.py: _width"}
"""Functions that are left alone as they only cut work into pieces: others take another time, and give the same."""

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&",
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
    ast.IsNot: "is",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A file of `ROOMS` in which the characters `first` to `last` are replaced by `text`."""

    file: str
    where: str
    first: int
    last: int
    text: str

    def of(self, source: str) -> str:
        """The changed source."""
        return source[: self.first] + self.text + source[self.last :]

    def name(self, source: str) -> str:
        """How it is listed: file, function, the old line and the new."""
        begin, end = source.rfind("\n", 0, self.first) + 1, source.find("\n", self.last)
        old = " ".join(source[begin:end].split())
        new = " ".join((source[begin : self.first] + self.text + source[self.last : end]).split())
        return f"{self.file}: {self.where}: {old}  ->  {new}"


def mutants(file: str) -> list[Mutant]:
    """All changes to a file's functions."""
    source = (ROOT / SOURCE / file).read_text(encoding="utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        lines = source.splitlines()
        first = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
        last = len(lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode())
        return starts[node.lineno - 1] + first, starts[node.end_lineno - 1] + last

    found = []
    for function, where in functions(ast.parse(source)):
        if f"{file}: {where}" in CUTS:
            continue
        for node in inside(function):
            for part, text in changes(node):
                found.append(Mutant(file, where, *_between(source, span, node, part), text))
    return found


def _between(source, span, node, part):
    """The characters that are replaced: of a node, or of the operator between two."""
    if not isinstance(part, tuple):
        return span(part)
    first, last = span(part[0])[1], span(part[1])[0]
    gap = source[first:last]
    stripped = gap.strip("() \n")
    at = first + gap.index(stripped)
    return at, at + len(stripped)


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[ast.FunctionDef, str]]:
    """Functions and methods with their dotted names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in ESTIMATES:
            yield node, prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")


def inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's body that count: no annotations, docstrings, messages or imports."""
    left = list(reversed(function.body))
    while left:
        node = left.pop()
        if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        if isinstance(node, ast.AnnAssign):
            left += [node.value] if node.value is not None else []
        elif isinstance(node, ast.FunctionDef):
            left += reversed(node.body)
        else:
            left += reversed(list(ast.iter_child_nodes(node)))


def changes(node: ast.AST) -> Iterator[tuple[ast.AST | tuple[ast.AST, ast.AST], str]]:
    """What can be replaced in a node itself, and by what."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS and not isinstance(node.left, ast.JoinedStr):
        yield (node.left, node.right), OPERATORS[type(node.op)]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield (node.left, node.comparators[0]), COMPARISONS[type(node.ops[0])]
    elif isinstance(node, ast.BoolOp):
        yield (node.values[0], node.values[1]), "or" if isinstance(node.op, ast.And) else "and"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield node, repr(node.value + 1)
        yield node, repr(node.value - 1) if node.value >= 1 else f"({node.value - 1!r})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        operand = ast.unparse(node.operand)
        yield node, f"({operand})" if isinstance(node.operand, ast.BinOp) else operand
    elif isinstance(node, ast.AugAssign | ast.Expr) or (isinstance(node, ast.Assign) and _into(node)):
        yield node, "pass"


def _into(node: ast.Assign) -> bool:
    """Whether what is assigned to was there before: an item or an attribute, without which there is no NameError."""
    return all(isinstance(target, ast.Subscript | ast.Attribute) for target in node.targets)


def drawn(files: list[str], count: int, seed: int) -> list[Mutant]:
    """So many mutants, the same for the same seed, in turn from each file."""
    rng = random.Random(seed)
    pools = []
    for file in files:
        pool = mutants(file)
        rng.shuffle(pool)
        pools.append(pool)
    rng.shuffle(pools)
    found: list[Mutant] = []
    while len(found) < count and any(pools):
        found += [pool.pop() for pool in pools if pool]
    return found[:count]


class Copy:
    """A copy of the tree, in which tests are run."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, folder / name)  # with what numba has compiled
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, folder / name)

    def fails(self, tests: tuple[str, ...]) -> str:
        """The first of the tests that fails, `TIME` where they take longer than `PATIENCE`, or nothing."""
        if not tests:
            return ""
        data = os.environ.get("PROXISCOPE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
        environment = {
            **os.environ, "PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1", "PROXISCOPE_TEST_DATA": data,
        }  # fmt: skip
        words = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:napari", "-p", "no:npe2"]
        words += ["-p", "no:pytest-qt", "-m", "not slow and not gui", *tests]
        command = [sys.executable, "-m", "pytest", *words]
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return TIME
        if done.returncode == 0:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return failed[0].split(" ", 1)[1].split(" - ")[0] if failed else tests[0]  # which died without a word

    def kills(self, mutant: Mutant) -> str:
        """The test that tells `mutant` from the original, or nothing."""
        path = self.folder / SOURCE / mutant.file
        original, written = path.read_text(encoding="utf-8"), path.stat()
        compiled, kept = path.parent / "__pycache__", self.folder / "kept"
        if not compiled.is_dir():  # in a fresh checkout: compiled once rather than for each mutant
            compiled.mkdir()
            self.fails(ROOMS[mutant.file])
        shutil.copytree(compiled, kept)
        for name in COMPILED_INTO.get(mutant.file, ()):
            for index in compiled.glob(f"{name}.*.nbi"):
                index.unlink()
        path.write_text(mutant.of(original), encoding="utf-8")
        try:
            return self.fails(ROOMS[mutant.file])
        finally:  # with what was compiled of the original, which the change put out of date
            path.write_text(original, encoding="utf-8")
            os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
            shutil.rmtree(compiled)
            kept.rename(compiled)


def main() -> int:
    """Draw mutants, run the tests against them, and list the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so many")
    parser.add_argument("--file", help="part of the names of the files to which mutants are limited")
    parser.add_argument("--list", action="store_true", help="show what is drawn")
    options = parser.parse_args()
    files = [file for file in ROOMS if (options.file or "") in file]
    chosen = drawn(files, options.count, options.seed)
    sources = {file: (ROOT / SOURCE / file).read_text(encoding="utf-8") for file in files}
    if options.list:
        print(*(mutant.name(sources[mutant.file]) for mutant in chosen), sep="\n")
        return 0
    begin, killed, equivalent, survivors = time.monotonic(), 0, 0, []
    sound: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for mutant in chosen:
            name = mutant.name(sources[mutant.file])
            if name in EQUIVALENT:
                equivalent += 1
                continue
            if time.monotonic() - begin > options.seconds:
                break
            by = copy.kills(mutant)
            if by not in sound and by != TIME and copy.fails((by,) if by else ()):
                sys.exit(f"{by} fails without a change, too")
            sound.add(by)
            killed += bool(by)
            survivors += [] if by else [name]
            print(f"{'killed  ' if by else 'SURVIVED'} {name}   {by}", flush=True)
    tried = killed + len(survivors)
    print(f"{tried + equivalent} mutants: {killed} killed, {equivalent} equivalent, {len(survivors)} survived")
    print(*survivors, sep="\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
