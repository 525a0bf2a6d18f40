"""Names for the arguments that kernels take."""

#: one int per spatial dimension
Sizes = tuple[int, ...]
#: one (low, high) pair per spatial dimension
Pairs = tuple[tuple[int, int], ...]
