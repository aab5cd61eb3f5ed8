"""What every linear operator offers."""

from typing import Any, Protocol, runtime_checkable

from numpy.typing import ArrayLike, NDArray


@runtime_checkable
class LinearOperator(Protocol):
    """A linear map A between two arrays of fixed shapes, with its adjoint.

    ``forward`` maps an array of ``domain_shape`` to one of ``range_shape``; ``adjoint`` maps back, and
    <A x, y> = <x, A* y> holds to the precision of the dtype unless the class says that it is unmatched.
    """

    @property
    def domain_shape(self) -> tuple[int, ...]:
        """Of x."""
        ...

    @property
    def range_shape(self) -> tuple[int, ...]:
        """Of A x."""
        ...

    def forward(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A x; written into `out` when it is given."""
        ...

    def adjoint(self, y: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A* y; written into `out` when it is given."""
        ...


class Projector(LinearOperator, Protocol):
    """A linear operator from a volume to its tilt series, with the layout that it works in."""

    def pack_volume(self, volume: ArrayLike) -> NDArray[Any]:
        """A volume (z, y, x) in the layout of ``domain_shape``."""
        ...

    def unpack_volume(self, x: NDArray[Any]) -> NDArray[Any]:
        """A packed volume as (z, y, x)."""
        ...

    def pack_projections(self, projections: ArrayLike) -> NDArray[Any]:
        """Projections (tilt, y, x) in the layout of ``range_shape``."""
        ...

    def unpack_projections(self, y: NDArray[Any]) -> NDArray[Any]:
        """Packed projections as (tilt, y, x)."""
        ...
