"""Damaged files of every format, and of all else that comes from outside (`tests.fuzz_targets`).

``python -m tests.fuzz --count 10000`` reads so many mutants of each, ``--seconds 60`` as many as the time allows.

The mutants are read in a process of their own, which is watched from outside: a death by a signal, an exception other
than InputError, a file that takes longer than `PATIENCE`, or a process that grows beyond `MEMORY` counts as a failure,
and is listed with the seed that makes the same file again.
"""

import argparse
import bz2
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz_targets import NUMBERS, SEAL, TARGETS, odd_json, sealed

PATIENCE = 20.0
"""Seconds that one file may take."""

MEMORY = 2**30
"""Bytes that reading may take, the libraries of all formats included."""

LARGE = 2**26
"""Bytes of an array of which only a part is used."""


def mutant(original: bytes, seed: int) -> bytes:
    """A damaged copy; the same for the same seed."""
    rng, data = random.Random(seed), bytearray(original)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.randrange(7)
        end = len(data) if rng.random() < 0.4 else min(len(data), 2048)  # most of what is fragile is a header
        at = rng.randrange(max(1, end))
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
            number = rng.choice(NUMBERS) % 256**size
            data[at : at + size] = number.to_bytes(size, order)
        elif kind == 3:
            del data[at:]  # cut short
        elif kind == 4:
            del data[at : at + rng.choice((1, 2, 4, 100))]
        elif kind == 5:
            piece = data[at : at + rng.choice((1, 4, 32, 512))]
            there = rng.randrange(len(data) + 1)
            data[there:there] = piece * rng.choice((1, 1, 50))
        else:
            data[at : at + rng.choice((4, 64))] = rng.randbytes(rng.choice((1, 4, 64)))
    return bytes(data)


def _mutant_inside(name: str, original: bytes, seed: int) -> bytes | None:
    """A copy that is damaged below its compression, whose check sums are right: they would hide what lies behind.

    None of a format that has nothing of the kind.
    """
    suffix = Path(name).suffix
    if name in TARGETS and TARGETS[name].inside:
        if original.startswith(b"proxiscope") and seed % 4 == 1:
            return sealed(original[:SEAL] + mutant(original[SEAL:], seed))
        return TARGETS[name].inside(original, seed)
    if suffix in (".gz", ".bz2"):
        pack, unpack = {".gz": (gzip.compress, gzip.decompress), ".bz2": (bz2.compress, bz2.decompress)}[suffix]
        return pack(mutant(unpack(original), seed), 1)
    if suffix in (".npz", ".zip"):
        return _mutant_in_zip(original, seed)
    if suffix == ".mat" and original[124:128] == b"\0\1IM":
        return _mutant_in_matlab(original, seed)
    if suffix == ".mrc" and original[104:108] == b"HDF5":
        return _mutant_in_record(original, seed)
    if suffix == ".json" or name in (".zarray", ".zattrs", ".zgroup"):
        return json.dumps(odd_json(json.loads(original), random.Random(seed))).encode()
    return None


def _mutant_in_zip(original: bytes, seed: int) -> bytes:
    packed, rng = io.BytesIO(), random.Random(f"which {seed}")
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(packed, "w", kind) as target:
        chosen = rng.choice(source.namelist())
        for member in source.namelist():
            block = source.read(member)
            target.writestr(member, mutant(block, seed) if member == chosen else block)
    return packed.getvalue()


def _mutant_in_matlab(original: bytes, seed: int) -> bytes:
    """With one of the compressed variables damaged."""
    parts, at = [original[:128]], 128
    while at + 8 <= len(original):
        kind, size = (int.from_bytes(original[at + i : at + i + 4], "little") for i in (0, 4))
        parts.append(original[at : at + 8 + size])
        at += 8 + size
    chosen = random.Random(f"which {seed}").randrange(1, len(parts))
    if kind != 15:
        return mutant(original, seed)
    block = zlib.compress(mutant(zlib.decompress(parts[chosen][8:]), seed), 1)
    parts[chosen] = (15).to_bytes(4, "little") + len(block).to_bytes(4, "little") + block
    return b"".join(parts)


