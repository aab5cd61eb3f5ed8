"""A folder with small files under the names that the pages use."""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import shift

import proxiscope as px
from proxiscope.io import write_array
from proxiscope.simulate import diffraction_pattern, tilt_series, vesicle

SIZE = 24


def furnish(folder: Path) -> None:
    """Write them all."""
    _patterns(folder)
    _series(folder)


def _patterns(folder: Path) -> None:
    pattern = diffraction_pattern(vesicle((SIZE, SIZE), seed=1), (3 * SIZE, 3 * SIZE), flux=1e7, seed=1)
    counts = np.round(pattern.magnitudes**2)
    for name in ("pattern.npz", "pattern.cxi", "pattern.h5"):
        px.save(folder / name, pattern)
    write_array(folder / "pattern.npy", pattern.magnitudes, kind="pattern", quantity="magnitudes")
    write_array(folder / "support.tif", pattern.support.astype(np.float32))
    np.save(folder / "support.npy", pattern.support)
    np.save(folder / "mask.npy", pattern.known)
    np.save(folder / "counts.npy", counts)
    frames = np.random.default_rng(0).poisson(counts / 3, (3, *counts.shape)).astype(float)
    np.save(folder / "frames.npy", frames)
    crystal = diffraction_pattern(vesicle((8, 8, 8), seed=1), (20, 20, 20), flux=1e8)
    write_array(folder / "bragg.h5", crystal.magnitudes**2, kind="pattern", quantity="intensities")


def _series(folder: Path) -> None:
    truth = vesicle((SIZE, SIZE, SIZE), seed=3)
    angles = np.arange(-70, 71, 7.0)
    clean = tilt_series(truth, angles, noise=0.02, pixel_size=2.0)
    for name in ("series.mrc", "large.mrc", "a.mrc", "moved.mrc"):
        write_array(folder / name, clean.projections, pixel_size=2.0, angles=angles)
    np.savetxt(folder / "series.rawtlt", angles, fmt="%.2f")
    turned = tilt_series(np.rot90(truth, axes=(1, 2)), angles, noise=0.02, pixel_size=2.0)
    write_array(folder / "b.mrc", turned.projections, pixel_size=2.0, angles=angles)
    np.savetxt(folder / "triples.txt", [(0, angle, 0) for angle in angles])
    write_array(folder / "model.mrc", truth, pixel_size=2.0)
    px.save(folder / "film.mrc", px.load("sample:film"))
    raw = tilt_series(vesicle((20, 20, 20), seed=3), angles, shape=(30, 30)).projections
    moves = np.random.default_rng(0).normal(0, 1.5, (len(angles), 2))
    raw = 20 + np.stack([shift(image, move, order=1) for image, move in zip(raw, moves, strict=True)])
    for name in ("raw.mrc", "HAADF.mrc"):
        write_array(folder / name, raw, pixel_size=3.36, angles=angles)
    (folder / "chain.json").write_text(json.dumps([{"name": "hot-pixels"}]))
