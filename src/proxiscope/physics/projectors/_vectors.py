"""LLVM's own vector type for numba kernels, so that a sum stays in registers.

Each target (AVX-512, AVX2, NEON ...) splits a vector into the registers it has. The same loops over array elements
took eight times as long.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _intrinsic
from numba.extending import models, register_model

intrinsic: Any = _intrinsic
"""What it makes is called in kernels by fewer arguments than it is written with."""


class _Vector(types.Type):
    """`width` float32 values that live in registers."""

    def __init__(self, width):
        self.width = width
        super().__init__(name=f"float32x{width}")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(ir.FloatType(), vector.width))


def _pointer(context, builder, vector, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), context.get_value_type(vector).as_pointer())


@intrinsic(prefer_literal=True)
def load(typing, array, index, width):
    """The `width` values of a flat float32 array that start at `index`; nothing is checked."""
    vector = _Vector(width.literal_value)

    def generate(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, vector, array, *arguments[:2]), align=4)

    return vector(array, types.intp, width), generate


@intrinsic
def store(typing, array, index, vector):
    """Store `vector` into a flat float32 array at `index`; nothing is checked."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _pointer(context, builder, vector, array, *arguments[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic(prefer_literal=True)
def zeros(typing, width):
    """A vector of `width` zeros."""
    vector = _Vector(width.literal_value)
    return vector(width), lambda context, *_: ir.Constant(context.get_value_type(vector), [0.0] * vector.width)


@intrinsic
def multiply_add(typing, scalar, u, v):
    """``scalar * u + v``."""

    def generate(context, builder, signature, arguments):
        undefined = ir.Constant(context.get_value_type(u), ir.Undefined)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), u.width), [0] * u.width)
        scalars = builder.insert_element(undefined, arguments[0], ir.Constant(ir.IntType(32), 0))
        scalars = builder.shuffle_vector(scalars, undefined, lanes)
        product = builder.fmul(scalars, arguments[1], flags=("contract",))  # fused where the target can
        return builder.fadd(product, arguments[2], flags=("contract",))

    return u(types.float32, u, u), generate


@intrinsic
def dot(typing, u, v):
    """Sum of ``u * v`` as a float32, halves added first: the same on every target."""

    def generate(context, builder, signature, arguments):
        total, width = builder.fmul(*arguments), u.width
        while width > 1:
            width //= 2
            low, high = (
                ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(start, start + width)))
                for start in (0, width)
            )
            halves = (builder.shuffle_vector(total, total, lanes) for lanes in (low, high))
            total = builder.fadd(*halves)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(u, v), generate
