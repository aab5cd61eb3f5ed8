"""Files in and out: readers find what a file holds, writers keep results with their calibration."""

from proxiscope.io.angles import ANGLE_SUFFIXES, read_angles, write_angles
from proxiscope.io.raw import RawData
from proxiscope.io.reading import READ_SUFFIXES, read, read_array
from proxiscope.io.saving import save, write_array
from proxiscope.io.writing import COMPLEX_SUFFIXES, WHOLE_SUFFIXES, WRITE_SUFFIXES, write

__all__ = [
    "ANGLE_SUFFIXES",
    "COMPLEX_SUFFIXES",
    "READ_SUFFIXES",
    "WHOLE_SUFFIXES",
    "WRITE_SUFFIXES",
    "RawData",
    "read",
    "read_angles",
    "read_array",
    "save",
    "write",
    "write_angles",
    "write_array",
]
