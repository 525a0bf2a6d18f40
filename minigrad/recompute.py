"""checkpoint: trade time for memory by computing a part of the forward pass twice (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad import engine, random
from minigrad.core import Tensor, is_float
from minigrad.engine import primitive
from minigrad.errors import GraphError
from minigrad.ops import zeros_like
from minigrad.tree import leaves, tree_map


def checkpoint(f: Callable, *args: Any) -> Any:
    """f(*args), keeping its inputs but none of its intermediate results: the backward pass computes f again.

    Gradients reach the arguments and every parameter that f reads; in the second run these have the values of the
    first, the random numbers repeat, and state that f writes (running statistics) is put back. Arguments and result
    may be nested. Raises GraphError if f closes over a computed tensor that needs a gradient: pass it as an argument;
    and in backward(), if it comes to what f computed and handed out otherwise than as its result: return it.
    Inside a compiled function nothing is computed twice, and no memory is saved.

    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> mg.checkpoint(lambda x: mg.exp(mg.sin(x)), x).sum().backward()
    >>> mg.allclose(x.grad, mg.cos(x) * mg.exp(mg.sin(x)))
    True
    """
    if not engine.MODE.get().recording or engine.MODE.get().tracer is not None:  # compiled, f is not run twice
        return f(*args)
    state, start = random.default_generator.state_dict(), engine.next_order()
    inside = tree_map(entering, args)
    out = f(*inside)
    read = parameters_read(out, {x.node for x in leaves(inside) if is_float(x)}, start)
    return with_history(f, args, out, read, read, state)


def with_history(
    f: Callable, args: tuple, out: Any, read: Sequence[Tensor], before: Sequence[Tensor], state: dict[str, int]
) -> Any:
    """The result `out` of f(*args), known already, with a history: its gradient runs f again.

    read: the parameters that f reads.  before: tensors with the values and nodes they had.  state: of the default
    generator, then.
    """
    given = [x for x in leaves(args) if is_float(x)]
    values = tuple(y.data for y in leaves(out) if is_float(y))

    def rerun(inputs: Sequence[Tensor]) -> list[Tensor]:
        arguments = iter(inputs[: len(given)])
        with random.replayed(state), engine.rolled_back(), in_place_of(read, inputs[len(given) :]):
            again = f(*tree_map(lambda x: next(arguments) if is_float(x) else x, args))
        return [y for y in leaves(again) if is_float(y)]

    outputs = iter(recomputed(*given, *before, values=values, rerun=rerun))
    return tree_map(lambda y: next(outputs) if is_float(y) else y, out)


@primitive(kind="opaque")
def recomputed(*inputs, values, rerun):
    """`values`, known already; `rerun(inputs)` computes them again with their history."""
    return values


def _rerun_and_differentiate(needs, g, out, *inputs, values, rerun):
    with engine.enable_grad():
        # A product with 1 starts a graph of its own, through which an outer derivative still reaches the input.
        linked = [x * 1.0 if x.requires_grad else cut(x) for x in inputs]
        again = rerun(linked)
    pairs = [(y, seed) for y, seed in zip(again, g) if y.requires_grad]
    wanted = {x.node for x, need in zip(linked, needs) if need}
    found = engine.backward(
        [y for y, _ in pairs], [seed for _, seed in pairs], wanted, create_graph=engine.MODE.get().recording
    )
    return [
        (found[x.node] if x.node in found else zeros_like(x)) if need else None
        for x, need in zip(linked, needs)
    ]


recomputed.defvjp_joint(_rerun_and_differentiate)


def cut(x: Tensor) -> Tensor:
    """The same values as a new leaf."""
    return x.detach().requires_grad_()


def entering(x: Any) -> Any:
    """An argument as the first run sees it, from which no gradient comes back."""
    if not is_float(x):
        return x
    inside = cut(x)
    if x.requires_grad:
        inside.register_hook(lost)
    return inside


def lost(gradient: Tensor) -> None:
    """Called with the gradient of an argument that has come another way than through the result."""
    raise GraphError(
        "[checkpoint] a tensor that was computed inside got out without being returned, and its gradient cannot come "
        "back: let the function return it."
    )


def parameters_read(out: Any, arguments: set, start: int) -> list[Tensor]:
    """The leaves, besides the arguments, that a result made since `start` was computed from."""
    found, stack = {}, [y.node for y in leaves(out) if is_float(y) and y.node is not None]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if node in arguments:
            continue
        if type(node) is engine.Leaf:
            found[node] = node.tensor()
        elif node.order < start:
            raise GraphError(
                "[checkpoint] the function uses a tensor that was computed outside and needs a gradient: "
                "pass it as an argument."
            )
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return [tensor for tensor in found.values() if tensor is not None]


@contextmanager
def in_place_of(parameters: Sequence[Tensor], stand_ins: Sequence[Tensor]) -> Iterator[None]:
    """Let parameters take the values and the history of other tensors inside a block."""
    kept = [(p.data, p.node) for p in parameters]
    try:
        for p, other in zip(parameters, stand_ins):
            p.data, p.node = other.data, other.node
        yield
    finally:
        for p, (data, node) in zip(parameters, kept):
            p.data, p.node = data, node
