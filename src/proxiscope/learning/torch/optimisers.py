"""Laplacian smoothing gradient descent (thesis algorithm 5) with any optimiser of PyTorch."""

import copyreg
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch.optim import Optimizer

from ...core.errors import InputError
from ...physics.smoothing import check_smoothing
from .smoothing import laplacian_smoothing

if TYPE_CHECKING:
    _Base = Optimizer
else:
    _Base = object


class _Smoothing(_Base):
    """What `laplacian_smoothed` puts before an optimiser."""

    _plain: ClassVar[type[Optimizer]]

    def __init__(self, params: Any, *args: Any, sigma: float = 1.0, order: int = 1, **kwargs: Any):
        self._asked = {"sigma": sigma, "order": order}  # until the optimiser has made its defaults
        super().__init__(params, *args, **kwargs)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        self.defaults.update(self.__dict__.pop("_asked", {}))
        check_smoothing(*(param_group.get(name, self.defaults[name]) for name in ("sigma", "order")))
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of the optimiser along the smoothed gradients; afterwards each ``grad`` is again what it was."""
        exchanged: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

        def evaluate() -> Any:
            _put_back(exchanged)
            loss = closure() if closure is not None else None
            self._smooth(exchanged)
            return loss

        step: Any = super().step
        if getattr(step, "hooked", False):  # by PyTorch, to call the hooks, which this step does already
            step = step.__func__.__wrapped__.__get__(self)
        try:
            if closure is not None:
                return step(evaluate)
            self._smooth(exchanged)
            return step()
        finally:
            _put_back(exchanged)

    def _smooth(self, exchanged: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> None:
        """Put smoothed gradients in the place of those that there are, and note which."""
        for group in self.param_groups:
            for parameter in group["params"] if group["sigma"] != 0 else ():
                if parameter.grad is not None:
                    smoothed = laplacian_smoothing(parameter.grad, group["sigma"], group["order"])
                    exchanged.append((parameter, parameter.grad, smoothed))
                    parameter.grad = smoothed

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # which may be those of the plain optimiser
            group.setdefault("sigma", self.defaults["sigma"])
            group.setdefault("order", self.defaults["order"])

    def __reduce__(self) -> tuple[Any, ...]:
        cls, state = type(self), self.__getstate__()
        if "_plain" in vars(cls):
            return _blank, (cls._plain,), state
        return cast(Any, copyreg).__newobj__, (cls,), state


def _put_back(exchanged: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> None:
    for parameter, raw, smoothed in exchanged:
        if parameter.grad is smoothed:
            parameter.grad = raw
    exchanged.clear()


def _blank(optimiser: type[Optimizer]) -> Optimizer:
    cls: Any = laplacian_smoothed(optimiser)  # type: ignore[arg-type]
    return cls.__new__(cls)


@cache
def laplacian_smoothed(optimiser: type[Optimizer]) -> type[Optimizer]:
    """A subclass of an optimiser class that smooths gradients before it uses them.

    Each parameter's gradient is smoothed by itself, in a row, before weight decay, momentum and running averages; see
    `proxiscope.learning.torch.laplacian_smoothing`. The constructor takes two keywords more, ``sigma`` (1) and
    ``order`` (1), which each parameter group may have of its own.

    Parameters
    ----------
    optimiser : type
        Such as ``torch.optim.AdamW``.

    Returns
    -------
    type
        The same one each time.

    Raises
    ------
    InputError
        If it is no optimiser class of PyTorch, or smooths already.
    """
    if not (isinstance(optimiser, type) and issubclass(optimiser, Optimizer)):
        raise InputError("optimiser", f"got {optimiser!r}", "Give a class such as torch.optim.SGD")
    if issubclass(optimiser, _Smoothing):
        raise InputError("optimiser", f"{optimiser.__name__} smooths already", "Give the plain one")
    name = f"LS{optimiser.__name__}"
    doc = f"""{optimiser.__name__} along gradients that Laplacian smoothing makes smoother (thesis algorithm 5).

    It takes what {optimiser.__name__} takes, and ``sigma`` (1.0), the strength of the smoothing, 0 for none, and
    ``order`` (1), its order; both may differ between parameter groups.
    """
    names = {"__doc__": doc, "__module__": __name__, "__qualname__": name, "_plain": optimiser}
    return type(name, (_Smoothing, optimiser), names)


LSSGD = laplacian_smoothed(torch.optim.SGD)
LSRMSprop = laplacian_smoothed(torch.optim.RMSprop)
