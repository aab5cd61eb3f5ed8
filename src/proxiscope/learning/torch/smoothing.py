"""Laplacian smoothing of tensors where they are, by the recursive filters of `physics.smoothing` or by FFT."""

import math

import torch

from ...core.errors import InputError
from ...physics.smoothing import check_smoothing
from ...physics.smoothing import laplacian_smoothing as smooth_array


def laplacian_smoothing(tensor: torch.Tensor, sigma: float = 1.0, order: int = 1) -> torch.Tensor:
    """Solve A_sigma^n d = g for d, with g a tensor in a row and periodic (thesis eqs 5.6 and 5.9, section 5.2.4).

    The eigenvalues of A_sigma^n are 1 + sigma (2 - 2 cos w)^n.

    Parameters
    ----------
    tensor : Tensor
        g, real or complex, of any shape; its entries are taken in the order of its axes, the last one fastest.
    sigma : float
        Not negative; 0 leaves g as it is.
    order : int
        n, from 1 on.

    Returns
    -------
    Tensor
        d, of the same shape, dtype, device and strides. Half precision is smoothed in single.

    Raises
    ------
    InputError
        If the tensor is sparse or holds no real or complex numbers, or a parameter is out of its range.
    """
    check_smoothing(sigma, order)
    if tensor.layout != torch.strided:
        remedy = "Give a dense one: sparse=False in an embedding, or sigma = 0 for its parameters"
        raise InputError("gradient", f"a sparse tensor of shape {tuple(tensor.shape)}", remedy)
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise InputError("gradient", f"a tensor of {tensor.dtype}", "Give real or complex numbers")
    if sigma == 0 or tensor.numel() < 2:
        return tensor.clone()
    recorded = tensor.requires_grad and torch.is_grad_enabled()
    smooth = _by_recursion if tensor.device.type == "cpu" and not recorded else _by_fft
    flat = tensor.reshape(-1).to(torch.promote_types(tensor.dtype, torch.float32))
    smoothed = smooth(flat, float(sigma), int(order)).to(tensor.dtype).view(tensor.shape)
    return smoothed if tensor.is_contiguous() else torch.empty_like(tensor).copy_(smoothed)


def _by_recursion(flat: torch.Tensor, sigma: float, order: int) -> torch.Tensor:
    return torch.from_numpy(smooth_array(flat.numpy(force=True), sigma, order))


def _by_fft(flat: torch.Tensor, sigma: float, order: int) -> torch.Tensor:
    size = flat.numel()
    count = size if flat.is_complex() else size // 2 + 1
    half = torch.arange(count, dtype=flat.real.dtype, device=flat.device) * (math.pi / size)
    symbol = 1 + sigma * (2 * torch.sin(half)) ** (2 * order)
    if flat.is_complex():
        return torch.fft.ifft(torch.fft.fft(flat) / symbol)
    return torch.fft.irfft(torch.fft.rfft(flat) / symbol, size)
