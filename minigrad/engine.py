"""The engine: primitives, the graph they record, and the backward pass.

Everything differentiable is a composition of **primitives**. A primitive has a NumPy reference, which is its
specification, and one gradient rule per input:

    @primitive(kind="elementwise")
    def log1p(x):
        return np.log1p(x)

    log1p.defvjp(lambda g, out, x: g / (1 + x))

Calling a primitive on tensors runs the reference and, where an input needs a gradient, records a `Node` that keeps the
arrays it read. The rules are written in primitives again, so the backward pass is itself differentiable: that is all
there is to second order.

The graph has no reference cycles: tensors hold nodes, nodes hold arrays and parent nodes, and a leaf holds its tensor
weakly. Nobody writes into an array that somebody else can see, so no version counters are needed.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
import os
import sys
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import default_dtype, float16, result_type
from minigrad.errors import AnomalyError, DtypeError, GraphError, ShapeError

KINDS = ("elementwise", "reduction", "movement", "contraction", "window", "index", "random", "opaque")
SCALARS = frozenset((float, int, bool))
NO_LINKS = itertools.repeat(None)
PRIMITIVES: dict[str, Primitive] = {}
"""Every primitive by name: the closed table that gradients, tests and the compiler are built on."""

next_order = itertools.count(1).__next__


# ---- switches ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mode:
    """What a primitive consults when it runs. Immutable, so that a switch is one `ContextVar` set and reset."""

    recording: bool = True
    anomaly: bool = False
    watch: Callable | None = None  # called with (primitive, arrays, params, out) after every primitive that runs
    tracer: Any = None
    jit: bool = True


MODE: ContextVar[Mode] = ContextVar("mode", default=Mode())


@contextmanager
def switched(**changes: Any) -> Iterator[None]:
    """Run a block under a changed `Mode`; exceptions restore it too."""
    token = MODE.set(replace(MODE.get(), **changes))
    try:
        yield
    finally:
        MODE.reset(token)


def no_grad():
    """Context manager (and decorator, `@mg.no_grad()`): operations inside record no graph.

    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return switched(recording=False)


def enable_grad():
    """Context manager (and decorator): operations inside record a graph again, also within `no_grad`.

    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.no_grad(), mg.enable_grad():
    ...     (x * x).requires_grad
    True
    """
    return switched(recording=True)


def disable_jit():
    """Context manager: functions made by `mg.jit` run eagerly inside, for debugging.

    >>> double = mg.jit(lambda x: 2 * x)
    >>> with mg.disable_jit():
    ...     double(mg.tensor([1.0]))
    tensor([2.])
    """
    return switched(jit=False)


def detect_anomaly():
    """Context manager: the first operation that makes a NaN or infinity out of finite inputs raises `AnomalyError`.

    The error names the operation and the line of your code that called it, for the forward and the backward pass alike.
    Compiled functions look at every result too; if one is not finite, they run eagerly, which raises.

    >>> x = mg.tensor(0.0, requires_grad=True)
    >>> with mg.detect_anomaly():
    ...     mg.log(x)
    Traceback (most recent call last):
    minigrad.errors.AnomalyError: [log] made the first -inf in the forward pass, ...
    """
    return switched(anomaly=True)


def tracer() -> Any:
    """What records the running operations for the compiler; None if they are carried out."""
    return MODE.get().tracer


JOURNAL: ContextVar[list | None] = ContextVar("journal", default=None)


@contextmanager
def rolled_back() -> Iterator[list]:
    """Undo, at the end of a block, every `assign_` made inside it; yields the list of (tensor, data before)."""
    journal: list = []
    token = JOURNAL.set(journal)
    try:
        yield journal
    finally:
        JOURNAL.reset(token)
        for tensor, data in reversed(journal):
            tensor.data = data


_epoch = 0


def configuration_epoch() -> int:
    """A number that changes with every change of a module's or optimizer's configuration."""
    return _epoch


