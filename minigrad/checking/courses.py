"""Check gradients in the form in which courses have them written: on NumPy arrays, in four conventions.

Each returns the report of `gradcheck`, to first order. Inputs are a tuple of positional arguments, a dict of keyword
arguments, or the only argument; the float arrays among them are differentiated, everything else is passed on as it is.
The remaining options are those of `gradcheck`: rtol, atol, full, seed, raise_exception.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.checking.adapters import ArrayProblem, arguments_of, check_arrays
from minigrad.checking.complex_step import check_by_complex_step
from minigrad.checking.problem import Arrays
from minigrad.checking.report import GradcheckReport
from minigrad.errors import DtypeError, ShapeError
from minigrad.tree import tree_map

# ---- CS231n


def check_cs231n(forward: Callable, backward: Callable | None, inputs: Any, **options: Any) -> GradcheckReport:
    """Check a layer in two functions, as in Stanford's CS231n.

    forward: `forward(x, w, ...)` returns (out, cache), or (out, ..., cache).  backward: `backward(dout, cache)` returns
    the gradient of the only float array, or a tuple with one for each of them in order; a dict by name will do. With
    None, forward is a loss and returns (loss, gradients) itself.  Python numbers and dicts (`reg`, `conv_param`) are
    settings.  Raises GradcheckError if the gradient is wrong.

    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout
    >>> print(mg.checking.check_cs231n(forward, backward, (np.ones((4, 3)), np.ones((3, 2)))))
    gradcheck of forward: passed
      gradient: right for x, w
    """

    def evaluate(args: tuple, kwargs: dict) -> tuple[Sequence, Callable]:
        returned = forward(*args, **kwargs)
        if not isinstance(returned, (tuple, list)) or len(returned) < 2:
            pair = "(out, cache)" if backward else "(loss, gradients)"
            raise DtypeError(f"[check_cs231n] forward must return {pair}, got a {type(returned).__name__}.")
        if backward is None:
            loss, *found = returned
            return [loss], lambda gs: tree_map(lambda d: gs[0] * np.asarray(d), found[0] if len(found) == 1 else found)
        *outs, cache = returned
        return outs, lambda gs: backward(*gs, cache)

    arguments = arguments_of("check_cs231n", forward, inputs, numbers=False)
    return check_arrays(forward, ArrayProblem("check_cs231n", arguments, evaluate), **options)


# ---- CMU 10-414 (needle)


def check_needle(op: Any, inputs: Any, tensor: Callable | None = None, **options: Any) -> GradcheckReport:
    """Check an operation with `compute` and `gradient`, as in CMU's 10-414/714.

    op: an object, or a class made without arguments. `op.compute(*arrays)` returns an array; `op.gradient(out_grad,
    node)` the gradient of the only input or a tuple with one for each. Without `tensor`, gradient gets NumPy arrays:
    out_grad and node (the result) are arrays, and so are `node.inputs[i]`; all have `realize_cached_data()`,
    `cached_data` and `numpy()`. A gradient that calls functions of your own framework needs its tensors:
    tensor: makes one from an array, say `needle.Tensor`; then the result is `op(*tensors)`, read back by `.numpy()`.
    Raises GradcheckError if the gradient is wrong.

    >>> class Multiply:
    ...     def compute(self, a, b):
    ...         return a * b
    ...     def gradient(self, out_grad, node):
    ...         a, b = node.inputs
    ...         return out_grad * b, out_grad * a
    >>> print(mg.checking.check_needle(Multiply, (np.ones(3), np.ones(3))))
    gradcheck of Multiply: passed
      gradient: right for a, b
    """
    op = op() if isinstance(op, type) else op

    def evaluate(args: tuple, kwargs: dict) -> tuple[Sequence, Callable]:
        arrays = [*args, *kwargs.values()]
        if tensor is not None:
            node = op(*map(tensor, arrays))
            return [node], lambda gs: op.gradient(tensor(gs[0]), node)
        out = op.compute(*arrays)
        node = stand_in(out)
        node.inputs, node.op = [stand_in(a) for a in arrays], op
        return [out], lambda gs: op.gradient(stand_in(gs[0]), node)

    arguments = arguments_of("check_needle", op.compute, inputs, numbers=False)
    return check_arrays(type(op), ArrayProblem("check_needle", arguments, evaluate), **options)


class NeedleArray(np.ndarray):
    """An array that answers like a tensor of that course."""

    inputs: list
    op: Any

    def realize_cached_data(self) -> np.ndarray:
        """The numbers."""
        return np.asarray(self)

    cached_data = property(realize_cached_data)
    numpy = realize_cached_data


def stand_in(x: Any) -> Any:
    """The same memory as a NeedleArray; what is no array of numbers stays."""
    return np.asarray(x).view(NeedleArray) if isinstance(x, (np.ndarray, np.generic)) else x


# ---- minitorch


def check_minitorch(function: Any, inputs: Any, tensor: Callable | None = None, **options: Any) -> GradcheckReport:
    """Check a class with `forward(ctx, ...)` and `backward(ctx, d)`, as in Cornell's minitorch and in PyTorch.

    function: `forward` returns an array or a number, `backward` the gradient of the only input or a tuple with one for
    each. Both get NumPy arrays, or Python floats where these were given. ctx has `save_for_backward(...)`,
    `saved_values` and, as PyTorch calls it, `saved_tensors`, and keeps attributes.
    tensor: makes a tensor of your own framework from an array; results are read back by `.numpy()` or `.to_numpy()`.
    Raises GradcheckError if the gradient is wrong.

    >>> class Mul:
    ...     @staticmethod
    ...     def forward(ctx, a, b):
    ...         ctx.save_for_backward(a, b)
    ...         return a * b
    ...     @staticmethod
    ...     def backward(ctx, d):
    ...         a, b = ctx.saved_values
    ...         return d * b, d * a
    >>> print(mg.checking.check_minitorch(Mul, (2.0, 3.0)))
    gradcheck of Mul: passed
      gradient: right for a, b
    """
    lift = tensor or (lambda x: x)

    def evaluate(args: tuple, kwargs: dict) -> tuple[Sequence, Callable]:
        ctx = Context()
        lifted = [lift(x) if isinstance(x, np.ndarray) else x for x in (*args, *kwargs.values())]
        out = function.forward(ctx, *lifted)
        return [out], lambda gs: function.backward(ctx, lift(gs[0]))

    signature = functools.partial(function.forward, None)  # without ctx
    arguments = arguments_of("check_minitorch", signature, inputs, numbers=True)
    named = function if isinstance(function, type) else type(function)
    return check_arrays(named, ArrayProblem("check_minitorch", arguments, evaluate), **options)


class Context(SimpleNamespace):
    """What forward leaves for backward."""

    saved_values: tuple = ()

    def save_for_backward(self, *values: Any) -> None:
        """Keep these values."""
        self.saved_values = values

    @property
    def saved_tensors(self) -> tuple:
        """The same under PyTorch's name."""
        return self.saved_values


