# ruff: noqa: F401, F403
"""What emitted code calls, in numba. `plain` holds the same names for uncompiled Python."""

from math import inf, nan

from numpy import bool_ as B1
from numpy import ceil, floor, trunc
from numpy import float32 as F32
from numpy import float64 as F64
from numpy import int8 as I8
from numpy import int16 as I16
from numpy import int32 as I32
from numpy import int64 as I64
from numpy import uint8 as U8
from numpy import uint32 as U32
from numpy import uint64 as U64

from minigrad.compiler.runtime.arithmetic import *
from minigrad.compiler.runtime.blas import gemm32, gemm64
from minigrad.compiler.runtime.machine import bits32, bits64, nearest, select
from minigrad.compiler.runtime.memory import PART, array_at, call_part, move, opaque, part
from minigrad.compiler.runtime.parallel import gemm_columns32, gemm_columns64, gemm_rows32, gemm_rows64, spread
from minigrad.compiler.runtime.random import random_words
from minigrad.compiler.runtime.rows import *
from minigrad.compiler.runtime.scalar import FUNCTIONS

SETTINGS = {"fastmath": {"contract", "afn"}, "error_model": "numpy", "boundscheck": False, "nogil": True}
INSIDE = {**SETTINGS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
globals().update(FUNCTIONS)
