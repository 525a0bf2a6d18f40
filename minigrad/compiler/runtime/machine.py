"""The few operations that Python and LLVM spell differently, one name for both.

Each is a plain Python function on NumPy scalars (or arrays) and is known to numba under the same name, so that code
written with them runs compiled and uncompiled. Types are strict: a mixture that numba would silently promote to float64
does not compile.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import lower_builtin, type_callable
from numba.types import Boolean, Float, Integer, UniTuple, boolean, float32, float64, int32, int64


def select(condition, chosen, other):
    """`chosen` where the condition holds, else `other`; both are computed, so that a loop around it vectorises."""
    return np.where(condition, chosen, other)[()]


def bits32(x):
    """The bits of a float32 as an int32."""
    return x.view(np.int32)


def from_bits32(i):
    """The float32 whose bits are the int32 i."""
    return i.view(np.float32)


def bits64(x):
    """The bits of a float64 as an int64."""
    return x.view(np.int64)


def from_bits64(i):
    """The float64 whose bits are the int64 i."""
    return i.view(np.float64)


def nearest(x):
    """x rounded to an integer, ties to even."""
    return np.rint(x)


def horner(x, coefficients):
    """coefficients[0] + coefficients[1] x + coefficients[2] x^2 + ..."""
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = value * x + c
    return value


@type_callable(select)
def _type_select(context):
    def typer(condition, chosen, other):
        return chosen if condition == boolean and chosen == other else None

    return typer


@lower_builtin(select, Boolean, Float, Float)
@lower_builtin(select, Boolean, Integer, Integer)
def _lower_select(context, builder, signature, arguments):
    condition, chosen, other = arguments
    return builder.select(condition, chosen, other)


def _register_cast(function, source, target):
    @type_callable(function)
    def type_cast(context):
        return lambda x: target if x == source else None

    @lower_builtin(function, source)
    def lower_cast(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(target))


_register_cast(bits32, float32, int32)
_register_cast(from_bits32, int32, float32)
_register_cast(bits64, float64, int64)
_register_cast(from_bits64, int64, float64)


@type_callable(nearest)
def _type_nearest(context):
    return lambda x: x if isinstance(x, Float) else None


@lower_builtin(nearest, Float)
def _lower_nearest(context, builder, signature, arguments):
    function = builder.module.declare_intrinsic("llvm.rint", [arguments[0].type])
    return builder.call(function, arguments)


@type_callable(horner)
def _type_horner(context):
    def typer(x, coefficients):
        return x if isinstance(coefficients, UniTuple) and coefficients.dtype == x else None

    return typer


@lower_builtin(horner, Float, UniTuple)
def _lower_horner(context, builder, signature, arguments):
    x, coefficients = arguments
    value, *rest = reversed(cgutils.unpack_tuple(builder, coefficients))
    for c in rest:
        value = builder.fadd(builder.fmul(value, x, flags=["contract"]), c, flags=["contract"])
    return value
