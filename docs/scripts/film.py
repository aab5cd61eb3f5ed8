"""The figures and the picture of docs/how-to/thin-films.md: a film, taken for an isolated object and for a film.

pip install matplotlib
python docs/scripts/film.py [--image docs/images/film.png]
"""

import argparse
from dataclasses import replace

import numpy as np

from proxiscope import reconstruct
from proxiscope.simulate import film, tilt_series
from proxiscope.tomography import RESIRE, SIRT, AcceleratedRESIRE
from proxiscope.tomography.correlation import fourier_shell_correlation
from proxiscope.tomography.metrics import real_space_error

DEPTH, ROWS, COLUMNS, BORDER = 24, 48, 64, 5
ANGLES = np.arange(-69, 70, 3.0)
METHODS = [RESIRE(max_iterations=40), AcceleratedRESIRE(max_iterations=12), SIRT(max_iterations=40)]
DEPTHS = (16, 20, 22, 24, 26, 28, 32, 40)


def simulated(noise=0.3):
    """The film inside the field of view, and its tilt series."""
    whole = film((DEPTH, ROWS, 264), DEPTH, seed=1)
    left = whole.shape[2] // 2 - COLUMNS // 2
    return whole[:, :, left : left + COLUMNS], tilt_series(whole, ANGLES, shape=(ROWS, COLUMNS), noise=noise, seed=2)


def parts(volume):
    """The outer columns and those between."""
    return np.concatenate([volume[..., :BORDER], volume[..., -BORDER:]], axis=-1), volume[..., BORDER:-BORDER]


def figures(volume, truth):
    """Errors in the border and inside; brightness and spread of the border over the truth's; mean FSC of all."""
    (border, inside), (true_border, true_inside) = parts(volume), parts(truth)
    return {
        "error, border": real_space_error(border, true_border),
        "error, inside": real_space_error(inside, true_inside),
        "brightness, border": border.mean() / true_border.mean(),
        "spread, border": border.std() / true_border.std(),
        "FSC": fourier_shell_correlation(volume - truth.mean(), truth - truth.mean()).mean,
    }


def main():
    """Print both tables, and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--image")
    truth, series = simulated()
    print("film", *figures(truth, truth), "R_F", sep=" | ")
    pictures = {"truth": truth}
    for method in METHODS:
        for is_film in (False, True):
            result = reconstruct(replace(method, depth=DEPTH, film=is_film), series)
            row = [f"{value:.2f}" for value in figures(result.volume, truth).values()]
            print(f"{method.title}, film={is_film}", *row, f"{result.r_factor:.1%}", sep=" | ")
            if method is METHODS[0]:
                pictures[f"RESIRE, film={is_film}"] = result.volume
    held_out = series.hold_out(8)
    print("depth", "R_F", "free R_F", sep=" | ")
    for depth in DEPTHS:
        result = reconstruct(RESIRE(max_iterations=40, depth=depth, film=True), held_out)
        print(depth, f"{result.r_factor:.2%}", f"{result.metrics['free_r_factor'][-1]:.2%}", sep=" | ")
    image = parser.parse_args().image
    if image:
        draw(pictures, image)


def draw(pictures, path):
    """Sections across the beam and along it, and the mean of each column along x."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 3, figsize=(9, 6.2), height_ratios=(ROWS, DEPTH, 30), layout="constrained")
    for (name, volume), (across, along, profile) in zip(pictures.items(), axes.T, strict=True):
        across.imshow(volume[DEPTH // 2], vmin=0, vmax=1, cmap="gray")
        along.imshow(volume[:, ROWS // 2], vmin=0, vmax=1, cmap="gray")
        profile.plot(pictures["truth"].mean(axis=(0, 1)), color="0.6", label="truth")
        profile.plot(volume.mean(axis=(0, 1)), color="C3", label=name)
        across.set_title(name)
        profile.set(xlim=(-0.5, COLUMNS - 0.5), ylim=(0, 1.1), xlabel="x (px)")
    for row, label in zip(axes, ("y (px), central slice", "z (px), along the beam", "mean density"), strict=True):
        row[0].set_ylabel(label, fontsize=8)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
