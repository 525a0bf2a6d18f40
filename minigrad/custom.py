"""custom_op: an operation of your own, from a NumPy function and its gradient rule.

It behaves like one of the library's primitives (any order of gradient, checkpoint, detect_anomaly), but stands outside
their closed table.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import Primitive
from minigrad.errors import DtypeError, GraphError, ShapeError

Arrays = Sequence[np.ndarray]


def custom_op(
    forward: Callable,
    vjp: Callable,
    shape: Callable | None = None,
    kernel: Callable | None = None,
    once_differentiable: bool = False,
) -> CustomOp:
    """A function of tensors with this value and this gradient.

    forward: `forward(*inputs, **settings)` takes NumPy arrays and returns one, or a tuple of them. They are read-only:
    copy what you want to write into. Python numbers come as they are; keyword arguments are settings, not inputs.
    vjp: `vjp(g, out, *inputs, **settings)` takes the cotangent g of the result, the result and the inputs, and returns
    the cotangent of the input, or a tuple with one for each input, None for inputs without a gradient (integers). With
    several results g and out are tuples. It is written in minigrad's operations, so gradients of any order follow. The
    cotangent of an input that was broadcast may have the broadcast shape: it is summed for you.
    once_differentiable: vjp takes and returns NumPy arrays instead; a second derivative then raises GraphError.
    shape: `shape(*input_shapes, **settings)` is the result's shape, or a tuple of shapes; it is held against every
    result.  kernel: forward as a numba function of a module, which does not write into its inputs. Compiled functions
    call it; without both, or with settings that are no numbers or strings, they run eagerly. While a function is traced
    forward is called with zeros.

    Returns a function of tensors. The call raises DtypeError if forward returns no array, ShapeError if the shape is
    not the promised one; the backward pass ShapeError for cotangents of wrong number or shape, DtypeError for those of
    wrong type, GraphError where one is missing.

    >>> softplus = mg.custom_op(lambda x: np.logaddexp(0, x), lambda g, out, x: g * mg.sigmoid(x))
    >>> mg.grad(mg.grad(softplus))(0.0)
    tensor(0.25)
    >>> bool(mg.gradcheck(softplus, mg.linspace(-3, 3, 7)))
    True

    With a gradient in NumPy:

    >>> cube = mg.custom_op(lambda x: x**3, lambda g, out, x: g * 3 * x**2, once_differentiable=True)
    >>> mg.grad(cube)(2.0)
    tensor(12.)
    >>> mg.grad(mg.grad(cube))(2.0)
    Traceback (most recent call last):
    minigrad.errors.GraphError: [<lambda>] can be differentiated once only: ...
    """
    return CustomOp(forward, vjp, shape, kernel, once_differentiable)


class CustomOp(Primitive):
    """What `custom_op` returns, with what it was given as attributes."""

    def __init__(
        self, forward: Callable, vjp: Callable, shape: Callable | None, kernel: Callable | None, once: bool
    ) -> None:
        named = forward if hasattr(forward, "__name__") else type(forward)

        @functools.wraps(named)
        def reference(*inputs: Any, **settings: Any) -> Any:
            return self.value(inputs, settings)

        super().__init__(reference, kind="opaque", promotes=False, floats=False)
        self.forward = forward
        self.vjp = vjp
        self.shape = shape
        self.kernel = kernel
        self.once_differentiable = once
        self.defvjp_joint(self.numpy_cotangents if once else self.tensor_cotangents)

    def __repr__(self) -> str:
        return f"<custom op {self.name}>"

    @property
    def traceable(self) -> bool:
        """Whether a compiler can take the op without running it."""
        return self.kernel is not None and self.shape is not None

    def value(self, inputs: Sequence, settings: dict) -> Any:
        """The result of forward, checked."""
        out = self.forward(*map(read_only, inputs), **settings)
        results = out if isinstance(out, tuple) else (out,)
        for y in results:
            if not isinstance(y, (np.ndarray, np.generic)) or y.dtype.kind not in "fiub":
                raise DtypeError(
                    f"[{self.name}] forward must return a NumPy array of numbers, or a tuple of them, got "
                    f"{described(y)}."
                )
        if self.shape is not None:
            expected = self.shape(*map(np.shape, inputs), **settings)
            came = tuple(map(np.shape, out)) if isinstance(out, tuple) else np.shape(out)
            if expected != came:
                raise ShapeError(f"[{self.name}] the shape rule says {expected}, forward returned {came}.")
        return out

    def tensor_cotangents(self, needs: Sequence[bool], g: Any, out: Any, *inputs: Any, **settings: Any) -> list:
        """The cotangents from a vjp in tensor operations."""
        found = self.one_for_each(self.vjp(g, out, *inputs, **settings), inputs)
        self.check(found, needs, inputs, Tensor, "write it in minigrad operations, or pass once_differentiable=True")
        return [c.astype(x.dtype) if need else None for c, x, need in zip(found, inputs, needs)]

    def numpy_cotangents(self, needs: Sequence[bool], g: Any, out: Any, *inputs: Any, **settings: Any) -> list:
        """The cotangents from a vjp in NumPy, as the result of an op that has no gradient itself."""
        gs, outs = (x if isinstance(x, tuple) else (x,) for x in (g, out))
        several = isinstance(out, tuple)

        def gradient(*arrays: Any) -> tuple:
            parts = tuple(map(read_only, arrays))
            g, out, xs = parts[: len(gs)], parts[len(gs) : 2 * len(gs)], parts[2 * len(gs) :]
            found = self.one_for_each(self.vjp(*((g, out) if several else (*g, *out)), *xs, **settings), xs)
            kinds = (np.ndarray, np.generic)
            self.check(found, needs, xs, kinds, "with once_differentiable=True it is written in NumPy")
            return tuple(c.astype(x.dtype, copy=False) for c, x, need in zip(found, xs, needs) if need)

        once = Primitive(gradient, kind="opaque", promotes=False, floats=False)
        once.defvjp_joint(self.refuse)
        found = iter(once(*gs, *outs, *inputs))
        return [next(found) if need else None for need in needs]

    def refuse(self, *_: Any) -> Any:
        """The rule of a gradient that has none."""
        raise GraphError(
            f"[{self.name}] can be differentiated once only: its vjp is written in NumPy (once_differentiable=True). "
            "Write it in minigrad operations for higher derivatives; mg.gradcheck takes order=1."
        )

    # ---- what a vjp returned

    def one_for_each(self, returned: Any, inputs: Sequence) -> tuple:
        """The cotangents as a tuple, one for each input."""
        found = tuple(returned) if isinstance(returned, (tuple, list)) else (returned,)
        if len(found) != len(inputs):
            names = ", ".join(self.argument(i) for i in range(len(inputs)))
            raise ShapeError(
                f"[{self.name}] vjp returned {len(found)} cotangents for {len(inputs)} inputs ({names}): return a "
                "tuple with one for each, None where there is no gradient."
            )
        return found

    def check(self, found: Sequence, needs: Sequence[bool], inputs: Sequence, kinds: Any, remedy: str) -> None:
        """Raise for the first needed cotangent that is missing, of another type, or of a shape that does not fit."""
        for i, (c, x, need) in enumerate(zip(found, inputs, needs)):
            if not need:
                continue
            if c is None:
                raise GraphError(f"[{self.name}] vjp returned None for {self.argument(i)}, which needs a gradient.")
            if not isinstance(c, kinds):
                raise DtypeError(
                    f"[{self.name}] vjp returned {described(c)} as the cotangent of {self.argument(i)}: {remedy}."
                )
            if not sums_to(c.shape, x.shape):
                raise ShapeError(
                    f"[{self.name}] vjp returned a cotangent of shape {c.shape} for {self.argument(i)} of shape "
                    f"{x.shape}: they must be equal."
                )

    def argument(self, i: int) -> str:
        """The name of an input, as forward calls it."""
        try:
            parameters = list(inspect.signature(self.forward).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        return positional[i] if i < len(positional) else f"argument {i}"


def read_only(x: Any) -> Any:
    """A view that cannot be written to: other tensors may hold the same memory."""
    if not isinstance(x, np.ndarray):
        return x
    view = x.view()
    view.flags.writeable = False
    return view


def sums_to(shape: tuple[int, ...], goal: tuple[int, ...]) -> bool:
    """Whether an array of this shape becomes one of shape `goal` by sums over axes along which that was broadcast."""
    extra = len(shape) - len(goal)
    return extra >= 0 and all(m in (n, 1) for n, m in zip(shape[extra:], goal))


def described(x: Any) -> str:
    """A value's type, and its dtype if it is an array."""
    kind = type(x).__name__
    return f"a {kind} of dtype {x.dtype}" if isinstance(x, (np.ndarray, np.generic)) else repr(kind)
