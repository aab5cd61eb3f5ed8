"""Files in and out: readers find what a file holds, writers keep results with their calibration."""

from proxiscope.io.angles import ANGLE_SUFFIXES, read_angles, write_angles
from proxiscope.io.raw import RawData
from proxiscope.io.reading import READ_SUFFIXES, read, read_array
from proxiscope.io.write import COMPLEX_SUFFIXES, WRITE_SUFFIXES, write_array

__all__ = [
    "ANGLE_SUFFIXES",
    "COMPLEX_SUFFIXES",
    "READ_SUFFIXES",
    "WRITE_SUFFIXES",
    "RawData",
    "read",
    "read_angles",
    "read_array",
    "write_angles",
    "write_array",
]
