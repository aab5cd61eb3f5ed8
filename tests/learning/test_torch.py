"""Laplacian smoothing for PyTorch against explicit matrices, and its optimisers against the plain ones."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

from proxiscope.core import InputError

torch = pytest.importorskip("torch")

from proxiscope.learning.torch import LSSGD, LSRMSprop, laplacian_smoothed, laplacian_smoothing  # noqa: E402
from proxiscope.learning.torch.networks import Critic, Generator, LeNet, PreActivatedResNet  # noqa: E402

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def matrix(size: int, sigma: float, order: int) -> np.ndarray:
    """A_sigma^n from eq. 5.6's Laplacian by a power of the matrix."""
    shift = np.roll(np.eye(size), 1, axis=0)
    laplacian = shift + shift.T - 2 * np.eye(size)
    return np.eye(size) + (-1) ** order * sigma * np.linalg.matrix_power(laplacian, order)


def solved(gradient: torch.Tensor, sigma: float, order: int) -> torch.Tensor:
    flat = gradient.numpy(force=True).astype(complex if gradient.is_complex() else float).reshape(-1)
    return torch.from_numpy(np.linalg.solve(matrix(flat.size, sigma, order), flat)).reshape(gradient.shape)


def random(shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu") -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(7)).to(device)


def parameters(device: str = "cpu", dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [
        torch.nn.Parameter(torch.randn(s, dtype=dtype, generator=generator).to(device)) for s in ((4, 3, 2), (5,), ())
    ]


def set_gradients(weights: list, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + seed)
    for w in weights:
        w.grad = torch.randn(w.shape, dtype=w.dtype, generator=generator).to(w.device)
    return [w.grad.clone() for w in weights]


def run(optimiser: torch.optim.Optimizer, weights: list, steps: range) -> list[torch.Tensor]:
    for seed in steps:
        set_gradients(weights, seed)
        optimiser.step()
    return [w.detach().clone() for w in weights]


def same(one: list, other: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("device", DEVICES)
class TestSmoothing:
    @pytest.mark.parametrize("order", [1, 2, 3])
    @pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
    def test_it_solves_the_matrix(self, device, dtype, tolerance, sigma, order):
        for shape in ((1,), (2,), (3,), (4,), (7,), (16,), (6, 5), (3, 4, 5), (301,)):
            gradient = random(shape, dtype, device)
            found = laplacian_smoothing(gradient, sigma, order)
            assert found.dtype == dtype
            assert found.device == gradient.device
            error = (found.cpu().double() - solved(gradient, sigma, order)).abs().max()
            assert error <= tolerance * float(gradient.abs().max()), (shape, error)

    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.complex128, 1e-10), (torch.complex64, 1e-5)])
    def test_complex_tensors(self, device, dtype, tolerance):
        gradient = random((9, 3), dtype, device)
        for tensor in (gradient, gradient.conj()):
            found = laplacian_smoothing(tensor, 2.0, 2)
            assert found.dtype == dtype
            torch.testing.assert_close(found.cpu(), solved(tensor, 2.0, 2).to(dtype), atol=tolerance, rtol=0)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_smoothed_in_single_and_rounded_once(self, device, dtype):
        gradient = random((40,), dtype, device)
        expected = laplacian_smoothing(gradient.float(), 1.0).to(dtype)
        assert torch.equal(laplacian_smoothing(gradient, 1.0), expected)

    def test_strides_are_kept_and_do_not_matter(self, device):
        gradient = random((2, 3, 4, 5), torch.float64, device)
        last = gradient.contiguous(memory_format=torch.channels_last)
        found = laplacian_smoothing(last, 1.0)
        assert found.stride() == last.stride()
        assert torch.equal(found, laplacian_smoothing(gradient, 1.0))

    def test_the_transform_agrees_with_the_filter_and_is_its_own_adjoint(self, device):
        gradient = random((30, 10), torch.float64, device).requires_grad_()
        recorded = laplacian_smoothing(gradient, 3.0, 2)
        assert recorded.requires_grad
        filtered = laplacian_smoothing(gradient.detach(), 3.0, 2)
        torch.testing.assert_close(recorded.detach(), filtered, atol=1e-12, rtol=0)
        upstream = torch.ones_like(gradient) + gradient.detach() ** 2
        (back,) = torch.autograd.grad(recorded, gradient, upstream)
        torch.testing.assert_close(back, laplacian_smoothing(upstream, 3.0, 2), atol=1e-12, rtol=0)

    def test_what_is_given_is_not_changed_nor_shared(self, device):
        gradient = random((6,), torch.float32, device)
        before = gradient.clone()
        for sigma in (0.0, 1.0):
            laplacian_smoothing(gradient, sigma).zero_()
            assert torch.equal(gradient, before)
        assert laplacian_smoothing(gradient[:0], 1.0).shape == (0,)

    @pytest.mark.parametrize(
        ("field", "value"), [("sigma", -1.0), ("sigma", np.nan), ("sigma", np.inf), ("order", 0), ("order", 1.5)]
    )
    def test_parameters_out_of_range(self, device, field, value):
        with pytest.raises(InputError, match=f"^{field}: got"):
            laplacian_smoothing(torch.ones(4, device=device), **{field: value})

    def test_whole_numbers_and_sparse_tensors_are_refused(self, device):
        with pytest.raises(InputError, match=r"a tensor of torch\.int64"):
            laplacian_smoothing(torch.arange(4, device=device))
        with pytest.raises(InputError, match="sparse"):
            laplacian_smoothing(torch.ones(4, 4, device=device).to_sparse())


