"""What every linear operator offers."""

from typing import Protocol, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class LinearOperator(Protocol):
    """A linear map A between two arrays of fixed shapes, with its adjoint.

    ``forward`` maps an array of ``domain_shape`` to one of ``range_shape``; ``adjoint`` maps back, and
    <A x, y> = <x, A* y> holds to the precision of the dtype unless the class says that it is unmatched.
    """

    domain_shape: tuple[int, ...]
    range_shape: tuple[int, ...]

    def forward(self, x: NDArray, out: NDArray | None = None) -> NDArray:
        """A x; written into `out` when it is given."""
        ...

    def adjoint(self, y: NDArray, out: NDArray | None = None) -> NDArray:
        """A* y; written into `out` when it is given."""
        ...
