"""Hooks: a user's functions, called around the forward and the backward pass of a module.

Forward hooks are called by `Module.__call__`. Backward hooks need a place in the graph: the inputs and the outputs of
the module are handed on by a node that changes nothing and whose gradient rule is to call them. It is no operation of
the forward pass, so it costs nothing there, and a compiled step sees only what the hooks compute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad.core import Tensor
from minigrad.engine import MODE, Node, Output, Primitive, tracer
from minigrad.errors import GraphError, ShapeError

if TYPE_CHECKING:
    from minigrad.nn.module import Module


class Hook(NamedTuple):
    """A function that a user registered, and when it is called."""

    kind: str
    function: Callable
    with_kwargs: bool = False
    always_call: bool = False


class HookHandle:
    """What registering a hook returns: `handle.remove()` takes the hook away, and so does `handle()`.

    As a context manager it does so at the end of the block. Removing twice does nothing.

    >>> layer = nn.Identity()
    >>> with layer.register_forward_hook(lambda module, args, out: 2 * out):
    ...     layer(mg.tensor([1.0]))
    tensor([2.])
    >>> layer(mg.tensor([1.0]))
    tensor([1.])
    """

    def __init__(self, remove: Callable[[], None]) -> None:
        self.remove = remove

    def __call__(self) -> None:
        self.remove()

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def call(module: Module, hooks: Sequence[Hook], args: tuple, kwargs: dict) -> Any:
    """The output of `module.forward` with what the hooks make of it."""
    out, waiting = None, of_kind(hooks, "forward")
    try:
        for hook in of_kind(hooks, "forward_pre"):
            args, kwargs = before(module, hook, args, kwargs)
        passage = Passage(module, of_kind(hooks, "backward_pre"), of_kind(hooks, "backward"))
        args = passage.enter(args)
        out = module.forward(*args, **kwargs)
        while waiting:
            out = after(module, waiting.pop(0), args, kwargs, out)
        return passage.leave(out)
    except Exception:
        for hook in waiting:
            if hook.always_call:
                after(module, hook, args, kwargs, out)
        raise


def of_kind(hooks: Sequence[Hook], kind: str) -> list[Hook]:
    """The hooks of one kind, in the order in which they are called."""
    return [hook for hook in hooks if hook.kind == kind]


def before(module: Module, hook: Hook, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments, as a hook that is called before forward leaves them."""
    if not hook.with_kwargs:
        changed = hook.function(module, args)
        return args if changed is None else as_tuple(changed), kwargs
    changed = hook.function(module, args, kwargs)
    if changed is None:
        return args, kwargs
    if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
        raise GraphError(
            f"[register_forward_pre_hook] a hook with kwargs must return None or (args, kwargs), got {changed!r}."
        )
    return as_tuple(changed[0]), changed[1]


def after(module: Module, hook: Hook, args: tuple, kwargs: dict, out: Any) -> Any:
    """The output, as a hook that is called after forward leaves it."""
    changed = hook.function(module, args, kwargs, out) if hook.with_kwargs else hook.function(module, args, out)
    return out if changed is None else changed


def as_tuple(x: Any) -> tuple:
    """Several values, or a single one."""
    return x if isinstance(x, tuple) else (x,)


# ---- the backward pass


class Passage:
    """One call of a module with backward hooks: sees the gradients of its outputs, then those of its inputs."""

    def __init__(self, module: Module, pre: Sequence[Hook], hooks: Sequence[Hook]) -> None:
        self.module, self.pre, self.hooks = module, pre, hooks
        self.arguments = 0
        self.has_input = False  # whether an input has a gradient
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        """The positional arguments, whose gradients the hooks will see."""
        if not self.hooks:
            return args
        self.arguments = len(args)
        passed = handed_on(args, self.at_input)
        self.has_input = passed is not args
        return passed

    def leave(self, out: Any) -> Any:
        """The outputs, whose gradients the hooks will see."""
        if not self.pre and not self.hooks:
            return out
        passed = handed_on(as_tuple(out), self.at_output)
        return type(out)(*passed) if hasattr(out, "_fields") else passed if isinstance(out, tuple) else passed[0]

    def at_output(self, grads: tuple) -> tuple:
        """Called in the backward pass with the gradients of the outputs."""
        for hook in self.pre:
            grads = replaced("register_full_backward_pre_hook", grads, hook.function(self.module, grads))
        if self.has_input:
            self.grad_output = grads
            return grads
        for hook in self.hooks:  # they will not be called at the inputs
            changed = hook.function(self.module, (None,) * self.arguments, grads)
            if changed is not None and any(x is not None for x in as_tuple(changed)):
                raise GraphError("[register_full_backward_hook] no input needs a gradient: the hook must return None.")
        return grads

    def at_input(self, grads: tuple) -> tuple:
        """Called in the backward pass with the gradients of the inputs."""
        if self.grad_output is None:  # the gradient has not come through the outputs
            return grads
        for hook in self.hooks:
            changed = hook.function(self.module, grads, self.grad_output)
            grads = replaced("register_full_backward_hook", grads, changed)
        self.grad_output = None
        return grads


def handed_on(values: tuple, rule: Callable[[tuple], tuple]) -> tuple:
    """The same values; the gradients of those that have one go through `rule`, None standing for the others."""
    tracked = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.node is not None]
    if not tracked or not MODE.get().recording:
        return values
    if tracer() is not None:
        tracer().hooked()

    def gradients(needs: Sequence[bool], g: tuple) -> list:
        grads: list[Any] = [None] * len(values)
        for i, need, x in zip(tracked, needs, g):
            grads[i] = x if need else None
        passed = rule(tuple(grads))
        return [passed[i] for i in tracked]

    data = tuple(values[i].detach().data for i in tracked)
    node = Node(HAND_ON, {"gradients": gradients}, data, [values[i].node for i in tracked], data)
    passed = list(values)
    for k, i in enumerate(tracked):
        passed[i] = Tensor(data[k], Output(node, k))
    return tuple(passed)


HAND_ON = Primitive(lambda *arrays, gradients: arrays, kind="opaque", promotes=False, floats=False)
"""What stands in the nodes of `handed_on`; it is never called, so no table of operations has it."""

HAND_ON.defvjp_joint(lambda needs, g, out, *inputs, gradients: gradients(needs, g))


def replaced(who: str, grads: tuple, changed: Any) -> tuple:
    """The gradients that a hook returned instead, if it did. Raises ShapeError unless they are like those before."""
    if changed is None:
        return grads
    changed = as_tuple(changed)
    before, after = ([getattr(x, "shape", None) for x in those] for those in (grads, changed))
    if before != after:
        raise ShapeError(f"[{who}] a hook must return gradients of shapes {before}, it returned {after}.")
    return changed
