"""Activations far out and near 0: value, first and second derivative against mpmath, digit for digit."""

import math

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import minigrad as mg
from minigrad.nn import functional as F

DIGITS = 150  # tanh(100) differs from 1 by 1e-87, x - tanh(x) for x = 1e-30 by 1e-60 from x
TINY = [1e-30, 1e-5, 0.01]
POINTS = [0.0, *TINY, 0.3, 0.49, 0.51, 1.0, 1.7, 5.0, 20.0, 100.0, 1e4]
POINTS = np.array([-x for x in reversed(POINTS)] + POINTS[1:])

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
SELU_SLOPE = SELU_SCALE * SELU_ALPHA


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def log1pexp(x):
    return mpmath.log1p(mpmath.exp(x))


def left(x, other, scale=1):
    """A function that is linear on the right."""
    return scale * x if x > 0 else other


# name, arguments, the function, kinks (where its derivative is a convention, see functional/test_activation.py)
TABLE = [
    ("relu", {}, lambda x: max(x, 0), [0]),
    ("relu6", {}, lambda x: min(max(x, 0), 6), [0, 6]),
    ("leaky_relu", {"negative_slope": 0.25}, lambda x: left(x, x / 4), [0]),
    ("prelu", {"weight": 0.25}, lambda x: left(x, x / 4), [0]),
    ("rrelu", {}, lambda x: left(x, x * 11 / 48), [0]),
    ("elu", {"alpha": 1.5}, lambda x: left(x, 1.5 * mpmath.expm1(x)), [0]),
    ("selu", {}, lambda x: left(x, SELU_SLOPE * mpmath.expm1(x), SELU_SCALE), [0]),
    ("celu", {"alpha": 0.5}, lambda x: left(x, mpmath.expm1(2 * x) / 2), [0]),
    ("gelu", {}, lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2, []),
    (
        "gelu",
        {"approximate": "tanh"},
        lambda x: x * logistic(2 * mpmath.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)),
        [],
    ),
    ("silu", {}, lambda x: x * logistic(x), []),
    ("mish", {}, lambda x: x * mpmath.tanh(log1pexp(x)), []),
    ("softplus", {"threshold": 1e9}, log1pexp, []),
    ("softplus", {"beta": 0.5, "threshold": 1e9}, lambda x: 2 * log1pexp(x / 2), []),
    ("softsign", {}, lambda x: x / (1 + abs(x)), []),
    ("sigmoid", {}, logistic, []),
    ("logsigmoid", {}, lambda x: -log1pexp(-x), []),
    ("tanh", {}, mpmath.tanh, []),
    ("scaled_tanh", {}, lambda x: mpf(1.7159) * mpmath.tanh(2 * x / 3), []),
    ("tanh_linear", {"a": 0.25}, lambda x: mpmath.tanh(x) + x / 4, []),
    ("tanhshrink", {}, lambda x: x - mpmath.tanh(x), []),
    ("hardtanh", {}, lambda x: min(max(x, -1), 1), [-1, 1]),
    ("hardsigmoid", {}, lambda x: min(max(x + 3, 0), 6) / 6, []),
    ("hardswish", {}, lambda x: x * min(max(x + 3, 0), 6) / 6, []),
    ("softshrink", {}, lambda x: mpmath.sign(x) * max(abs(x) - 0.5, 0), []),
    ("hardshrink", {}, lambda x: x if abs(x) > 0.5 else mpf(0), []),
    ("threshold", {"threshold": 0.1, "value": -3.0}, lambda x: x if x > 0.1 else mpf(-3), []),
    ("noisy_relu", {}, lambda x: max(x, 0), [0]),
]


def derivatives(f, at):
    """f, f', f'' at a point, rounded to float64."""
    with mp.workdps(DIGITS):
        return [float(mpmath.diff(f, mpf(float(at)), n)) for n in range(3)]


def ours(name, arguments, points):
    x = mg.tensor(points, requires_grad=True)
    y = getattr(F, name)(x, **arguments)
    (first,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    second = mg.autograd.grad(first.sum(), x)[0] if first.requires_grad else mg.zeros_like(first)
    return [t.numpy() for t in (y, first, second)]

if __name__ == "__main__":
    for name, arguments, f, kinks in TABLE:
        for dt in (np.float64, np.float32):
            pts = POINTS.astype(dt)
            got = ours(name, arguments, pts)
            want = np.array([derivatives(f, p) for p in pts]).T
            out=[]
            for n in range(3):
                worst=(0,None)
                for i,p in enumerate(pts):
                    if n and float(POINTS[i]) in kinks: continue
                    w=want[n][i]
                    if abs(w)<np.finfo(dt).tiny:
                        e = abs(got[n][i]-w) 
                        e = 0 if e<np.finfo(dt).tiny else e*1e9
                    else: e=abs(float(got[n][i])-w)/abs(w)
                    if not e<=worst[0]: worst=(e,p,got[n][i],w)
                out.append(f"{worst[0]:.1e}@{worst[1]}")
                if not worst[0] < (2e-14 if dt==np.float64 else 3e-6): print("   !!",n,worst)
            print(name,arguments,dt.__name__,out)