def _mutant_in_record(original: bytes, seed: int) -> bytes:
    """With the HDF5 in our extended header damaged, and a seal that is right: anybody can make one."""
    from proxiscope.io.writing.mrc import sealed

    size = int.from_bytes(original[92:96], "little")
    block = sealed(mutant(original[1024 : 1024 + size], seed))
    return original[:92] + len(block).to_bytes(4, "little") + original[96:1024] + block + original[1024 + size :]


def damaged(sample: Path, seed: int, folder: Path) -> Path:
    """A copy of a sample and of what lies beside it, one of these files damaged, under the same name."""
    files = sorted(f for f in sample.parent.rglob("*") if f.is_file())
    if sample.name in TARGETS:  # which may leave files of their own
        shutil.rmtree(folder, ignore_errors=True)
    chosen = random.Random(f"which {seed}").choice(files)
    for file in files:
        target, block = folder / file.relative_to(sample.parent), file.read_bytes()
        target.parent.mkdir(parents=True, exist_ok=True)
        if file == chosen:
            block = (_mutant_inside(file.name, block, seed) if seed % 4 else None) or mutant(block, seed)
        target.write_bytes(block)
    return folder / sample.name


def use(path: Path, seed: int) -> None:
    """Read a file by the function that it is meant for, values included; every eighth one also as an array alone."""
    import numpy as np

    if path.name in TARGETS:
        TARGETS[path.name].use(path)
        return
    from proxiscope import load
    from proxiscope.io import read, read_angles, read_array
    from proxiscope.io.xf import read_xf
    from proxiscope.preparation.chains import load_steps

    if path.suffix == ".json":
        load_steps(path)
    elif path.suffix == ".xf":
        read_xf(path, (12, 10))
    elif path.stem == "angles":
        read_angles(path)
    elif path.stem in ("series", "pattern"):
        load(path)
    else:
        data = read(path).data
        np.asarray(data if data.nbytes < LARGE else data[-1:, :2])
        if seed % 8 == 0 and data.nbytes < LARGE:
            read_array(path)


