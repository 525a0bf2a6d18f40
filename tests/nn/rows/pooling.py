"""Pooling."""

from tests.nn.rows.row import Call, Row


def max_pool(dims, module):
    def drawn(draw):
        kernel, stride = draw.integers(dims, 1, 3), draw.integers(dims, 1, 3)
        sizes = tuple(k + draw.integer(0, 3) for k in kernel)
        options = {
            "kernel_size": kernel,
            "stride": draw.one_of(None, stride),
            "padding": tuple(draw.integer(0, k // 2) for k in kernel),
            "ceil_mode": draw.flag(),
            "return_indices": draw.flag(),
        }
        return Call((draw.normal(*draw.leading(draw.integer(1, 3), *sizes)),), (), options)

    return drawn


ROWS = [Row(f"MaxPool{n}d", max_pool(n, True)) for n in (1, 2, 3)] + [
    Row(f"max_pool{n}d", max_pool(n, False)) for n in (1, 2, 3)
]
