"""The experiments with networks, at a tiny scale: what their tables say is what was run."""

import argparse
import struct

import numpy as np
import pytest
from matplotlib.figure import Figure

from proxiscope.core import InputError

torch = pytest.importorskip("torch")

from proxiscope.experiments import _lenet, _training, lenet_batches, resnet, wgan  # noqa: E402
from proxiscope.experiments._training import Images, crop_and_flip, mean_and_spread  # noqa: E402
from proxiscope.experiments.report import draw, number  # noqa: E402
from proxiscope.learning.datasets import cifar10, mnist  # noqa: E402
from proxiscope.learning.torch import LSSGD, LSRMSprop  # noqa: E402
from proxiscope.learning.torch.networks import LeNet, PreActivatedResNet  # noqa: E402

TRAIN, TEST = 60, 40


@pytest.fixture(autouse=True)
def one_thread():
    """Networks so small are slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise, with a bar that tells one class of three from the others."""
    labels = rng.integers(0, 3, count)
    values = rng.integers(0, 128, (count, *shape))
    for image, label in zip(values, labels, strict=True):
        image[..., 8 * label : 8 * label + 8, :] += 100
    return values.astype(np.uint8), labels.astype(np.uint8)


@pytest.fixture(scope="module")
def like_mnist(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("mnist"), np.random.default_rng(0)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        for kind, values in zip(("images-idx3", "labels-idx1"), images(count, (28, 28), rng), strict=True):
            header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + values.tobytes())
    return folder


@pytest.fixture(scope="module")
def like_cifar(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("cifar"), np.random.default_rng(0)
    for name, count in [(f"data_batch_{i}", TRAIN // 5) for i in range(1, 6)] + [("test_batch", TEST)]:
        values, labels = images(count, (3, 32, 32), rng)
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None], values.reshape(count, -1)], 1).tobytes())
    return folder


def options(folder, **more) -> argparse.Namespace:
    scale = {"trials": 2, "seed": 3, "train_points": TRAIN, "test_points": TEST, "epochs": 2, "device": "cpu"}
    return argparse.Namespace(data=folder, **(scale | more))


def accuracy(network, data: Images) -> float:
    network.eval()
    with torch.no_grad():
        return 100 * float((network(data.test).argmax(1) == data.test_labels).double().mean())


def trained(network, data, optimiser, steps, *, batch, seed, sigmas=(), augment=None) -> list[float]:
    """Test accuracies after epochs with these step sizes, plainly."""
    generator, found = torch.Generator().manual_seed(seed), []
    for epoch, step in enumerate(steps):
        network.train()
        optimiser.param_groups[0]["lr"] = step
        if sigmas:
            optimiser.param_groups[0]["sigma"] = sigmas[epoch]
        for chosen in torch.randperm(len(data.train), generator=generator).split(batch):
            shown = augment(data.train[chosen], generator) if augment else data.train[chosen]
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(shown), data.labels[chosen]).backward()
            optimiser.step()
        found.append(accuracy(network, data))
    return found


