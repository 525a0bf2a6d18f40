"""How a convolution is cut into blocks, and the record that tells its tile kernels.

Space has three dimensions throughout: 1-D and 2-D convolutions get leading ones of size 1.
"""

import functools
import math

import numpy as np
from numba import from_dtype, types

from minigrad.kernels.cpu.columns import span
from minigrad.kernels.cpu.gemm import single_threaded_blas
from minigrad.kernels.cpu.launch import launch, record, workers_for
from minigrad.kernels.cpu.memory import address

BLOCK = 2**16  # elements of the column matrix of one block: it should stay in a core's second-level cache
THIN = 16  # products with a matrix of fewer rows than this are slow: rather write more columns

PLAN = np.dtype(
    [
        ("image", np.int64),  # address of x or its gradient (batch, channels, *space)
        ("weight", np.int64),  # address of the weight matrices, see the tile kernels
        ("response", np.int64),  # address of the output or its cotangent (batch, filters, *out)
        ("scratch", np.int64),  # address of the workers' own memory (workers, scratch_size)
        ("scratch_size", np.int64),
        ("batch", np.int64),
        ("channels", np.int64),
        ("filters", np.int64),
        ("groups", np.int64),
        ("blocks", np.int64),  # in the whole batch
        ("rows", np.int64),  # output rows in a block
        ("inner", np.int64, 2),  # taps per column in the first two dimensions, see columns.py
        ("space", np.int64, 3),
        ("out", np.int64, 3),
        ("kernel", np.int64, 3),
        ("stride", np.int64, 3),
        ("low", np.int64, 3),  # padding before the image; negative crops
        ("dilation", np.int64, 3),
    ]
)
RECORD = from_dtype(PLAN)
TILE = types.void(types.CPointer(RECORD), types.int64, types.int64, types.int64)


class Plan:
    """The geometry of one convolution, none of whose sizes is 0."""

    def __init__(self, image_shape, response_shape, kernel, stride, low, dilation, groups):
        self._kernel, self._groups = _three(kernel), groups
        batch, channels, *space = image_shape
        out, stride = _three(response_shape[2:]), _three(stride)
        shared = stride[1] == 1 and channels // groups * self._kernel[2] >= THIN
        self._inner = (1, 1) if shared else self._kernel[:2]
        entries, strips = channels * math.prod(self._inner) * self._kernel[2], self._kernel[0] // self._inner[0]
        rows = _even_share(out[1], max(1, BLOCK // (entries * strips * out[2])))
        self.blocks = batch * out[0] * -(-out[1] // rows)
        lines = span(rows, self._kernel[1], stride[1], _three(dilation)[1])
        width = span(out[2], self._kernel[2], stride[2], _three(dilation)[2])
        slab, columns = channels * self._kernel[0] * lines * width, entries * strips * lines * out[2]
        self._scratch_size = slab + columns + rows * out[2] * response_shape[1]
        self._record = record(
            PLAN,
            image=0,
            weight=0,
            response=0,
            scratch=0,
            scratch_size=self._scratch_size,
            batch=batch,
            channels=channels,
            filters=response_shape[1],
            groups=groups,
            blocks=self.blocks,
            rows=rows,
            inner=self._inner,
            space=_three(space),
            out=out,
            kernel=self._kernel,
            stride=stride,
            low=_three(low, fill=0),
            dilation=_three(dilation),
        )

    def matrices(self, weight, turned=False):
        """A view of weight (filters, channels // groups, *kernel) whose elements come in the order that GEMM wants.

        One matrix (filters // groups, entries) for each outer tap and group, or with `turned` its transpose.
        """
        grouped = weight.reshape(self._groups, weight.shape[0] // self._groups, weight.shape[1], *self._kernel)
        outer, inner = ((3, 4), (5,)) if self._inner == (1, 1) else ((), (3, 4, 5))
        return grouped.transpose(*outer, 0, *((2, *inner, 1) if turned else (1, 2, *inner)))

    def run(self, tile_kernel, image, weight, response, tiles):
        """Run a tile kernel on the three arrays; the one that it writes must be contiguous."""
        image, weight, response = map(np.ascontiguousarray, (image, weight, response))
        workers = workers_for(tiles)
        scratch = np.empty((workers, self._scratch_size), image.dtype)
        plan = self._record.copy()
        for name, array in (("image", image), ("weight", weight), ("response", response), ("scratch", scratch)):
            plan[name] = address(array)
        with single_threaded_blas:
            launch(tile_kernel(image.dtype), plan, tiles, workers)


@functools.lru_cache(maxsize=1024)
def plan_for(image_shape, response_shape, kernel, stride, low, dilation, groups):
    """The plan of a convolution; a model meets the same few again and again."""
    return Plan(image_shape, response_shape, kernel, stride, low, dilation, groups)


def _even_share(total, most):
    """The size of the shares if `total` is dealt out in the fewest equal shares of at most `most`."""
    return -(-total // -(-total // most))


def _three(sizes, fill=1):
    """The sizes of 1 to 3 dimensions with leading ones up to three."""
    return (*(fill,) * (3 - len(sizes)), *sizes)
