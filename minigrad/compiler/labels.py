"""What the values of a step are called: by the names that the user gave to arguments, parameters and settings."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.compiler.graph import Op, Value
from minigrad.core import Tensor
from minigrad.tree import children

if TYPE_CHECKING:
    from minigrad.compiler.compiled import Compiled
    from minigrad.compiler.guard import Guard


def argument_labels(fn: Callable, args: tuple, kwargs: dict) -> list[str]:
    """A name for every leaf of the arguments: x, batch[0], options['rate'], state.mean."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature
        parameters = []
    named = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    names = [p.name for p in parameters if p.kind in named]
    positional = [(names[i] if i < len(names) else f"args[{i}]", x) for i, x in enumerate(args)]
    return [path for name, x in (*positional, *kwargs.items()) for path in paths(x, name)]


def paths(tree: Any, name: str) -> Iterator[str]:
    """How each leaf of a nested structure is reached, from left to right."""
    parts = children(tree)
    if parts is None:
        yield name
    elif isinstance(tree, dict):
        for key, part in zip(tree, parts):
            yield from paths(part, f"{name}[{key!r}]")
    else:
        fields = getattr(tree, "_fields", None) or getattr(tree, "__dataclass_fields__", None)
        keys = [f".{f}" for f in fields] if fields else [f"[{i}]" for i in range(len(parts))]
        for key, part in zip(keys, parts):
            yield from paths(part, name + key)


def tensor_labels(things: Iterable[tuple[str, Any]]) -> dict[int, str]:
    """id -> name of the tensors in named modules, optimizers and tensors; the first name of each counts."""
    things = list(things)
    found: dict[int, str] = {}
    for name, thing in things:
        if isinstance(thing, Tensor):
            found.setdefault(id(thing), name)
        elif hasattr(thing, "named_parameters"):
            for path, tensor in (*thing.named_parameters(), *thing.named_buffers()):
                found.setdefault(id(tensor), f"{name}.{path}")
        for name, tensor in thing.named_numbers() if hasattr(thing, "named_numbers") else ():
            found.setdefault(id(tensor), name)
    for name, thing in things:
        for i, (p, state) in enumerate(getattr(thing, "state", {}).items() if hasattr(thing, "param_groups") else ()):
            whose = found.setdefault(id(p), f"{name}.parameter{i}")
            for key, tensor in state.items():
                found.setdefault(id(tensor), f"{whose}.{key}")
    return found


def labels(step: Compiled, guard: Guard) -> dict[Value, str]:
    """The names of a step's inputs, each for one value only; a value without one is left out."""
    known = tensor_labels([*guard.named(), *((type(x).__name__, x) for x in guard.watched())])
    found: dict[Value, str] = {v: step.argument_labels[s.position] for v, s in step.arguments}
    found.update({v: s.name for v, s in step.numbers if s.name})
    found.update({v: tensor_label(s.tensor, s.is_grad, known) for v, s in step.references})
    return dict(distinguished(found))


def distinguished(names: dict[Value, str]) -> Iterator[tuple[Value, str]]:
    """No name twice: lr, lr #2, ...; no empty one."""
    seen: Counter[str] = Counter()
    for v, name in names.items():
        seen[name] += 1
        if name:
            yield v, name if seen[name] == 1 else f"{name} #{seen[name]}"


def tensor_label(tensor: Tensor, is_grad: bool, known: dict[int, str]) -> str:
    """The name of a tensor or of its gradient; empty if it has none."""
    name = known.get(id(tensor), "")
    return f"{name}.grad" if name and is_grad else name


def targets(step: Compiled, guard: Guard) -> list[str]:
    """What becomes of each output of the graph: a result, or the new value of a named tensor or gradient."""
    known = tensor_labels([*guard.named(), *((type(x).__name__, x) for x in guard.watched())])
    results = ["result"] if step.single else [f"result {i}" for i in range(len(step.outs))]
    return results + [tensor_label(t, is_grad, known) or "a tensor" for t, is_grad, _ in step.writes]


def line(op: Op) -> str:
    """The user's line that an operation comes from, without its folder."""
    return Path(op.where).name


def typed(v: Value) -> str:
    """dtype and shape: float32[32, 10]."""
    return f"{'weak ' * v.weak}{v.dtype}{list(v.shape)}"