def configuration_changed() -> None:
    """Note that a module or an optimizer is not configured as it was: compiled steps compare what they read."""
    global _epoch
    _epoch += 1


# ---- the graph -----------------------------------------------------------------------------------------------


class Node:
    """One recorded call: the primitive, the arrays it read and made, and the nodes its inputs came from."""

    __slots__ = ("primitive", "params", "inputs", "parents", "out", "order", "hooks", "where", "__weakref__")

    def __init__(self, primitive: Primitive, params: dict, inputs: Sequence, parents: Sequence, out: Any) -> None:
        self.primitive = primitive
        self.params = params
        self.inputs = inputs
        self.parents = parents
        self.out = out
        self.order = next_order()
        self.hooks: list | None = None
        self.where: str | None = None

    def free(self) -> None:
        """Let go of the arrays and of the graph below."""
        self.inputs = self.out = None  # type: ignore[assignment]
        self.parents = (FREED,)


class Leaf:
    """Where a graph begins: stands for a tensor that wants its gradient, and does not keep it alive."""

    __slots__ = ("tensor", "hooks", "__weakref__")
    parents = ()
    order = 0

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)
        self.hooks: list | None = None


FREED = Leaf(Tensor(np.zeros(())))
"""What is below a freed node: a leaf nobody holds, so that a pass which needs what was there comes by and says so."""


class Output:
    """One result of a primitive that returns several."""

    __slots__ = ("parents", "index", "order", "hooks", "__weakref__")

    def __init__(self, source: Node, index: int) -> None:
        self.parents = (source,)
        self.index = index
        self.order = next_order()
        self.hooks: list | None = None


# ---- primitives ----------------------------------------------------------------------------------------------


class Primitive:
    """A named operation with a NumPy reference and gradient rules; called like a function.

    Positional arguments are inputs (tensors, Python scalars, anything NumPy can read), keyword arguments are static
    parameters. Returns a tensor, or a tuple of them where the reference returns a tuple.
    """

    def __init__(self, reference: Callable, kind: str, promotes: bool, floats: bool) -> None:
        functools.update_wrapper(self, reference)
        self.name = reference.__name__
        self.kind = kind
        self.reference = reference
        self.promotes = promotes
        self.floats = floats
        self.rules: tuple[Callable | None, ...] = ()
        self.joint_rule: Callable | None = None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def defvjp(self, *rules: Callable | None) -> None:
        """One rule per input: `rule(g, out, *inputs, **params)` is the cotangent of that input, before unbroadcasting.

        g is the cotangent of the result `out`. Rules are pure and written in tensor operations.
        """
        self.rules = rules

    def defvjp_joint(self, rule: Callable) -> None:
        """One rule for all inputs: `rule(needs, g, out, *inputs, **params)` is a list of cotangents.

        needs is a bool per input; where it is False the cotangent may be None. For primitives whose inputs vary in
        number or whose gradients share costly work.
        """
        self.joint_rule = rule

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        mode = MODE.get()
        if mode.tracer is not None:
            return mode.tracer.run(self, inputs, params)
        arrays, parents = [], []
        dtype, uniform, tracked = None, True, False
        for x in inputs:
            if isinstance(x, Tensor):
                array = x.data
                node = x.node
                if array.dtype is not dtype:
                    uniform = dtype is None and array.dtype.kind == "f"
                    dtype = array.dtype
                if node is not None:
                    tracked = True
                arrays.append(array)
                parents.append(node)
            elif type(x) in SCALARS:
                arrays.append(x)
                parents.append(None)
            else:
                return self(*map(as_operand, inputs), **params)
        if self.promotes and (not uniform or dtype is None or dtype is float16):
            promoted = promote(self, inputs)
            if promoted is not inputs:
                return self(*promoted, **params)
        try:
            out = self.reference(*arrays, **params)
        except ValueError:
            check_broadcast(self, arrays)
            raise
        if mode.anomaly or mode.watch is not None:
            inspected(mode, self, arrays, params, out)
        recorded = tracked and mode.recording
        if type(out) is tuple:
            return wrap_several(self, params, arrays, parents, out, recorded)
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        if not recorded or out.dtype.kind != "f":
            return Tensor(out)
        node = Node(self, params, arrays, parents, out)
        node.where = user_line() if mode.anomaly else None
        return Tensor(out, node)


