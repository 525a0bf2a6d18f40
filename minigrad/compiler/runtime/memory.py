"""Arrays at addresses, for emitted code."""

from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic


@intrinsic
def _pointer(typing_context, element, address):
    """The address as a typed pointer."""
    kind = types.CPointer(element.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[1], context.get_value_type(signature.return_type))

    return kind(element, address), generate


@njit
def array_at(address, size, element):
    """`size` elements at an address."""
    return carray(_pointer(element, address), size)


def _fused(name, flag):
    """A two-operand float instruction that the vectoriser may reorder: order within a sum is fixed by the compiled code."""

    @intrinsic
    def instruction(typing_context, a, b):
        def generate(context, builder, signature, arguments):
            return getattr(builder, name)(*arguments, flags=(flag,))

        return a(a, a), generate

    return instruction


_float_plus = _fused("fadd", "reassoc")


@intrinsic
def maximum_float(typing_context, a, b):
    """IEEE 754-2019 maximum: NaN wins, -0 < +0."""

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        bits = 32 if isinstance(kind, ir.FloatType) else 64
        function = builder.module.declare_intrinsic(f"llvm.maximum.f{bits}", (), ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, arguments)

    return a(a, a), generate