# ---- plain NumPy


def check_numpy(f: Callable, df: Callable, inputs: Any, **options: Any) -> GradcheckReport:
    """Check the derivative df of a NumPy function f, both functions of the same arguments.

    f: returns a number or an array.  df: returns the derivative by the only float input, or a tuple with one for each:
    the gradient if f is scalar; the Jacobian, of shape out.shape + x.shape, if it is not; or, if f works element by
    element, the derivative of each, in the shape of x.
    If f takes complex numbers, a gradient that passes is compared once more, a thousand times more strictly, with
    complex-step derivatives, which are exact to machine precision.  Raises GradcheckError if the gradient is wrong.

    >>> print(mg.checking.check_numpy(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.linspace(1, 2, 5)))
    gradcheck of <lambda>: passed
      gradient: right for x
      gradient, complex step mode: right for x
    """
    arguments = arguments_of("check_numpy", f, inputs, numbers=True)

    def evaluate(args: tuple, kwargs: dict) -> tuple[Sequence, Callable]:
        y = f(*args, **kwargs)
        values = [*args, *kwargs.values()]
        xs = [np.asarray(values[i]) for i in arguments.checked]

        def pull(cotangents: Arrays) -> list:
            found = arguments.gradients("check_numpy", df(*args, **kwargs))
            names = [arguments.names[i] for i in arguments.checked]
            return [None if d is None else through(cotangents[0], d, x, n) for d, x, n in zip(found, xs, names)]

        return [y], pull

    problem = ArrayProblem("check_numpy", arguments, evaluate)
    return check_arrays(f, problem, more=check_by_complex_step, **options)


def through(g: np.ndarray, derivative: np.ndarray, x: np.ndarray, name: str) -> np.ndarray:
    """The cotangent g of a result, pulled back by its derivative: gradient, Jacobian or elementwise."""
    if derivative.shape == g.shape + x.shape:
        return np.tensordot(g, derivative, g.ndim)
    if g.ndim == 0 or derivative.shape == g.shape == x.shape:
        return np.asarray(g * derivative)
    raise ShapeError(
        f"[check_numpy] df returned shape {derivative.shape} for {name} of shape {x.shape}, while f returns {g.shape}: "
        f"expected the Jacobian, {g.shape + x.shape}, or for a function of single elements {x.shape}."
    )