def read_all(samples: list[Path], seeds: range, start: int, seconds: float, diary: Path) -> None:
    """Read mutants in this process, and write down before each which one it is, and afterwards what became of it.

    They are numbered from 0 on, those of the first seed before those of the second; `start` is the first to read. None
    is begun after so many seconds.
    """
    from proxiscope.core import InputError

    def outcome(path: Path, seed: int) -> str:
        try:
            use(path, seed)
            return "read"
        except InputError:
            return "refused"
        except MemoryError:
            return "too large"
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"

    for sample in samples if samples[0].name in TARGETS else samples[:1]:  # which imports what is needed
        with tempfile.TemporaryDirectory() as folder, suppress(InputError):
            shutil.copytree(sample.parent, folder, dirs_exist_ok=True)
            use(Path(folder) / sample.name, 0)
    with diary.open("a", buffering=1) as log, tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        for number in range(start, len(samples) * len(seeds)):
            if time.monotonic() - begin > seconds:
                return
            seed, sample = seeds[number // len(samples)], samples[number % len(samples)]
            log.write(f"{number}\n")
            path = damaged(sample, seed, Path(folder) / sample.name)
            since = time.monotonic()
            found = outcome(path, seed)
            used, took = peak(), time.monotonic() - since
            found = found if used < MEMORY else f"{used / 2**30:.2f} GiB of memory"
            log.write(json.dumps([number, found, took, used]) + "\n")
            if used >= MEMORY:
                os._exit(3)  # what the next ones take could not be told


def peak() -> int:
    """Bytes of memory that this process has held at most; `ru_maxrss` would begin with those of who started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # which Windows lacks

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


@dataclass
class Outcome:
    """How often mutants of a sample were read or refused, or failed, and the failures with their seeds.

    `slowest` is in seconds; `peak` in bytes, of the process that read them among others.
    """

    counts: Counter = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    peak: int = 0


def fuzz(samples: list[Path], count: int, first: int = 0, seconds: float = float("inf")) -> dict[str, Outcome]:
    """What becomes of so many mutants of each sample, from a seed on, by its name; fewer if the time is up before."""
    seeds, start, end = range(first, first + count), 0, time.monotonic() + seconds
    outcomes = {sample.name: Outcome() for sample in samples}

    def note(number: int, what: str, took: float = 0.0, used: int = 0) -> None:
        kept = outcomes[samples[number % len(samples)].name]
        kept.slowest, kept.peak = max(kept.slowest, took), max(kept.peak, used)
        kept.counts[what if what in ("read", "refused") else "failed"] += 1
        if what not in ("read", "refused"):
            kept.failures.append((seeds[number // len(samples)], what))

    while start < len(samples) * count and time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            diary = Path(folder) / "diary"
            diary.touch()
            left = end - time.monotonic()
            task = [*map(str, samples), str(first), str(count), str(start), str(left), str(diary)]
            with (Path(folder) / "errors").open("w+b") as errors:  # a pipe would be full at some time
                command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz", "--child", *task]
                child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
                stuck = _wait(child, diary)
                errors.seek(0)
                died = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            entries = [json.loads(line) for line in diary.read_text().splitlines()]
        if not entries:
            if child.returncode:
                raise RuntimeError(f"the reading process fails from the start: {died}")
            return outcomes
        for entry in entries:
            if isinstance(entry, list):
                note(*entry)
        last = entries[-1] if isinstance(entries[-1], int) else entries[-1][0]
        if isinstance(entries[-1], int):  # it did not come back from this one
            why = f"longer than {PATIENCE:g} s" if stuck else f"died ({child.returncode}): {' '.join(died)[:200]}"
            note(last, why)
        if not child.returncode:
            return outcomes
        start = last + 1
    return outcomes


def _wait(child: subprocess.Popen, diary: Path) -> bool:
    """Wait for a process; whether it had to be killed for writing nothing for too long."""
    size, since = -1, time.monotonic()
    while True:
        try:
            child.wait(0.5)
            return False
        except subprocess.TimeoutExpired:
            now = diary.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE + 20 * (now == 0):  # to begin with, libraries are imported
                child.kill()
                child.wait()
                return True


def report(outcomes: dict[str, Outcome]) -> int:
    """Print a table; the number of failures."""
    rows = {"data files": Outcome()} | {name: found for name, found in outcomes.items() if name in TARGETS}
    for name, found in outcomes.items():
        if name not in TARGETS:
            whole = rows["data files"]
            whole.counts += found.counts
            whole.failures += found.failures
            whole.slowest, whole.peak = max(whole.slowest, found.slowest), max(whole.peak, found.peak)
    print(f"{'target':32}{'cases':>8}{'refused':>9}{'accepted':>9}{'slowest':>9}{'memory':>9}{'failures':>9}")
    for name, found in rows.items():
        if not (cases := found.counts.total()):
            continue
        figures = f"{cases:8}{found.counts['refused']:9}{found.counts['read']:9}"
        print(f"{name:32}{figures}{found.slowest:7.2f} s{found.peak / 2**20:6.0f} MB{len(found.failures):9}")
    for name, found in outcomes.items():
        for seed, why in found.failures[:10]:
            print(f"    {name} --first {seed} --count 1: {why}", flush=True)
    return sum(len(found.failures) for found in outcomes.values())


def write_target(name: str, folder: Path) -> Path:
    """Write a sample or target, with what goes with it, into a folder of its own."""
    from tests.samples import SAMPLES, write_sample

    if name in SAMPLES:
        return write_sample(name, folder)
    path = folder / f"for {name}" / name
    path.parent.mkdir()
    TARGETS[name].write(path)
    return path


def main() -> int:
    """Fuzz all samples and targets, or those named; 1 if anything failed."""
    if sys.argv[1:2] == ["--child"]:
        *samples, first, count, start, seconds, diary = sys.argv[2:]
        seeds = range(int(first), int(first) + int(count))
        read_all([Path(sample) for sample in samples], seeds, int(start), float(seconds), Path(diary))
        return 0
    from tests.samples import SAMPLES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of samples and targets; all by default")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for all of them, half for data files")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    options = parser.parse_args()
    outcomes, end = {}, time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        wanted = [name for name in (*SAMPLES, *TARGETS) if not options.names or name in options.names]
        paths = [write_target(name, Path(folder)) for name in wanted]
        files, targets = ([p for p in paths if (p.name in TARGETS) == other] for other in (False, True))
        for group, share in ((files, 0.5 if targets else 1), (targets, 1)):
            if group:
                outcomes |= fuzz(group, options.count, options.first, share * (end - time.monotonic()))
    return 1 if report(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
