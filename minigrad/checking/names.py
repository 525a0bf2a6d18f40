"""Names for the tensors inside nested arguments, as one would type them: `x`, `params['w']`, `pair[1]`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any


def argument_names(fn: Callable, count: int) -> list[str]:
    """The names of the first `count` positional arguments of fn; `argument i` where it does not say."""
    target = getattr(fn, "forward", fn)
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[i] if i < len(named) else f"argument {i}" for i in range(count)]


def leaf_names(name: str, tree: Any) -> Iterator[str]:
    """The name of each leaf of a nested argument, in the order of `minigrad.tree.leaves`."""
    if tree is None:
        return
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from leaf_names(f"{name}[{key!r}]", part)
    elif isinstance(tree, (tuple, list)):
        for i, part in enumerate(tree):
            yield from leaf_names(f"{name}[{i}]", part)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from leaf_names(f"{name}.{field.name}", getattr(tree, field.name))
    else:
        yield name
