"""Scalar mathematics: nanoseconds for one float32, one thread.

    python benchmarks/scalar.py [--count 16384] [--rounds 7]

A compiled loop over minigrad's function, the same loop over libm's (which does not vectorise), NumPy and PyTorch, taken
in turn; the figure is the best round's. Arguments fit in cache: 8 times a normal deviate where the function is defined
there, else as named. Needs `pip install -e ".[bench]"`.
"""

import argparse
import math
import time

import numpy as np
import torch
from numba import njit

from minigrad.compiler.runtime.scalar import ERRORS, FUNCTIONS, NARROW, WIDE, scalar_name

OPTIONS = {"fastmath": {"contract", "afn"}, "error_model": "numpy"}
NUMPY = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "pow": "power",
}  # fmt: skip
DOMAINS = {
    "positive": (np.abs, "sqrt log log2 log10 log1p pow lgamma"),
    "in (-1, 1)": (np.tanh, "asin acos atanh"),
    "above 1": (lambda x: 1 + np.abs(x), "acosh"),
}


def arguments(operation, count):
    x = (8 * np.random.default_rng(0).standard_normal(count)).astype(np.float32)
    for place, names in DOMAINS.values():
        if operation in names.split():
            x = np.float32(0.999) * place(x) if place is np.tanh else place(x)
    second = np.roll(x, 1) if operation != "pow" else np.linspace(-3, 3, count, dtype=np.float32)
    return (x, second) if operation in ("atan2", "pow", "hypot", "logaddexp") else (x,)


def loop(f, inputs):
    if len(inputs) == 1:

        @njit(**OPTIONS)
        def fill(out, x):
            for i in range(out.size):
                out[i] = f(x[i])

    else:

        @njit(**OPTIONS)
        def fill(out, x, y):
            for i in range(out.size):
                out[i] = f(x[i], y[i])

    out = np.empty_like(inputs[0])
    return lambda: fill(out, *inputs)


def contestants(operation, inputs):
    """Name -> a call that computes all of `inputs` once."""
    out, tensors = np.empty_like(inputs[0]), [torch.from_numpy(x) for x in inputs]
    calls = {"minigrad": loop(FUNCTIONS[scalar_name(operation, 32)], inputs)}
    if hasattr(math, operation):
        calls["libm"] = loop(getattr(math, operation), inputs)
    if ufunc := getattr(np, NUMPY.get(operation, operation), None):
        calls["NumPy"] = lambda: ufunc(*inputs, out=out)
    if function := getattr(torch, operation, None):
        target = torch.from_numpy(out)
        calls["PyTorch"] = lambda: function(*tensors, out=target)
    return calls


def best_times(calls, count, rounds):
    """Name -> ns for one element, the best of interleaved rounds of about 2 ms."""
    best = dict.fromkeys(calls, math.inf)
    repeats = {}
    for name, call in calls.items():
        call()  # compiles
        start = time.perf_counter()
        call()
        repeats[name] = 1 + int(2e-3 / (time.perf_counter() - start))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / repeats[name] / count * 1e9)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2**14, help="elements (default 16384)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved timing rounds (default 7)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = ["minigrad", "libm", "NumPy", "PyTorch"]
    print(f"{'ns per float32':14}" + "".join(f"{name:>10}" for name in names) + "   stated error, ulp")
    for operation in NARROW + WIDE:
        inputs = arguments(operation, options.count)
        times = best_times(contestants(operation, inputs), options.count, options.rounds)
        row = "".join(f"{times[name]:10.2f}" if name in times else f"{'-':>10}" for name in names)
        print(f"{operation:14}{row}   {ERRORS[operation]}")


if __name__ == "__main__":
    main()
