"""What a layer's pixels measure, and lengths in words."""

from typing import Any, NamedTuple

from ..layers import note


class Scale(NamedTuple):
    """Length of a step along each axis, and its unit: nm, or px where no length is known."""

    steps: tuple[float, ...]
    unit: str


def scale_of(layer: Any) -> Scale:
    """Of an image layer. A reconstruction from a pattern lies in pixels, and carries their size as a note."""
    from ...io.raw import to_nm

    lengths = [to_nm(step, str(unit)) for step, unit in zip(layer.scale, layer.units, strict=True)]
    if all(lengths):
        return Scale(tuple(lengths), "nm")
    size = note(layer, "pixel_size")
    if size and note(layer, "kind") != "pattern":
        return Scale((float(size),) * layer.ndim, "nm")
    return Scale((1.0,) * layer.ndim, "px")


def is_length(layer: Any) -> bool:
    """Whether the layer itself lies in units of length, as napari's scale bar needs it."""
    from ...io.raw import to_nm

    return all(to_nm(1.0, str(unit)) for unit in layer.units[-2:])


def about_bar(layer: Any) -> str:
    """What napari's scale bar shows of a layer, or of none."""
    if layer is None or is_length(layer):
        return "napari's scale bar, in the layer's unit of length."
    (*_, step), unit = scale_of(layer)
    if unit == "nm":
        return f"The scale bar counts pixels, which are of {step:.4g} nm: napari shows no lengths beside a pattern."
    return "The scale bar counts pixels: no pixel size is known."


def round_length(longest: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no longer."""
    power = 10.0
    while power > longest:
        power /= 10
    while 10 * power <= longest:
        power *= 10
    return next(factor * power for factor in (5, 2, 1) if factor * power <= longest)