@pytest.mark.parametrize("device", DEVICES)
class TestOptimisers:
    @pytest.mark.parametrize(
        ("plain", "keywords"),
        [
            (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
            (torch.optim.SGD, {"lr": 0.1, "foreach": True}),
            (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "fused": True}),
            (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True}),
            (torch.optim.AdamW, {"lr": 0.01, "amsgrad": True}),
        ],
    )
    def test_it_is_the_plain_optimiser_fed_with_smoothed_gradients(self, device, plain, keywords):
        ours, theirs, unsmoothed = parameters(device), parameters(device), parameters(device)
        smoothing = laplacian_smoothed(plain)(ours, sigma=2.0, order=2, **keywords)
        none = laplacian_smoothed(plain)(unsmoothed, sigma=0.0, **keywords)
        reference, bare = plain(theirs, **keywords), plain(untouched := parameters(device), **keywords)
        for seed in range(4):
            set_gradients(ours, seed)
            set_gradients(theirs, seed)
            for w in theirs:
                w.grad = laplacian_smoothing(w.grad, 2.0, 2)
            smoothing.step()
            reference.step()
        assert same(ours, theirs)
        assert same(run(none, unsmoothed, range(4)), run(bare, untouched, range(4)))
        assert not same(ours, unsmoothed)

    def test_first_step_is_the_smoothed_gradient_then_weight_decay(self, device):
        weights = parameters(device)
        before = [w.detach().cpu().clone() for w in weights]
        gradients = set_gradients(weights, 0)
        LSSGD(weights, lr=0.3, momentum=0.9, weight_decay=0.05, sigma=4.0).step()
        for w, old, gradient in zip(weights, before, gradients, strict=True):
            expected = old - 0.3 * (solved(gradient, 4.0, 1) + 0.05 * old)
            torch.testing.assert_close(w.detach().cpu(), expected, atol=1e-10, rtol=0)

    def test_gradients_are_afterwards_what_they_were(self, device):
        weights = parameters(device)
        gradients = set_gradients(weights, 0)
        there = [w.grad for w in weights]
        LSSGD(weights, lr=0.1).step()
        assert all(w.grad is g for w, g in zip(weights, there, strict=True))
        assert same(there, gradients)

    def test_groups_smooth_each_in_its_own_way(self, device):
        weights = parameters(device)
        before = [w.detach().clone() for w in weights]
        groups = [{"params": weights[:1], "sigma": 0.0}, {"params": weights[1:2], "order": 2}]
        optimiser = LSSGD(groups, lr=1.0, sigma=5)
        optimiser.add_param_group({"params": weights[2:], "sigma": 9.0})
        assert [(g["sigma"], g["order"]) for g in optimiser.param_groups] == [(0.0, 1), (5, 2), (9.0, 1)]
        gradients = set_gradients(weights, 0)
        optimiser.step()
        assert torch.equal(weights[0].detach(), before[0] - gradients[0])
        assert torch.equal(weights[1].detach(), before[1] - laplacian_smoothing(gradients[1], 5, 2))
        with pytest.raises(InputError, match="sigma: got -1"):
            optimiser.add_param_group({"params": [torch.nn.Parameter(torch.ones(3))], "sigma": -1})

    def test_a_saved_state_goes_on_identically(self, device):
        whole = run(LSRMSprop(weights := parameters(device), lr=0.01, sigma=3.0), weights, range(6))
        weights = parameters(device)
        first = LSRMSprop(weights, lr=0.01, sigma=3.0)
        run(first, weights, range(3))
        block = io.BytesIO()
        torch.save(first.state_dict(), block)
        block.seek(0)
        second = LSRMSprop(weights, lr=0.5, sigma=77.0)  # which the state overrides
        second.load_state_dict(torch.load(block, weights_only=True))
        assert same(run(second, weights, range(3, 6)), whole)

    def test_the_state_of_the_plain_optimiser_is_taken_up(self, device):
        weights = parameters(device)
        plain = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
        run(plain, weights, range(2))
        smoothing = LSSGD(weights, lr=0.2, sigma=3.0, order=2)
        smoothing.load_state_dict(plain.state_dict())
        assert {k: smoothing.param_groups[0][k] for k in ("lr", "momentum", "sigma", "order")} == {
            "lr": 0.1, "momentum": 0.9, "sigma": 3.0, "order": 2,
        }  # fmt: skip
        run(smoothing, weights, range(2, 3))

    def test_schedulers_change_the_step_only(self, device):
        weights = parameters(device)
        optimiser = LSSGD(weights, lr=1.0, sigma=2.0)
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [1], gamma=0.2)
        run(optimiser, weights, range(1))
        scheduler.step()
        before = [w.detach().clone() for w in weights]
        run(optimiser, weights, range(1, 2))
        assert optimiser.param_groups[0]["sigma"] == 2.0
        for w, old in zip(weights, before, strict=True):
            torch.testing.assert_close(w.detach(), old - 0.2 * laplacian_smoothing(w.grad, 2.0), atol=1e-12, rtol=0)

    def test_a_closure_is_smoothed_after_each_evaluation(self, device):
        """L-BFGS with smoothed gradients is L-BFGS on what smoothing in the closure itself gives."""
        target = random((12,), torch.float64, device)

        def minimise(optimiser, weight, smooth):
            losses, ungathered = [], []

            def closure():
                optimiser.zero_grad()
                loss = ((weight - target) ** 2 * torch.arange(1, 13, device=device)).sum()
                loss.backward()
                ungathered.append(weight.grad.clone())
                if smooth:
                    weight.grad = laplacian_smoothing(weight.grad, 1.0)
                losses.append(float(loss.detach()))
                return loss

            optimiser.step(closure)
            return losses, ungathered[-1]

        one, other = (torch.nn.Parameter(torch.zeros(12, dtype=torch.float64, device=device)) for _ in range(2))
        options = {"lr": 0.1, "max_iter": 7}
        ours, last = minimise(laplacian_smoothed(torch.optim.LBFGS)([one], sigma=1.0, **options), one, False)
        theirs, _ = minimise(torch.optim.LBFGS([other], **options), other, True)
        assert len(ours) > 3
        assert ours == theirs
        assert torch.equal(one, other)
        assert torch.equal(one.grad, last)

    def test_a_closure_that_adds_up_gradients_adds_unsmoothed_ones(self, device):
        weight = torch.nn.Parameter(torch.zeros(8, dtype=torch.float64, device=device))
        slope = random((8,), torch.float64, device)

        def closure():
            loss = (weight * slope).sum()
            loss.backward()
            return loss

        optimiser = LSSGD([weight], lr=1.0, sigma=1.0)
        optimiser.step(closure)
        optimiser.step(closure)
        torch.testing.assert_close(weight.grad, 2 * slope)
        torch.testing.assert_close(weight.detach(), -3 * laplacian_smoothing(slope, 1.0))

    def test_sparse_gradients_are_refused_unless_they_stay_as_they_are(self, device):
        table = torch.nn.Embedding(5, 2, sparse=True).to(device)
        table(torch.tensor([1, 1, 3], device=device)).sum().backward()
        with pytest.raises(InputError, match=r"a sparse tensor of shape \(5, 2\).*sigma = 0"):
            LSSGD(table.parameters(), lr=0.1).step()
        before = table.weight.detach().clone()
        LSSGD(table.parameters(), lr=0.1, sigma=0.0).step()
        torch.testing.assert_close((before - table.weight.detach())[:, 0].cpu(), torch.tensor([0, 0.2, 0, 0.1, 0]))

    def test_hooks_are_called_once_a_step(self, device):
        weights, calls = parameters(device), []
        torch.optim.SGD(weights, lr=0.1)  # PyTorch then wraps the step of the class, and of each other
        optimiser = LSSGD(weights, lr=0.1)
        optimiser.register_step_pre_hook(lambda *_: calls.append("before"))
        optimiser.register_step_post_hook(lambda *_: calls.append("after"))
        run(optimiser, weights, range(2))
        assert calls == ["before", "after"] * 2

    @pytest.mark.parametrize("make", [pickle.dumps, None])
    def test_optimisers_are_pickled_and_copied(self, device, make):
        for cls in (LSSGD, laplacian_smoothed(torch.optim.Adam)):
            weights = parameters(device)
            optimiser = cls(weights, lr=0.1, sigma=3.0)
            run(optimiser, weights, range(2))
            twin = pickle.loads(make(optimiser)) if make else copy.deepcopy(optimiser)
            assert type(twin) is cls
            theirs = twin.param_groups[0]["params"]
            assert same(run(twin, theirs, range(2, 4)), run(optimiser, weights, range(2, 4)))

    def test_gradient_scaling_does_not_matter(self, device):
        ours, plain = parameters(device, torch.float32), parameters(device, torch.float32)
        optimiser, scaled = LSSGD(plain, lr=0.1, sigma=1.0), LSSGD(ours, lr=0.1, sigma=1.0)
        scaler = torch.amp.GradScaler(device, init_scale=1024.0)
        sum((w**2).sum() for w in plain).backward()
        optimiser.step()
        scaler.scale(sum((w**2).sum() for w in ours)).backward()
        scaler.step(scaled)
        scaler.update()
        assert same(ours, plain)
        before = [w.detach().clone() for w in ours]
        ours[0].grad[0, 0, 0] = torch.inf
        scaler.step(scaled)  # which leaves this one out
        assert same(ours, before)


