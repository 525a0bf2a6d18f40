"""Tensor: an array, the node that made it, and its gradient. Operators and methods only delegate to `minigrad.ops`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.dtypes import DtypeLike, as_dtype, bool_
from minigrad.errors import DtypeError, GraphError, ShapeError


class Tensor:
    """An n-dimensional array that remembers how it was made, so that gradients can be computed.

    Make one with `mg.tensor(...)` and the other creation functions.

    data: the NumPy array. Treat it as read-only: the graph may still need it.
    grad: the accumulated gradient, a Tensor of the same shape, or None.
    node: where the tensor stands in the graph; None if it needs no gradient.
    gradient: what `grad` returns, for those who know that nothing is being traced.

    Tensors are values: no operation changes an array that somebody else can see.

    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("data", "node", "gradient", "__weakref__")
    __array_ufunc__ = None  # NumPy leaves `array + tensor` to Tensor.__radd__
    __hash__ = object.__hash__  # __eq__ is elementwise; tensors are keys by identity

    def __init__(self, data: Any, node: Any = None) -> None:
        self.data: Any = data
        self.node = node
        self.gradient: Tensor | None = None

    if TYPE_CHECKING:  # the methods installed at the end of this file

        def __getattr__(self, name: str) -> Any: ...

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        """The size along each axis."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype of the elements."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def device(self) -> str:
        """Where the elements live."""
        return "cpu"

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for a backward pass."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor: only leaves get a `.grad`."""
        return self.node is None or isinstance(self.node, engine.Leaf)

    # ---- gradients

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient. A trace remembers whose gradient it reads or changes."""
        tracer = engine.MODE.get().tracer
        if tracer is not None:
            tracer.keep(self)
        return self.gradient

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        tracer = engine.MODE.get().tracer
        if tracer is not None:
            tracer.keep(self)
        self.gradient = gradient

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Start (or stop) recording operations on this leaf; returns self."""
        if not self.is_leaf:
            raise GraphError(
                "[requires_grad_] only a leaf can change this flag; use .detach() to get one from a computed tensor."
            )
        if flag and self.data.dtype.kind != "f":
            raise DtypeError(f"[requires_grad_] only float tensors have gradients, this one is {self.data.dtype}.")
        if flag != self.requires_grad:
            self.node = engine.Leaf(self) if flag else None
            engine.configuration_changed()
        return self

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add to `.grad` of every leaf below: gradient . d(self)/d(leaf).

        gradient: the cotangent of this tensor, of its shape; 1 for a scalar.  retain_graph: keep the graph for another
        backward pass (default: create_graph).  create_graph: record the pass itself, for higher derivatives.
        Raises GraphError if nothing was recorded, or the graph was freed before.
        """
        g = engine.seed_cotangent("backward", self, gradient)
        found = engine.backward([self], [g], None, bool(retain_graph), create_graph)
        with engine.switched(recording=create_graph):
            for leaf, cotangent in found.items():
                tensor = leaf.tensor()
                if tensor is None:
                    continue
                if tensor.grad is None:  # a tensor of its own: another leaf may have got the same cotangent
                    tensor.grad = Tensor(cotangent.data, cotangent.node)
                else:
                    tensor.grad = ops.add(tensor.grad, cotangent)

    def detach(self) -> Tensor:
        """The same values outside the graph: no gradient flows back through it."""
        tracer = engine.tracer()
        return Tensor(self.data if tracer is None else tracer.read(self))

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Call `hook(grad)` when the gradient of this tensor is complete; what it returns, if anything, replaces it.

        Returns a function that removes the hook.
        """
        if self.node is None:
            raise GraphError("[register_hook] the tensor has no gradient: it does not require one.")
        if engine.tracer() is not None:
            engine.tracer().hooked()
        hooks = self.node.hooks = self.node.hooks or []
        hooks.append(hook)

        def remove() -> None:
            if hook in hooks:
                hooks.remove(hook)

        return remove

    # ---- values

    def numpy(self) -> np.ndarray:
        """A read-only view of the values as a NumPy array (`.numpy().copy()` is yours to change)."""
        view = self.data.view()
        view.flags.writeable = False
        return view

    def item(self) -> float | int | bool:
        """The single value as a Python number. Raises ShapeError unless there is exactly one."""
        if self.data.size != 1:
            raise ShapeError(f"[item] expected a tensor with one element, got shape {self.shape}.")
        return self.data.item()

    def tolist(self) -> Any:
        """The values as nested Python lists."""
        return self.data.tolist()

    def assign_(self, value: Any) -> Tensor:
        """Give this leaf new values of the same shape, cast to its dtype; returns self.

        Recorded graphs, views and arrays handed out earlier keep showing the old values.
        """
        if not self.is_leaf:
            raise GraphError("[assign_] only a leaf can be assigned to; this tensor was computed.")
        value = value if isinstance(value, Tensor) else Tensor(np.array(value, self.dtype))
        if value.shape != self.shape:
            raise ShapeError(f"[assign_] expected shape {self.shape}, got {value.shape}.")
        value, tracer = value.astype(self.dtype), engine.tracer()
        self.rebind(value.data if tracer is None else tracer.read(value))
        return self

    def rebind(self, data: Any) -> None:
        """Let the tensor hold another array, and note the one before for whoever may have to go back."""
        journal = engine.JOURNAL.get()
        if journal is not None:
            journal.append((self, self.data))
        self.data = data

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(self.node, engine.Leaf) and engine.MODE.get().recording:
            raise GraphError("[setitem] a leaf that requires grad cannot be changed: work on x * 1, or in no_grad.")
        changed = ops.set_item(self, key, value)
        self.rebind(changed.data)
        if engine.MODE.get().recording:
            self.node = changed.node

    # ---- Python and NumPy protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        view = self.numpy()
        if dtype is not None and np.dtype(dtype) != view.dtype:
            if copy is False:
                raise ValueError(f"[__array__] {view.dtype} cannot become {np.dtype(dtype)} without a copy.")
            return view.astype(dtype)
        return view.copy() if copy else view

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        import minigrad

        return minigrad

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()

    def __repr__(self) -> str:
        if not isinstance(self.data, np.ndarray):  # stands for what a compiled function computes
            return f"tensor(..., shape={self.shape}, dtype={self.dtype})"
        body = np.array2string(self.data, separator=", ", prefix="tensor(")
        dtype = "" if self.dtype in (np.float32, np.int64, np.bool_) else f", dtype={self.dtype}"
        if self.size == 0 and self.shape != (0,):
            dtype = f", shape={self.shape}{dtype}"
        return f"tensor({body}{dtype}{', requires_grad=True' if self.requires_grad else ''})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.ndim == 0 else repr(self)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("[len] a 0-d tensor has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("[iter] a 0-d tensor cannot be iterated over.")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(f"[bool] the truth of a tensor of shape {self.shape} is ambiguous: use .any() or .all().")
        return bool(self.data.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.ndim:
            raise DtypeError(f"[index] expected a 0-d integer tensor, got {self.dtype} of shape {self.shape}.")
        return int(self.data)

    def __reduce__(self) -> tuple:
        if not self.is_leaf:
            raise GraphError("[pickle/copy] only leaves can be copied or pickled: take .detach() of a computed tensor.")
        return rebuild, (type(self), self.data, self.requires_grad, self.gradient)

    # ---- operators

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.divide(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __invert__(self) -> Tensor:
        return ops.logical_not(self.expect_bool("~"))

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.not_equal(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return ops.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ops.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.greater_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return ops.logical_and(self.expect_bool("&"), other)

    def __or__(self, other: Any) -> Tensor:
        return ops.logical_or(self.expect_bool("|"), other)

    def __xor__(self, other: Any) -> Tensor:
        return ops.logical_xor(self.expect_bool("^"), other)

    def expect_bool(self, operator: str) -> Tensor:
        """This tensor if it is boolean: `&`, `|`, `^` and `~` combine masks, there are no bit operations."""
        if self.dtype != bool_:
            raise DtypeError(f"[{operator}] combines boolean tensors, this one is {self.dtype}: compare it first.")
        return self

    def __getitem__(self, key: Any) -> Tensor:
        return ops.get_item(self, key)

    # ---- methods whose arguments differ from the function's

    def astype(self, dtype: DtypeLike) -> Tensor:
        """The values converted to another dtype; gradients are converted back."""
        dtype = as_dtype(dtype)
        return self if dtype == self.dtype else ops.cast(self, dtype=dtype)

    def reshape(self, *shape: Any) -> Tensor:
        """x.reshape(2, 3) or x.reshape((2, 3)); one size may be -1."""
        return ops.reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """Axes reversed, or in the order given: x.transpose(1, 0) or x.transpose((1, 0))."""
        if not axes:
            axes = tuple(reversed(range(self.ndim)))
        return ops.permute_dims(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)

    @property
    def T(self) -> Tensor:
        """The transpose: all axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Tensor:
        """The transposed matrices: the last two axes exchanged."""
        return ops.matrix_transpose(self)


def is_float(x: Any) -> bool:
    """Whether x is a tensor that can have a gradient."""
    return isinstance(x, Tensor) and x.dtype.kind == "f"


def rebuild(cls: type[Tensor], data: np.ndarray, requires_grad: bool, grad: Tensor | None) -> Tensor:
    """A leaf from its parts, for pickle and copy."""
    tensor = cls.__new__(cls)
    Tensor.__init__(tensor, data)
    tensor.requires_grad_(requires_grad)
    tensor.gradient = grad
    return tensor


# Tensor must exist before the operations that make tensors are defined.
from minigrad import engine, ops  # noqa: E402

METHODS = """
abs exp expm1 log log1p sqrt square sin cos tanh sigmoid clip round floor ceil sign sum mean var std prod max min
argmax argmin all any cumsum cumprod logsumexp norm squeeze expand_dims broadcast_to flatten flip repeat take
diagonal trace sort argsort topk matmul nonzero permute_dims tile""".split()

for _name in METHODS:
    setattr(Tensor, _name, getattr(ops, _name))
