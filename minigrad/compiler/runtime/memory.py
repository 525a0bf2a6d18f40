"""Arrays at addresses and parts of arrays, for emitted code."""

from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


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


@intrinsic
def part(typing_context, array, start, size):
    """`size` elements of a contiguous array from a start: a view, and for LLVM nothing but a pointer."""
    kind = types.Array(array.dtype, 1, "C")
    integer = types.int64

    def generate(context, builder, signature, arguments):
        whole = make_array(array)(context, builder, arguments[0])
        made = make_array(kind)(context, builder)
        itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array.dtype)))
        populate_array(
            made,
            data=builder.gep(whole.data, [arguments[1]], inbounds=True),
            shape=cgutils.pack_array(builder, [arguments[2]]),
            strides=cgutils.pack_array(builder, [itemsize]),
            itemsize=itemsize,
            meminfo=None,
            parent=None,
        )
        return made._getvalue()

    return kind(array, integer, integer), generate