class TestTraining:
    def test_images_are_standardised_by_those_to_learn_from(self, like_cifar):
        data = Images.of(cifar10(like_cifar), (3, 32, 32), options(like_cifar, train_points=50), standardised=True)
        assert data.train.shape == (50, 3, 32, 32)
        deviation, mean = torch.std_mean(data.train.double(), dim=(0, 2, 3))
        torch.testing.assert_close(mean, torch.zeros(3).double(), atol=1e-5, rtol=0)
        torch.testing.assert_close(deviation, torch.ones(3).double(), atol=1e-5, rtol=0)
        raw = cifar10(like_cifar).test_points.reshape(-1, 3, 32, 32)
        for channel in range(3):  # the same map for those to be tested with, of which all are there
            slope, intercept = np.polyfit(
                np.sort(raw[:, channel].ravel()), np.sort(data.test[:, channel].numpy().ravel()), 1
            )
            train = cifar10(like_cifar).points.reshape(-1, 3, 32, 32)[:, channel]
            assert slope == pytest.approx(1 / train.std(), rel=0.02)
            assert intercept == pytest.approx(-train.mean() / train.std(), rel=0.02)

    def test_more_than_there_are_and_other_images_are_refused(self, like_mnist):
        data = mnist(like_mnist)
        with pytest.raises(InputError, match="train-points: got 61"):
            Images.of(data, (1, 28, 28), options(like_mnist, train_points=61))
        with pytest.raises(InputError, match="images of 784 values"):
            Images.of(data, (3, 32, 32), options(like_mnist))
        with pytest.raises(InputError, match="device: no 'cuda:99' here"):
            Images.of(data, (1, 28, 28), options(like_mnist, device="cuda:99"))

    def test_crops_are_shifted_windows_and_mirrored_ones(self):
        whole = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 1
        shown = crop_and_flip(whole, torch.Generator().manual_seed(1))
        padded = torch.nn.functional.pad(whole, (4, 4, 4, 4))
        kinds = set()
        for image, frame in zip(shown, padded, strict=True):
            windows = {
                (y, x, flip): frame[:, y : y + 8, x : x + 8].flip(2) if flip else frame[:, y : y + 8, x : x + 8]
                for y in range(9) for x in range(9) for flip in (False, True)
            }  # fmt: skip
            kinds.update(place for place, window in windows.items() if torch.equal(window, image))
        assert len(kinds) > 40
        assert {y for y, _, _ in kinds} == {x for _, x, _ in kinds} == set(range(9))

    def test_a_run_that_diverges_is_given_up_and_told(self, like_mnist):
        data = Images.of(mnist(like_mnist), (1, 28, 28), options(like_mnist))
        torch.manual_seed(0)
        outcome = _lenet.train(LeNet(8), data, torch.optim.SGD, step=1e30, batch=20, epochs=5, seed=0)
        assert not outcome.finite
        assert len(outcome.train) == 1
        assert "(1 of 1 diverged)" in lenet_batches._cell([outcome])

    def test_mean_and_spread(self):
        assert mean_and_spread([1.0, 2.0, 3.0]) == "2.00 ± 1.00"
        assert mean_and_spread([1.0], ".1f") == "1.0"

    @pytest.mark.parametrize("text", ["0", "-3", "x", "1.5"])
    def test_numbers_of_the_command_line(self, text):
        assert number("12") == 12
        with pytest.raises(argparse.ArgumentTypeError, match="whole number from 1"):
            number(text)


class TestLeNet:
    def test_cells_are_mean_and_spread_of_such_trainings(self, like_mnist, tmp_path):
        chosen = options(like_mnist, batches=[20])
        report = lenet_batches.experiment(chosen)
        (table,) = report.tables
        data = Images.of(mnist(like_mnist), (1, 28, 28), chosen)
        (row,) = table.rows
        assert row[0] == "20"
        for name, make, step in (
            ("SGD", torch.optim.SGD, 0.01),
            ("LS-SGD, sigma 1", LSSGD, 0.01),
            ("SGD, a quarter", torch.optim.SGD, 0.0025),
        ):
            found = []
            for seed in (3, 4):
                torch.manual_seed(seed)
                network = LeNet()
                optimiser = make(network.parameters(), lr=step, momentum=0.9, weight_decay=1e-4)
                found.append(trained(network, data, optimiser, (step, step / 5), batch=20, seed=seed)[-1])
            assert row[table.columns.index(name)] == mean_and_spread(found)
        assert "2 trials, 60 images to learn from, 40 to be tested with and 2 epochs" in report.scale
        draw(report, tmp_path / "picture.png")

    def test_features_are_what_the_last_layer_gets(self, like_mnist):
        found, percent = _lenet.features(like_mnist, size=16, epochs=1, batch=20, seed=5)
        data = Images.of(mnist(like_mnist), (1, 28, 28), options(like_mnist, seed=5))
        torch.manual_seed(5)
        network = LeNet(16)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        assert percent == trained(network, data, optimiser, (0.01,), batch=20, seed=5)[-1]
        points = mnist(like_mnist).points
        for index in (0, 17, 59):
            expected = network.features(torch.from_numpy(points[index]).reshape(1, 1, 28, 28)).detach().numpy()[0]
            np.testing.assert_allclose(found[index], expected, rtol=1e-4, atol=1e-5)


