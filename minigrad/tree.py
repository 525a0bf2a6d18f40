"""Nested structures of tensors: tuples, lists, dicts, dataclasses and None, with anything else as a leaf."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any


def children(node: Any) -> list | None:
    """The parts of a container in order, or None for a leaf."""
    if node is None:
        return []
    if isinstance(node, (tuple, list)):
        return list(node)
    if isinstance(node, dict):
        return list(node.values())
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        return [getattr(node, f.name) for f in dataclasses.fields(node)]
    return None


def rebuild(node: Any, parts: list) -> Any:
    """A container like `node` with other parts."""
    if node is None:
        return None
    if isinstance(node, dict):
        return type(node)(zip(node, parts))
    if isinstance(node, (tuple, list)):
        return type(node)(*parts) if hasattr(node, "_fields") else type(node)(parts)
    return dataclasses.replace(node, **{f.name: v for f, v in zip(dataclasses.fields(node), parts)})


def leaves(tree: Any) -> list:
    """The leaves from left to right."""
    return list(_walk(tree))


def _walk(tree: Any) -> Iterator:
    parts = children(tree)
    if parts is None:
        yield tree
    else:
        for part in parts:
            yield from _walk(part)


def tree_map(f: Callable, tree: Any) -> Any:
    """The same structure with f(leaf) in place of each leaf."""
    parts = children(tree)
    return f(tree) if parts is None else rebuild(tree, [tree_map(f, part) for part in parts])