def primitive(kind: str, *, promotes: bool | None = None, floats: bool = False) -> Callable[[Callable], Primitive]:
    """Decorator: register a NumPy function as a primitive.

    kind: one of KINDS.  promotes: inputs are brought to one dtype first (default: for elementwise and contraction).
    floats: integer inputs become the default float dtype, as for exp.
    """
    if kind not in KINDS:
        raise ValueError(f"[primitive] kind must be one of {KINDS}, got {kind!r}.")
    if promotes is None:
        promotes = kind in ("elementwise", "contraction")

    def register(reference: Callable) -> Primitive:
        made = Primitive(reference, kind, promotes, floats)
        if made.name in PRIMITIVES:
            raise ValueError(f"[primitive] the name {made.name!r} is taken.")
        PRIMITIVES[made.name] = made
        return made

    return register


def check_broadcast(op: Primitive, arrays: Sequence) -> None:
    """Raise ShapeError if an elementwise operation failed because its operands do not broadcast together."""
    shapes = [np.shape(a) for a in arrays]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        if op.kind == "elementwise":
            listed = ", ".join(map(str, shapes))
            raise ShapeError(f"[{op.name}] the shapes do not broadcast together: {listed}.") from None


def wrap_several(op: Primitive, params: dict, arrays: list, parents: list, outs: tuple, recorded: bool) -> tuple:
    """Tensors out of the arrays that a primitive with several results returned."""
    outs = tuple(map(np.asarray, outs))
    if not recorded:
        return tuple(map(Tensor, outs))
    node = Node(op, params, arrays, parents, outs)
    return tuple(Tensor(o, Output(node, i) if o.dtype.kind == "f" else None) for i, o in enumerate(outs))


def as_operand(x: Any) -> Any:
    """A tensor or a Python scalar out of whatever a user passes to an operation."""
    if isinstance(x, Tensor) or type(x) in SCALARS:
        return x
    if isinstance(x, float):  # np.float64: weak, as it comes out of np.sqrt(2) and the like
        return float(x)
    if isinstance(x, (tuple, list)) and any(isinstance(part, Tensor) for part in x):
        raise DtypeError(  # as an array it would lose their history
            f"[tensor] expected a tensor, got a {type(x).__name__} with tensors in it: take one of them, as the output "
            "of a layer that returns (output, state), or join them with mg.stack or mg.concat."
        )
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"[tensor] expected numbers, got a {type(x).__name__} of dtype {array.dtype}.")
    if array.dtype.kind == "f" and not hasattr(x, "dtype"):
        array = array.astype(default_dtype())
    return Tensor(array)


def promote(op: Primitive, inputs: Sequence) -> Sequence:
    """The inputs of `op` in one dtype, by recorded casts; `inputs` itself where nothing has to change."""
    dtype = result_type(*inputs)
    if op.floats and dtype.kind != "f":
        dtype = default_dtype()
    if dtype == float16:
        raise DtypeError(f"[{op.name}] float16 is for storage only: convert with .astype('float32') first.")
    if not any(isinstance(x, Tensor) for x in inputs):
        return [Tensor(np.asarray(x, dtype)) for x in inputs]
    changing = [isinstance(x, Tensor) and x.data.dtype != dtype for x in inputs]
    if not any(changing):
        return inputs
    return [PRIMITIVES["cast"](x, dtype=dtype) if change else x for x, change in zip(inputs, changing)]


# ---- the backward pass ---------------------------------------------------------------------------------------