class TestResNet:
    def test_cells_are_those_of_the_schedule(self, like_cifar, tmp_path):
        chosen = options(like_cifar, trials=1, epochs=5, blocks=1, width=2)
        report = resnet.experiment(chosen)
        (table,) = report.tables
        data = Images.of(cifar10(like_cifar), (3, 32, 32), chosen, standardised=True)
        for row, step, sigma in zip(table.rows, (0.1, 0.1, 0.025), (0.0, 1.0, 0.0), strict=True):
            torch.manual_seed(3)
            network = PreActivatedResNet(1, 2)
            optimiser = LSSGD(network.parameters(), lr=step, momentum=0.9, weight_decay=1e-4)
            steps, sigmas = [step / 5**stage for stage in range(5)], [sigma, 0, 0, 0, 0]
            found = trained(network, data, optimiser, steps, batch=128, seed=3, sigmas=sigmas, augment=crop_and_flip)
            assert row[2] == f"{found[-1]:.2f}"
            assert row[3] == "0"
        assert "ResNet-8 of width 2" in report.scale
        draw(report, tmp_path / "picture.png")
        outcome = _training.Outcome([1.0], [2.0], True)
        resnet._draw(figure := Figure(), {"SGD": [outcome] * 2})
        assert len(figure.axes) == 2


class TestWGAN:
    def test_cells_are_figures_of_the_runs(self, like_mnist, tmp_path, monkeypatch):
        class Watched(LSRMSprop):
            def __init__(self, *args, **keywords):
                smoothed.append(keywords)
                super().__init__(*args, **keywords)

        runs, clipped, smoothed = [], [], []
        train, clip = wgan._train, wgan.Critic.clip
        monkeypatch.setattr(wgan, "_train", lambda *a: runs.append((a[1], train(*a))) or runs[-1][1])
        monkeypatch.setattr(wgan.Critic, "clip", lambda critic: clipped.append(1) or clip(critic))
        monkeypatch.setattr(wgan, "LSRMSprop", Watched)
        monkeypatch.setattr(wgan, "METHODS", wgan.METHODS[:2])
        for name, value in (("BATCH", 2), ("LONG", 20), ("EVERY", 26)):
            monkeypatch.setattr(wgan, name, value)
        report = wgan.experiment(options(like_mnist, trials=1, iterations=52, width=1))
        assert len(clipped) == 2 * (2 * 20 + 50 * 5)
        assert smoothed == [{"lr": 5e-3, "sigma": 0.0}, {"lr": 5e-3, "sigma": 1.0}]  # one of each two networks
        rows = report.tables[0].rows
        assert [row[:2] for row in rows[:2]] == [("RMSProp", "0.005"), ("LS-RMSProp, sigma 1", "0.005")]
        for row, (_, run) in zip(rows, runs, strict=False):
            assert run.losses.shape == (52,)
            assert run.samples.min() >= 0
            assert run.samples.max() <= 1
            curve = np.array([run.losses[i : i + 13].mean() for i in range(26, 40)])
            assert row[3] == f"{np.median(curve):.3g}"
            assert row[4] == f"{100 * np.diff(curve).std() / abs(np.median(curve)):.2f}"
            assert row[6] == f"{wgan.pixel_noise(run.samples):.4f}"
        assert not np.array_equal(runs[0][1].losses, runs[1][1].losses)
        draw(report, tmp_path / "picture.png")

    def test_spikes_are_counted(self):
        rng = np.random.default_rng(0)
        losses = np.sin(np.arange(2000) / 1000) + 0.01 * rng.standard_normal(2000)
        assert wgan.spikes(losses) == 0
        losses[[100, 1300, 1500, 1501, 1800]] += 2  # the first of them not in the second half
        assert wgan.spikes(losses) == 3

    def test_noise_of_pixels(self):
        flat = np.zeros((2, 28, 28), np.float32)
        assert wgan.pixel_noise(flat) == 0
        flat[:, 5::10, 5::10] = 1
        assert wgan.pixel_noise(flat) == pytest.approx(9 / 784)
