"""A graph in the DOT language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minigrad.compiler.graph import Value
from minigrad.compiler.labels import typed

if TYPE_CHECKING:
    from minigrad.compiler.listing import Listing

HEAD = """digraph step {
    node [fontname=sans, fontsize=10];
    edge [fontname=sans, fontsize=8];"""


def to_dot(listing: Listing) -> str:
    """Inputs in0, in1, ..., operations op0, op1, ... framed by their kernels, views dashed; outputs out0, out1, ..."""
    return "\n".join([HEAD, *inputs(listing), *operations(listing), *edges(listing), *outputs(listing), "}"]) + "\n"


def inputs(listing: Listing) -> Iterator[str]:
    """An ellipse for each input."""
    for i, v in enumerate(listing.inputs):
        yield f"    in{i} [shape=ellipse, label={quoted(listing.name(v), typed(v))}];"


def operations(listing: Listing) -> Iterator[str]:
    """A box for each operation, inside the frame of its kernel."""
    members: dict[int | None, list[str]] = {}
    for i, op in enumerate(listing.ops):
        kernel = listing.kernel_of.get(op)
        style = ", style=dashed" if kernel is None else ""
        text = f"op{i} [shape=box, label={quoted(op.name)}, tooltip={quoted(listing.call(op))}{style}];"
        members.setdefault(kernel, []).append(text)
    for text in members.pop(None, []):
        yield f"    {text}"
    for kernel, texts in members.items():
        yield f"    subgraph cluster{kernel} {{"
        yield f"        label={quoted(f'kernel {kernel}')}; color=gray; fontname=sans; fontsize=10;"
        yield from (f"        {text}" for text in texts)
        yield "    }"


def sources(listing: Listing) -> dict[Value, str]:
    """The node that each value comes from."""
    made = {v: f"op{i}" for i, op in enumerate(listing.ops) for v in op.outputs}
    return {v: f"in{i}" for i, v in enumerate(listing.inputs)} | made


def edges(listing: Listing) -> Iterator[str]:
    """An arrow for each value that an operation reads."""
    source = sources(listing)
    for i, op in enumerate(listing.ops):
        yield from (f"    {source[v]} -> op{i} [label={quoted(typed(v))}];" for v in op.values)


def outputs(listing: Listing) -> Iterator[str]:
    """A double ellipse for each output, and the arrow to it."""
    source = sources(listing)
    for i, (v, target) in enumerate(zip(listing.outputs, listing.targets)):
        yield f"    out{i} [shape=ellipse, peripheries=2, label={quoted(target)}];"
        yield f"    {source[v]} -> out{i} [label={quoted(typed(v))}];"


def quoted(*lines: str) -> str:
    """A string of DOT, of one or more lines."""
    return '"' + "\\n".join(x.replace("\\", "\\\\").replace('"', '\\"') for x in lines) + '"'
