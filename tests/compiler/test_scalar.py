"""Scalar mathematics: errors against float64 in units in the last place, edges, and what LLVM makes of it."""

import math
import re
import warnings

import numpy as np
import pytest
import scipy.special
from numba import TypingError, njit

from minigrad.compiler.runtime.scalar import ERRORS, FUNCTIONS, NARROW, WIDE, scalar_name

OPTIONS = {"fastmath": {"contract", "afn"}, "error_model": "numpy"}
BINARY = {"atan2": np.arctan2, "pow": np.power, "hypot": np.hypot, "logaddexp": np.logaddexp}
UNARY = {
    "sqrt": np.sqrt, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sigmoid": scipy.special.expit, "tanh": np.tanh, "erf": scipy.special.erf,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "logistic_density": lambda x: scipy.special.expit(x) * scipy.special.expit(-x),
    "erfc": scipy.special.erfc, "lgamma": lambda x: np.where(np.isinf(x), np.inf, scipy.special.gammaln(x)),
}  # fmt: skip
EDGES = np.array(
    [0, 1e-45, 1e-40, 2.0**-126, 1e-10, 0.1, 0.5, 1, 1.5, 2, 3, 88.7, 89, 104, 128, 149, 2**23 + 1, 2**24 + 2, 1e10,
     3.4028235e38, np.inf, np.nan, np.nextafter(1, 0, dtype="f4"), np.nextafter(1, 2, dtype="f4")],
    np.float32,
)  # fmt: skip
EDGES = np.concatenate([EDGES, -EDGES])

in_arithmetic_of_infinities = pytest.mark.filterwarnings("ignore::RuntimeWarning")
unary = pytest.mark.parametrize("operation", UNARY)
binary = pytest.mark.parametrize("operation", BINARY)
bits = pytest.mark.parametrize("bits", [32, 64])


def compiled(operation, bits, count=1):
    """The loop out[i] = f(x[i]) or f(x[i], y[i]) as emitted code has it."""
    f = FUNCTIONS[scalar_name(operation, bits)]

    def one(out, x):
        for i in range(out.size):
            out[i] = f(x[i])

    def two(out, x, y):
        for i in range(out.size):
            out[i] = f(x[i], y[i])

    return njit(**OPTIONS)(one if count == 1 else two)


def run(loop, *inputs):
    out = np.empty_like(inputs[0])
    loop(out, *inputs)
    return out


def uncompiled(operation, bits, *inputs):
    """The same through Python, on arrays where the definition takes them."""
    f = FUNCTIONS[scalar_name(operation, bits)]
    if operation in ("lgamma", "erf", "erfc") and (bits == 64 or operation == "lgamma"):
        return np.array([f(x) for x in inputs[0]])
    return f(*inputs)


def ulps(got, exact):
    """|got - exact| in units of the last place of a float32 near `exact`; infinite where only one is finite or NaN.

    Infinity counts as the number after the largest float32, 2^128, so that the threshold of overflow is judged alike.
    """
    unit = np.ldexp(1.0, np.clip(np.frexp(exact)[1] - 24, -149, 104))
    finite = [np.where(np.isinf(v), np.copysign(2.0**128, v), v) for v in (got.astype(np.float64), exact)]
    finite[1] = np.clip(finite[1], -(2.0**128), 2.0**128)
    error = np.abs(finite[0] - finite[1]) / unit
    return np.where(np.isnan(got) & np.isnan(exact), 0, np.where(np.isnan(error), np.inf, error))


def check(operation, got, exact, inputs, slack=0.0):
    assert got.dtype == np.float32
    with np.errstate(all="ignore"):
        excess = ulps(got, exact) - ERRORS[operation] - slack
    worst = np.argmax(excess)
    assert excess[worst] <= 0, f"{operation}{tuple(x[worst] for x in inputs)} gave {got[worst]!r}, not {exact[worst]!r}"
    sign_differs = (np.signbit(got) != np.signbit(exact)) & ~np.isnan(exact)
    assert not sign_differs.any(), f"sign of {operation} at {[x[sign_differs][:5] for x in inputs]}"


def around(points, steps):
    """The float32 next to each point and those up to so many steps away."""
    bits = np.asarray(points, np.float32).view(np.int32)
    return (bits[:, None] + np.arange(-steps, steps + 1, dtype=np.int32)).ravel().view(np.float32)


def samples():
    """Every exponent, densely; more where functions change: near 0, 1, multiples of pi / 2, overflow and underflow."""
    every = np.arange(0, 2**32, 4999, np.uint32).view(np.float32)
    turns = around(np.arange(1, 30000) * (math.pi / 2), 2)
    middle = np.concatenate([np.linspace(0, 20, 200_001), np.linspace(20, 150, 50_001)]).astype(np.float32)
    special = around([1, 0.5, 2 / 3, 4 / 3, 0.625, 0.8, 2, 88.72284, 103.97, 17.3, 128, 149], 2000)
    # Where the search through all of float32 found the largest errors.
    worst = around([5.2381372, 1.3335577, 0.62504506, 1.1046847, 0.5552118, 0.3474445, 0.3335577, 1.36635], 2000)
    subnormal = np.arange(0, 2**23, 997, np.int32).view(np.float32)
    positive = np.concatenate([turns, middle, special, worst, subnormal])
    return np.concatenate([EDGES, every, positive, -positive])


SAMPLES = samples()


def reference(operation, *inputs):
    with np.errstate(all="ignore"):
        return (UNARY | BINARY)[operation](*(x.astype(np.float64) for x in inputs))


