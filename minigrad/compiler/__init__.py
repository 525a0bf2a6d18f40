"""The compiler: traces a step written in eager style and turns it into one compiled numba function."""

from minigrad.compiler.function import Jitted, jit

__all__ = ["Jitted", "jit"]