def backward(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    targets: set | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict:
    """Reverse mode: the cotangent of every node in `targets` (None: of every leaf), by node.

    Iterative, so that the depth of the graph does not matter. The rules run recorded only if `create_graph`.
    """
    roots = [y.node for y in outputs]
    nodes = reachable(roots)
    targets = all_targets(targets, nodes)
    needed = reaching(targets, nodes)
    pending: dict = {}
    found: dict = {}
    anomaly = MODE.get().anomaly
    with switched(recording=create_graph, anomaly=False):
        for node, g in zip(roots, cotangents):
            accumulate(pending, node, g)
        for node in nodes:
            if node not in needed or node not in pending:
                continue
            g = pending.pop(node)
            if node.hooks:
                g = run_hooks(node, g)
            if node in targets:
                found[node] = g
                if needed.isdisjoint(node.parents):
                    continue
            if type(node) is Output:
                accumulate(pending.setdefault(node.parents[0], {}), node.index, g)
            elif type(node) is Node:
                cotangents = pull_back(node, g, needed, create_graph)
                if anomaly:
                    check_backward(node, g, cotangents)
                for parent, cotangent in zip(node.parents, cotangents):
                    if cotangent is not None:
                        accumulate(pending, parent, cotangent)
                if not (retain_graph or create_graph):
                    node.free()
    return found


def all_targets(targets: set | None, nodes: list) -> set:
    """The nodes whose cotangent is asked for, and what was freed if it may have led to one of them."""
    if targets is None:
        return {n for n in nodes if type(n) is Leaf}
    return targets if targets.issubset(nodes) else {*targets, FREED}


def seed_cotangent(who: str, y: Tensor, gradient: Any) -> Tensor:
    """The cotangent that a backward pass from `y` starts with; checks both."""
    if y.node is None:
        raise GraphError(
            f"[{who}] nothing was recorded for this tensor: no input has requires_grad=True, or it was made in no_grad "
            "or from a detached tensor."
        )
    if gradient is None:
        if y.data.size != 1:
            raise ShapeError(f"[{who}] expected a scalar or an explicit gradient; the output has shape {y.shape}.")
        return Tensor(np.ones(y.shape, y.dtype))
    g = gradient if isinstance(gradient, Tensor) else Tensor(np.asarray(gradient, y.dtype))
    if g.shape != y.shape:
        raise ShapeError(f"[{who}] the gradient must have the output's shape {y.shape}, got {g.shape}.")
    return g if g.dtype == y.dtype else PRIMITIVES["cast"](g, dtype=y.dtype)


def reachable(roots: Sequence) -> list:
    """Every node the roots depend on, consumers before producers."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=operator.attrgetter("order"), reverse=True)


def reaching(targets: set, nodes: list) -> set:
    """Those of `nodes` (consumers first) that depend on a target: only they need a cotangent."""
    needed = set(targets)
    for node in reversed(nodes):
        if not needed.isdisjoint(node.parents):
            needed.add(node)
    return needed


def accumulate(pending: dict, key: Any, g: Tensor) -> None:
    """Add a cotangent to what is pending, out of place."""
    pending[key] = PRIMITIVES["add"](pending[key], g) if key in pending else g


def run_hooks(node: Any, g: Tensor) -> Tensor:
    """Let the tensor's hooks see, and replace, its finished cotangent."""
    for hook in list(node.hooks):
        changed = hook(g)
        if changed is not None:
            if changed.shape != g.shape:
                raise ShapeError(f"[register_hook] a hook returned shape {changed.shape} for a gradient of {g.shape}.")
            g = changed
    return g


def pull_back(node: Node, g: Any, needed: set, create_graph: bool) -> list:
    """The cotangents of a node's parents, given its own: a tensor for each parent in `needed`, None for the others."""
    op = node.primitive
    if node.inputs is None:
        raise GraphError(
            f"[backward] the graph below {op.name} was freed by an earlier backward pass: "
            "pass retain_graph=True to that one, or compute the forward pass again."
        )
    links = node.parents if create_graph else NO_LINKS
    inputs = [a if type(a) in SCALARS else Tensor(a, link) for a, link in zip(node.inputs, links)]
    out: Any
    if type(node.out) is tuple:
        out = tuple(Tensor(o, Output(node, i) if create_graph else None) for i, o in enumerate(node.out))
        g = tuple(g[i] if i in g else Tensor(np.zeros(o.shape, o.dtype)) for i, o in enumerate(node.out))
    else:
        out = Tensor(node.out, node if create_graph else None)
    if op.joint_rule is not None:
        needs = [parent in needed for parent in node.parents]
        cotangents = op.joint_rule(needs, g, out, *inputs, **node.params)
        return [unbroadcast(c, x.data.shape) if n else None for c, x, n in zip(cotangents, inputs, needs)]
    cotangents = []
    for i, parent in enumerate(node.parents):
        if parent in needed:
            rule = op.rules[i] if i < len(op.rules) else None
            if rule is None:
                raise missing_rule(op, i)
            cotangents.append(unbroadcast(rule(g, out, *inputs, **node.params), inputs[i].data.shape))
        else:
            cotangents.append(None)
    return cotangents


def missing_rule(op: Primitive, i: int) -> GraphError:
    """The error for an input that needs a gradient and has no rule for it; names both."""
    names = list(inspect.signature(op.reference).parameters)
    return GraphError(
        f"[{op.name}] has no gradient rule for argument {i} ({names[min(i, len(names) - 1)]}): "
        "detach that argument, or give the primitive a rule with defvjp."
    )


def unbroadcast(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum a cotangent over the axes along which broadcasting repeated the input of this shape."""
    if g.data.shape == shape:
        return g
    extra = g.data.ndim - len(shape)
    repeated = (extra + i for i, n in enumerate(shape) if n == 1 and g.data.shape[extra + i] != 1)
    g = PRIMITIVES["reduce_sum"](g, axes=(*range(extra), *repeated))
    return g if g.data.shape == shape else PRIMITIVES["reshape_to"](g, shape=shape)


# ---- anomalies -----------------------------------------------------------------------------------------------

OURS = tuple(os.path.dirname(os.path.abspath(file)) + os.sep for file in (__file__, np.__file__))


def user_line() -> str:
    """The innermost line of code outside this package, and outside NumPy that it called: `file:line`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def first_bad(*arrays: Any) -> str | None:
    """'nan', 'inf' or '-inf' if one of these holds such a value."""
    for array in map(np.asarray, arrays):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return "nan" if np.isnan(array).any() else str(array[np.isinf(array)][0])
    return None


def inspected(mode: Mode, op: Primitive, arrays: Sequence, params: dict, out: Any) -> None:
    """Show a call and its result to those who look at every one."""
    if mode.anomaly:
        check_forward(op, arrays, out)
    if mode.watch is not None:
        mode.watch(op, arrays, params, out)


def check_forward(op: Primitive, arrays: Sequence, out: Any) -> None:
    """Raise if this call made the first value that is not finite."""
    bad = first_bad(*out) if type(out) is tuple else first_bad(out)
    if bad and not first_bad(*arrays):
        raise AnomalyError(f"[{op.name}] made the first {bad} in the forward pass, called at {user_line()}.")


def check_backward(node: Node, g: Any, cotangents: Sequence) -> None:
    """Raise if the gradient of this call made the first value that is not finite."""
    tracing = tracer()
    if tracing is not None:
        tracing.expect_finite([c for c in cotangents if c is not None])
        return
    bad = first_bad(*(c.data for c in cotangents if c is not None))
    if bad and not first_bad(*(x.data for x in (g.values() if type(g) is dict else (g,)))):
        raise AnomalyError(
            f"[{node.primitive.name}] its gradient made the first {bad} in the backward pass; "
            f"it was called at {node.where or 'a line outside detect_anomaly'}."
        )