def test_every_function_is_tested():
    assert sorted(UNARY | BINARY) == sorted(NARROW + WIDE) == sorted(ERRORS)
    assert max(ERRORS.values()) <= 2


@unary
def test_error_compiled(operation):
    check(operation, run(compiled(operation, 32), SAMPLES), reference(operation, SAMPLES), [SAMPLES])


@in_arithmetic_of_infinities
@unary
def test_error_uncompiled(operation):
    x = SAMPLES[:: 101 if operation == "lgamma" else 1]
    check(operation, uncompiled(operation, 32, x), reference(operation, x), [x])


def pairs():
    rng = np.random.default_rng(0)
    grid = np.meshgrid(EDGES, EDGES)
    normal = rng.standard_normal((2, 100_000)) * [[10], [5]]
    wide = np.exp(rng.standard_normal((2, 100_000)) * [[20], [2]]) * rng.choice([-1, 1], (2, 100_000))
    near_one = 1 + rng.standard_normal((2, 100_000)) * [[1e-5], [1e6]]
    return [np.concatenate(parts, dtype=np.float32) for parts in zip([g.ravel() for g in grid], normal, wide, near_one)]


PAIRS = pairs()


@in_arithmetic_of_infinities
@binary
@pytest.mark.parametrize("how", ["compiled", "uncompiled"])
def test_error_of_two_arguments(operation, how):
    exact = reference(operation, *PAIRS)
    got = run(compiled(operation, 32, 2), *PAIRS) if how == "compiled" else uncompiled(operation, 32, *PAIRS)
    slack = 0.0
    if operation == "logaddexp":  # its absolute error, in ulp of the result
        slack = 2.0**-31 / np.ldexp(1.0, np.clip(np.frexp(exact)[1] - 24, -149, 104))
    check(operation, got, exact, PAIRS, slack)


@in_arithmetic_of_infinities
@bits
@pytest.mark.parametrize(
    ("operation", "inputs", "exact"),
    [
        ("exp2", [10], 1024),
        ("exp2", [-149], 2.0**-149),
        ("log2", [2.0**-149], -149),
        ("log2", [2.0**100], 100),
        ("log10", [1], 0),
        ("pow", [3, 4], 81),
        ("pow", [-2, 3], -8),
        ("pow", [np.nan, 0], 1),
        ("pow", [1, np.nan], 1),
        ("pow", [-1, np.inf], 1),
        ("pow", [-8, 1 / 3], np.nan),
        ("pow", [-0.0, -3], -np.inf),
        ("sigmoid", [0], 0.5),
        ("cos", [0], 1),
        ("erf", [np.inf], 1),
        ("erfc", [-np.inf], 2),
        ("tanh", [-np.inf], -1),
        ("acosh", [1], 0),
        ("acosh", [-2], np.nan),
        ("atanh", [1], np.inf),
        ("log1p", [-1], -np.inf),
        ("hypot", [np.nan, np.inf], np.inf),
        ("hypot", [3, -4], 5),
        ("logaddexp", [-np.inf, -np.inf], -np.inf),
        ("lgamma", [-1], np.inf),
        ("lgamma", [1], 0),
        ("sin", [np.inf], np.nan),
    ],
)
def test_exact_values(operation, inputs, exact, bits):
    inputs = [np.array([x], f"f{bits // 8}") for x in inputs]
    np.testing.assert_equal(run(compiled(operation, bits, len(inputs)), *inputs)[0], exact)
    np.testing.assert_equal(uncompiled(operation, bits, *inputs)[0], exact)


@in_arithmetic_of_infinities
@pytest.mark.parametrize("operation", UNARY | BINARY)
def test_float64_is_libms(operation):
    inputs = [SAMPLES[::37].astype(np.float64)] if operation in UNARY else [p.astype(np.float64) for p in PAIRS]
    exact = (UNARY | BINARY)[operation](*inputs)
    # SciPy rounds subnormal results to 0; lgamma and logaddexp cancel where they are near 0.
    tolerance = {"rtol": 4e-15, "atol": 5e-16 if operation in ("lgamma", "logaddexp") else 2.0**-1022}
    np.testing.assert_allclose(run(compiled(operation, 64, len(inputs)), *inputs), exact, **tolerance)
    few = [x[:100] for x in inputs]
    np.testing.assert_allclose(uncompiled(operation, 64, *few), exact[:100], **tolerance)


@pytest.mark.parametrize("operation", [name for name in NARROW + WIDE if name != "lgamma"])
def test_loop_is_vectorised(operation):
    inputs = [np.ones(64, np.float32)] * (2 if operation in BINARY else 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loop = compiled(operation, 32, len(inputs))
        run(loop, *inputs)
    (llvm,) = loop.inspect_llvm().values()
    width = "float" if operation in NARROW else "double"
    assert re.search(rf"<\d+ x {width}>", llvm)
    if operation in NARROW:
        assert "double" not in llvm


@pytest.mark.parametrize("operation", ["exp", "log", "tanh", "sigmoid", "logistic_density", "erf", "sin", "pow"])
def test_float64_where_float32_belongs_does_not_compile(operation):
    inputs = [np.ones(4)] * (2 if operation in BINARY else 1)
    with pytest.raises(TypingError):
        run(compiled(operation, 32, len(inputs)), *inputs)


@pytest.mark.exhaustive
@unary
def test_error_of_every_float32(operation):
    """All 2^32 arguments, four minutes a function; `-n 2` halves the wait."""
    loop, chunk = compiled(operation, 32), 2**22
    for start in range(0, 2**32, chunk):
        x = np.arange(start, start + chunk, dtype=np.uint32).view(np.float32)
        check(operation, run(loop, x), reference(operation, x), [x])
