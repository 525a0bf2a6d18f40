"""Arrays and functions at addresses, and parts of arrays, for emitted code."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


def _view(context, builder, kind, address, size):
    """An array of a 1-d type at a pointer: for LLVM nothing but the pointer."""
    made = make_array(kind)(context, builder)
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    populate_array(
        made,
        data=address,
        shape=cgutils.pack_array(builder, [size]),
        strides=cgutils.pack_array(builder, [itemsize]),
        itemsize=itemsize,
        meminfo=None,
        parent=None,
    )
    return made._getvalue()


@intrinsic
def array_at(typing_context, address, size, element):
    """`size` elements at an address."""
    kind = types.Array(element.dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        pointer = context.get_data_type(kind.dtype).as_pointer()
        return _view(context, builder, kind, builder.inttoptr(arguments[0], pointer), arguments[1])

    return kind(types.uint64, types.int64, element), generate


@intrinsic
def part(typing_context, array, start, size):
    """`size` elements of a contiguous array from a start."""
    kind = types.Array(array.dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        start = builder.gep(make_array(array)(context, builder, arguments[0]).data, [arguments[1]], inbounds=True)
        return _view(context, builder, kind, start, arguments[2])

    return kind(array, types.int64, types.int64), generate


PART = types.int64(types.uint64)
"""A part of a step: a function of the address of the table, which says what failed."""


@intrinsic
def call_part(typing_context, address, table):
    """Call the part at an address."""

    def generate(context, builder, signature, arguments):
        word = context.get_value_type(types.int64)
        kind = ir.FunctionType(word, [word])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [arguments[1]])

    return types.int64(types.uint64, types.uint64), generate


@intrinsic
def move(typing_context, target, to, source, start, n):
    """target[to : to + n] = source[start : start + n], of one dtype. A loop of known length LLVM would write out."""
    integer = types.int64

    def generate(context, builder, signature, arguments):
        target_array, to, source_array, start, n = arguments
        given = (target, target_array, to), (source, source_array, start)
        pointers = [builder.gep(make_array(kind)(context, builder, x).data, [i], inbounds=True) for kind, x, i in given]
        cgutils.raw_memmove(builder, *pointers, n, context.get_abi_sizeof(context.get_data_type(target.dtype)))
        return context.get_dummy_value()

    return types.void(target, integer, source, integer, integer), generate


@intrinsic
def opaque(typing_context, n):
    """n, which LLVM does not know any more: it leaves a loop of that length a loop."""

    def generate(context, builder, signature, arguments):
        word = context.get_value_type(types.int64)
        return builder.asm(ir.FunctionType(word, [word]), "", "=r,0", arguments, side_effect=False)

    return types.int64(types.int64), generate
