"""Damaged files of every format: ``python -m tests.fuzz --count 10000`` reads so many mutants of each.

Each format's mutants are read in a process of their own, which is watched from outside: a death by a signal, an
exception other than InputError, a file that takes longer than `PATIENCE`, or a process that grows beyond `MEMORY`
counts as a failure, and is listed with the seed that makes the same file again.
"""

import argparse
import bz2
import gzip
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path

PATIENCE = 20.0
"""Seconds that one file may take."""

MEMORY = 2**30
"""Bytes that reading may take, the libraries of all formats included."""

NUMBERS = (0, 1, -1, -2, 127, 128, 255, 256, 32767, 65535, 2**20, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62)


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


def _mutant_inside(name: str, original: bytes, seed: int) -> bytes:
    """A copy that is damaged below its compression, whose check sums are right: they would hide what lies behind."""
    if name.endswith(".gz"):
        return gzip.compress(mutant(gzip.decompress(original), seed), 1)
    if name.endswith(".bz2"):
        return bz2.compress(mutant(bz2.decompress(original), seed), 1)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        chosen = random.Random(f"which {seed}").choice(source.namelist())
        for member in source.namelist():
            block = source.read(member)
            target.writestr(member, mutant(block, seed) if member == chosen else block)
    return packed.getvalue()


def damaged(sample: Path, seed: int, folder: Path) -> Path:
    """A damaged copy of a sample, or of one file in it if it is a folder, under the same name."""
    target = folder / sample.name
    if sample.is_file():
        inside = sample.suffix in (".gz", ".bz2", ".npz", ".zip") and seed % 4
        make = partial(_mutant_inside, sample.name) if inside else mutant
        target.write_bytes(make(sample.read_bytes(), seed))
        return target
    files = sorted(f for f in sample.rglob("*") if f.is_file())
    chosen = random.Random(f"which {seed}").choice(files)
    for file in files:
        copy = target / file.relative_to(sample)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(mutant(file.read_bytes(), seed) if file == chosen else file.read_bytes())
    return target


def read_all(sample: Path, first: int, last: int, diary: Path) -> None:
    """Read mutants in this process, and write down before each which one it is, and afterwards what became of it."""
    import numpy as np

    from proxiscope.core import InputError
    from proxiscope.io import read, read_angles
    from proxiscope.io.angles import ANGLE_SUFFIXES

    is_text = sample.suffix in ANGLE_SUFFIXES and sample.suffix not in (".npy", ".mat", ".mdoc")

    def outcome(path: Path) -> str:
        try:
            if is_text:
                read_angles(path)
                return "read"
            data = read(path).data
            if data.nbytes < 2**26:
                np.asarray(data)
            return "read"
        except InputError:
            return "refused"
        except MemoryError:
            return "too large"
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"

    with diary.open("a", buffering=1) as log, tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            log.write(f"{seed}\n")
            found = outcome(damaged(sample, seed, Path(folder)))
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            log.write(json.dumps([seed, found if used < MEMORY else f"{used / 2**30:.2f} GiB of memory"]) + "\n")
            if used >= MEMORY:
                os._exit(3)  # what the next ones take could not be told


def fuzz(sample: Path, count: int) -> tuple[Counter, list[tuple[int, str]]]:
    """How often mutants of a sample were read or refused, and the failures with their seeds."""
    outcomes, failures, first = Counter(), [], 0
    while first < count:
        with tempfile.TemporaryDirectory() as folder:
            diary = Path(folder) / "diary"
            diary.touch()
            command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz", "--child", str(sample)]
            child = subprocess.Popen(
                [*command, str(first), str(count), str(diary)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            stuck = _wait(child, diary)
            died = child.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
            last = None
            if child.returncode and not diary.stat().st_size:
                raise RuntimeError(f"the reading process fails from the start: {died}")
            for line in diary.read_text().splitlines():
                entry = json.loads(line)
                last = entry if isinstance(entry, int) else None
                if isinstance(entry, list):
                    first = entry[0] + 1
                    outcomes[entry[1] if entry[1] in ("read", "refused") else "failed"] += 1
                    if entry[1] not in ("read", "refused"):
                        failures.append((entry[0], entry[1]))
            if last is not None and child.returncode:  # it did not come back from this one
                why = f"longer than {PATIENCE:g} s" if stuck else f"died ({child.returncode}): {' '.join(died)[:200]}"
                failures.append((last, why))
                outcomes["failed"] += 1
                first = max(first, last) + 1
    return outcomes, failures


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


def main() -> int:
    """Fuzz all samples, or those named; 1 if anything failed."""
    if sys.argv[1:2] == ["--child"]:
        sample, first, last, diary = sys.argv[2:]
        read_all(Path(sample), int(first), int(last), Path(diary))
        return 0
    from tests.samples import write_samples

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", help="names of samples; all by default")
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, sample in write_samples(Path(folder)).items():
            if options.formats and name not in options.formats:
                continue
            begin = time.monotonic()
            outcomes, failures = fuzz(sample, options.count)
            failed += len(failures)
            print(f"{name:24} {dict(outcomes)} in {time.monotonic() - begin:.0f} s", flush=True)
            for seed, why in failures[:10]:
                print(f"    seed {seed}: {why}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
