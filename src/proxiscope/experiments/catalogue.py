"""What experiments there are, in the order of the thesis: what each is of, and what it needs."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """What an experiment is of, and what it needs.

    Parameters
    ----------
    of : str
        Figures, tables and sections of the thesis.
    folder : str
        Of its files, in the folder of all data; empty if it takes several.
    data : tuple of str
        Patterns of files: it needs at least one of each in its folder.
    module : str
        Another package that it needs.
    """

    of: str
    folder: str = ""
    data: tuple[str, ...] = ()
    module: str = ""

    def folder_in(self, data: Path) -> Path:
        """The folder of its files: that in the folder of all data, or the one given if that is not in there."""
        return data / self.folder if (data / self.folder).is_dir() else data

    def missing(self, folder: Path) -> str:
        """What is not in its folder, in words; empty if nothing is missing."""
        absent = [pattern for pattern in self.data if not any(folder.glob(pattern))]
        return f"no {' and no '.join(absent)} in {folder}" if absent else ""

    def lacks_module(self) -> str:
        """The package that it needs and that is not installed; empty if there is none."""
        return self.module if self.module and find_spec(self.module) is None else ""


IMAGE = {"folder": "dissertation_vesicle", "data": ("vesicle_2D.mat",)}
VOLUME = {"folder": "dissertation_vesicle", "data": ("vesicle.mrc",)}
MNIST = {"folder": "mnist", "data": ("train-images*", "train-labels*", "t10k-images*", "t10k-labels*")}

CATALOGUE = {
    "phase_vesicle": Entry("figure 2.2", **IMAGE),
    "consistency": Entry("figures 2.3 and 2.4", **IMAGE),
    "missing_data": Entry("eq. 2.28: a missing centre; a support too large", **IMAGE),
    "best_quality": Entry("figure 2.2: the lowest error that the noise allows", **IMAGE),
    "bragg": Entry("section 2.4.2, other data: a Bragg peak", "cohere_bcdi_34idc", ("S0054_volume.npz",)),
    "vesicle_tomography": Entry("figure 3.1", **VOLUME),
    "recorded_series": Entry("figures 3.2 to 3.4, other data: recorded and others' series", data=("*/*",)),
    "angle_refinement": Entry("section 3.3.4: refinement of angles", **VOLUME),
    "films": Entry("section 3.4: thin films"),
    "blocked": Entry("section 3.4: partly blocked projections"),
    "gaussians": Entry("figure 4.1"),
    "iris": Entry("figure 4.2"),
    "mnist_centroids": Entry("table 4.1, figure 4.3", **MNIST),
    "raw_mnist": Entry("table 4.2, figure 4.4", **MNIST),
    "lenet_features": Entry("table 4.3, figures 4.5 and 4.6", module="torch", **MNIST),
    "logistic": Entry("figures 5.1 and 5.2", **MNIST),
    "lenet_batches": Entry("figure 5.3a", module="torch", **MNIST),
    "resnet": Entry("figures 5.3b and 5.4", "cifar10", ("data_batch_*.bin", "test_batch.bin"), "torch"),
    "wgan": Entry("figures 5.5 and 5.6", module="torch", **MNIST),
    "tilts": Entry("chapter 5 on the problem of chapter 3"),
    "hamilton_jacobi": Entry("figure 5.7"),
}
"""By the name of the module."""
