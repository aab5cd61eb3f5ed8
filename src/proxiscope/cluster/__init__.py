"""Pieces of work done by the workers of a dask cluster: of this machine, or of any scheduler that runs somewhere."""

from .connecting import connect
from .engine import Cluster
from .failures import ClusterError

__all__ = ["Cluster", "ClusterError", "connect"]
