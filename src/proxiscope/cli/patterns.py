"""Diffraction patterns on the command line."""

import argparse


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the values of a pattern are."""
    values = parser.add_mutually_exclusive_group()
    for name, held in (("intensities", True), ("magnitudes", False)):
        about = f"the values are {name}; one of the two is needed where the file does not say"
        values.add_argument(f"--{name}", dest="intensities", action="store_const", const=held, help=about)
