"""Series about one axis that do not fit into memory: read from their file slab by slab, into a Zarr."""

from ..io.on_disk import SeriesOnDisk
from .partial import is_partial, partial_path, whole_path
from .run import SlabsDone, reconstruct_out_of_core, resume_out_of_core, state_of

__all__ = [
    "SeriesOnDisk",
    "SlabsDone",
    "is_partial",
    "partial_path",
    "reconstruct_out_of_core",
    "resume_out_of_core",
    "state_of",
    "whole_path",
]
