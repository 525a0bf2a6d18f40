"""The few operations that Python and LLVM spell differently, one name for both.

Each is a plain Python function of NumPy scalars or arrays, and numba knows it by the same name: what is written with
them runs compiled and uncompiled. Types are strict. A mixture that numba would silently promote to float64 does not
compile.
"""

import numpy as np
from llvmlite import ir
from numba import boolean, float32, float64, int32, int64, types
from numba.core import cgutils
from numba.extending import lower_builtin, register_jitable, type_callable

# Inlined always: a call left in a loop stops LLVM from vectorising it.
scalar_function = register_jitable(fastmath={"contract", "afn"}, error_model="numpy", forceinline=True)


def select(condition, chosen, other):
    """`chosen` where the condition holds, else `other`.  Both are computed: a loop around it has no branch."""
    return np.where(condition, chosen, other)[()]


@type_callable(select)
def _type_select(context):
    def of_one_type(condition, chosen, other):
        return chosen if condition == boolean and chosen == other else None

    return of_one_type


@lower_builtin(select, types.Boolean, types.Float, types.Float)
@lower_builtin(select, types.Boolean, types.Integer, types.Integer)
def _lower_select(context, builder, signature, arguments):
    return builder.select(*arguments)


def clip(x, low, high):
    """x moved into [low, high]; NaN stays."""
    return np.where(x < low, low, np.where(x > high, high, x))[()]


@type_callable(clip)
def _type_clip(context):
    return lambda x, low, high: x if isinstance(x, types.Float) and x == low == high else None


@lower_builtin(clip, types.Float, types.Float, types.Float)
def _lower_clip(context, builder, signature, arguments):
    x, low, high = arguments
    x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    return builder.select(builder.fcmp_ordered(">", x, high), high, x)


def copysign(magnitude, sign):
    """|magnitude| with the sign of `sign`, whose zeros have one too."""
    return np.copysign(magnitude, sign)


@type_callable(copysign)
def _type_copysign(context):
    return lambda magnitude, sign: magnitude if isinstance(magnitude, types.Float) and magnitude == sign else None


@lower_builtin(copysign, types.Float, types.Float)
def _lower_copysign(context, builder, signature, arguments):
    kind = arguments[0].type
    of_two = ir.FunctionType(kind, [kind, kind])
    return builder.call(builder.module.declare_intrinsic("llvm.copysign", [kind], of_two), arguments)


def nearest(x):
    """x rounded to an integer, ties to even."""
    return np.rint(x)


@type_callable(nearest)
def _type_nearest(context):
    return lambda x: x if isinstance(x, types.Float) else None


@lower_builtin(nearest, types.Float)
def _lower_nearest(context, builder, signature, arguments):
    return builder.call(builder.module.declare_intrinsic("llvm.rint", [arguments[0].type]), arguments)


def horner(x, coefficients):
    """coefficients[0] + coefficients[1] x + coefficients[2] x^2 + ..."""
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = value * x + c
    return value


@type_callable(horner)
def _type_horner(context):
    def of_one_type(x, coefficients):
        return x if isinstance(coefficients, types.UniTuple) and coefficients.dtype == x else None

    return of_one_type


@lower_builtin(horner, types.Float, types.UniTuple)
def _lower_horner(context, builder, signature, arguments):
    x, coefficients = arguments
    value, *rest = reversed(cgutils.unpack_tuple(builder, coefficients))
    for c in rest:
        value = builder.fadd(builder.fmul(value, x, flags=["contract"]), c, flags=["contract"])
    return value


def bits32(x):
    """The bits of a float32, as an int32."""
    return x.view(np.int32)


def from_bits32(i):
    """The float32 of these bits, an int32."""
    return i.view(np.float32)


def bits64(x):
    """The bits of a float64, as an int64."""
    return x.view(np.int64)


def from_bits64(i):
    """The float64 of these bits, an int64."""
    return i.view(np.float64)


def _reinterpret(function, source, target):
    @type_callable(function)
    def type_it(context):
        return lambda x: target if x == source else None

    @lower_builtin(function, source)
    def lower_it(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(target))


_reinterpret(bits32, float32, int32)
_reinterpret(from_bits32, int32, float32)
_reinterpret(bits64, float64, int64)
_reinterpret(from_bits64, int64, float64)