class TestClasses:
    def test_names_and_docstrings(self):
        assert LSSGD.__name__ == LSSGD.__qualname__ == "LSSGD"
        assert issubclass(LSSGD, torch.optim.SGD)
        assert issubclass(LSRMSprop, torch.optim.RMSprop)
        assert "``sigma``" in LSRMSprop.__doc__
        assert laplacian_smoothed(torch.optim.SGD) is LSSGD
        assert pickle.loads(pickle.dumps(LSSGD)) is LSSGD

    @pytest.mark.parametrize("wrong", [LSSGD, int, "SGD"])
    def test_what_is_no_plain_optimiser_is_refused(self, wrong):
        with pytest.raises(InputError, match=r"^optimiser: "):
            laplacian_smoothed(wrong)

    def test_a_subclass_smooths_and_is_pickled_as_itself(self):
        weights = parameters()
        twin = pickle.loads(pickle.dumps(Subclass(weights, lr=0.1, sigma=3.0)))
        assert type(twin) is Subclass
        assert twin.param_groups[0]["sigma"] == 3.0


class Subclass(LSSGD):
    pass


class TestNetworks:
    def test_numbers_of_parameters(self):
        def count(network):
            return sum(p.numel() for p in network.parameters())

        assert count(LeNet()) == (20 * 25 + 20) + (50 * 20 * 25 + 50) + (800 * 512 + 512) + (512 * 10 + 10)
        resnet = PreActivatedResNet()
        assert round(count(resnet) / 1e6, 2) == 0.85
        layers = [m for m in resnet.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        assert len(layers) == 56

    def test_shapes(self):
        assert LeNet(64).features(torch.zeros(2, 1, 28, 28)).shape == (2, 64)
        assert LeNet()(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
        assert PreActivatedResNet(1, 4)(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
        images = Generator(4)(torch.randn(2, 100))
        assert images.shape == (2, 1, 32, 32)
        assert images.abs().max() <= 1
        assert Critic(4)(images).shape == (2,)

    def test_a_block_without_weights_hands_on_what_it_gets(self):
        network = PreActivatedResNet(1, 4)
        for name, weight in network.named_parameters():
            if "conv2" in name:
                torch.nn.init.zeros_(weight)
        x = torch.randn(1, 4, 8, 8)
        assert torch.equal(network.layers[1](x), x)
        halved = network.layers[2](x)
        assert torch.equal(halved[:, :4], x[:, :, ::2, ::2])
        assert not halved[:, 4:].any()

    def test_a_clipped_critic(self):
        critic = Critic(4)
        critic.clip(0.01)
        assert max(float(p.detach().abs().max()) for p in critic.parameters()) <= 0.01


def test_without_torch_the_error_names_the_extra_and_the_rest_works():
    script = (
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n"
        "from proxiscope.core import algorithms\n"
        "assert 'sbe' in algorithms('learning')\n"
        "from proxiscope.learning.torch.optimisers import LSSGD"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        "ImportError: proxiscope.learning.torch needs PyTorch, which is not installed: "
        "pip install 'napari-proxiscope[learning]'"
    )
