"""What a compiled step says of itself: its cost against mathematics, its reasons against the graph, its drawings."""

import re
import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler import compiled as building
from minigrad.compiler.inplace import Reason
from minigrad.compiler.labels import argument_labels
from minigrad.compiler.layout import layouts
from minigrad.compiler.schedule import REDUCTIONS, SCATTERS, Obstacle
from minigrad.nn import functional as F

FLOAT, INT = 4, 8  # bytes


def array(*shape):
    return mg.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


@pytest.fixture
def built(monkeypatch):
    """A function traced and planned for some arguments, and not compiled: none of this needs machine code."""
    monkeypatch.setattr(building, "compiled", lambda source, args: None)
    monkeypatch.setattr(building, "parts", lambda source: 0)

    def build(f, *args, **kwargs):
        step = mg.jit(f)
        step.last = step.compile("these arguments", args, kwargs)
        return step

    return build


def training_step(sizes, kind="SGD", **settings):
    """A training step of a multi-layer perceptron."""
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    model = nn.Sequential(*(x for layer in layers for x in (layer, nn.Tanh())))
    optimizer = getattr(optim, kind)(model.parameters(), lr=0.1, **settings)

    def step(x, y):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


# ---- cost


def test_products_of_a_training_step(built):
    sizes, n = [48, 64, 80, 48], 12
    cost = built(training_step(sizes), array(n, sizes[0]), array(n, sizes[-1])).cost()
    layers = list(pairwise(sizes))
    expected = [(1, n, b, a) for a, b in layers]  # x w'
    expected += [(1, b, a, n) for a, b in layers]  # g' x
    expected += [(1, n, a, b) for a, b in layers[1:]]  # g w; the first input needs no gradient
    assert Counter(p for k in cost.kernels for p in k.products) == Counter(expected)
    products = sum(k.flops for k in cost.kernels if k.products)
    assert products == sum(2 * batch * m * n * k for batch, m, n, k in expected)
    assert cost.flops == sum(k.flops for k in cost.kernels)


def test_memory_of_a_training_step(built):
    sizes, n = [48, 64, 80, 48], 12
    cost = built(training_step(sizes, momentum=0.9), array(n, sizes[0]), array(n, sizes[-1])).cost()
    parameters = FLOAT * sum(a * b + b for a, b in pairwise(sizes))
    assert cost.gradients == parameters
    counters, cotangent = 8 * 6, FLOAT  # the steps that each parameter made, and the one that backward starts from
    numbers = 8 * 2  # learning rate and momentum
    assert cost.state == 2 * parameters + counters + numbers + cotangent
    assert cost.arguments == FLOAT * n * (sizes[0] + sizes[-1])
    assert cost.outputs == FLOAT
    assert 0 < cost.live <= cost.arena


class Counted(NamedTuple):
    """A function of arrays, and what it costs: (flops, bytes read, bytes written)."""

    f: object
    args: tuple
    cost: tuple


N, M = 7, 16  # rows of 16 fill wide registers: shorter ones are computed in another way
COUNTED = {
    "elementwise": Counted(
        lambda x, y: mg.tanh(x) * y + x, (array(N, M), array(N, M)), (3 * N * M, 2 * N * M * FLOAT, N * M * FLOAT)
    ),
    "a broadcast number is read once": Counted(
        lambda x, s: x * s, (array(N, M), array()), (N * M, (N * M + 1) * FLOAT, N * M * FLOAT)
    ),
    "reduction": Counted(
        lambda x: mg.max(x * x, axis=1), (array(N, M),), (2 * N * M, (N * M + N) * FLOAT, 2 * N * FLOAT)
    ),  # made in the arena, copied to the result
    "casts and copies": Counted(
        lambda x: mg.astype(x, "float64"), (array(N, M),), (0, N * M * FLOAT, 2 * N * M * FLOAT)
    ),
    "comparison makes booleans": Counted(lambda x: x > 0, (array(N, M),), (N * M, N * M * FLOAT, N * M)),
    "product": Counted(
        lambda x, y: x @ y, (array(N, M), array(M, 3)), (2 * N * M * 3, (N * M + M * 3) * FLOAT, N * 3 * FLOAT)
    ),
    "turned product": Counted(
        lambda x, y: x.T @ y, (array(M, N), array(M, 3)), (2 * N * M * 3, (N * M + M * 3) * FLOAT, N * 3 * FLOAT)
    ),
    "batched product": Counted(
        lambda x, y: x @ y,
        (array(4, N, M), array(4, M, 3)),
        (8 * N * M * 3, 4 * (N + 3) * M * FLOAT, 4 * N * 3 * FLOAT),
    ),
    "part of an array": Counted(lambda x: -x[:, 1:3], (array(N, M),), (2 * N, 2 * N * FLOAT, 2 * N * FLOAT)),
    "gather": Counted(
        lambda x, i: mg.take(x, i, axis=0),
        (array(N, M), mg.tensor(np.array([1, 1, 3]))),
        (0, 3 * M * FLOAT + 3 * INT, 3 * M * FLOAT),
    ),
    "running sum": Counted(lambda x: mg.cumulative_sum(x), (array(N),), (N, N * FLOAT, N * FLOAT)),
    "a view costs nothing": Counted(lambda x: mg.reshape(x * 2, (M, N)), (array(N, M),), None),
}


@pytest.mark.parametrize("name", COUNTED)
def test_cost_by_hand(built, name):
    f, args, expected = COUNTED[name]
    cost = built(f, *args).cost()
    if expected is None:  # one kernel, and a copy to the result
        expected = (N * M, 2 * N * M * FLOAT, 2 * N * M * FLOAT)
    assert (cost.flops, cost.read, cost.written) == expected


def test_live_memory_by_hand(built):
    n, k, m = 10, 20, 30
    cost = built(lambda x, w, u: mg.tanh(mg.exp(x) @ w) @ u, array(n, k), array(k, m), array(m, k)).cost()
    exp, product, tanh = n * k * FLOAT, n * m * FLOAT, n * m * FLOAT
    assert cost.live == max(exp + product, product + tanh)


def test_cost_is_a_table(built):
    cost = built(training_step([6, 5, 3]), array(12, 6), array(12, 3)).cost()
    lines = str(cost).splitlines()
    assert len(lines) == len(cost.kernels) + 3  # a header, the total, memory
    for i, kernel in enumerate(cost.kernels):
        assert lines[i + 1].split()[0] == str(i)
        assert all(name in lines[i + 1] for name in kernel.operations)
    product = next(line for line in lines if "matmul2" in line)
    assert all(text in product for text in ("m 12", "n 5", "k 6", "720"))  # 2 * 12 * 5 * 6
    assert f"{len(cost.kernels)} kernels" in lines[-1]


def test_inputs_that_are_read_for_every_row_part_no_nest(built):
    step = built(lambda x, w, b: mg.tanh(mg.exp(x) * w) + b, array(4, 16), array(16), array(4, 1))
    names = [[op.name for op in part.ops] for part in step.last.steps]
    assert names == [["copy"], ["copy"], ["exp", "multiply", "tanh", "add"]]


# ---- reasons

REFUSED = {
    "a product is no loop nest": (lambda x, y: mg.exp(x) @ y, (array(16, 16), array(16, 16)), [Obstacle.ALONE]),
    "nor joins one what comes after": (lambda x, y: mg.exp(x @ y), (array(16, 16), array(16, 16)), [Obstacle.NO_NEST]),
    "a reduction": (lambda x: x - mg.max(x, axis=1, keepdims=True), (array(4, 16),), [Obstacle.REDUCED]),
    "a transpose": (lambda x, y: mg.exp(x).T + y, (array(16, 16), array(16, 16)), [Obstacle.ORDER]),
    "a broadcast": (lambda x, y: mg.exp(x) + y, (array(16), array(4, 16)), [Obstacle.ORDER]),
    "another domain": (lambda x, y: (mg.exp(x), mg.exp(y)), (array(4), array(3)), [Obstacle.DOMAIN]),
    "a table": (
        lambda x, i: mg.take_along_axis(mg.exp(x), i, axis=0),
        (array(4), mg.tensor(np.array([1, 0, 2, 2]))),
        [Obstacle.TABLE],
    ),
    "an index": (
        lambda x, i: mg.take(x, i + 1, axis=0),
        (array(4, 16), mg.tensor(np.array([1, 0, 2, 2]))),
        [Obstacle.INDEX],
    ),
    "what is made later": (
        lambda x, y: mg.exp(x) * (y @ y),
        (array(16, 16), array(16, 16)),
        [Obstacle.ALONE, Obstacle.LATER, Obstacle.NO_NEST],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(built, name):
    f, args, expected = REFUSED[name]
    step = built(f, *args)
    assert [r.obstacle for s in step.last.steps for r in s.refusals] == expected
    for obstacle in expected:
        assert obstacle.split("{value}")[-1] in step.explain()


FACTS = {  # of the refused operation's domain, the other step, the layout of the operand and the step that makes it
    Obstacle.ALONE: lambda domain, other, k, read, made_in: domain is None,
    Obstacle.NO_NEST: lambda domain, other, k, read, made_in: other.domain is None,
    Obstacle.DOMAIN: lambda domain, other, k, read, made_in: domain != other.domain,
    Obstacle.REDUCED: lambda domain, other, k, read, made_in: read.base.op.name in (*REDUCTIONS, *SCATTERS),
    Obstacle.ORDER: lambda domain, other, k, read, made_in: (read.shape, read.base.shape) != (domain, domain),
    Obstacle.LATER: lambda domain, other, k, read, made_in: made_in > k,
}


def test_refusals_are_true(built):
    """Of a whole training step: each states a fact of the graph, and none is missing."""
    step = built(training_step([6, 5, 4], "Adam"), array(12, 6), array(12, 4)).last
    places = layouts(list(step.graph.inputs), step.graph.ops)
    made_in = {v: k for k, s in enumerate(step.steps) for op in s.ops for v in op.outputs}
    seen = set()
    for k, s in enumerate(step.steps):
        operands = {made_in[places[v].base] for v in s.ops[0].values if places[v].base in made_in}
        assert {r.step for r in s.refusals} == {*operands, *range(k)[-1:]}
        for r in s.refusals:
            read = places.get(r.value)
            assert FACTS[r.obstacle](s.domain, step.steps[r.step], r.step, read, read and made_in.get(read.base))
            seen.add(r.obstacle)
    assert seen == set(FACTS)


def in_place(w, x):
    w.assign_(w * 2 + x)


def read_later(w, x):
    old = w.detach()
    w.assign_(w + 1)
    return x @ old


def other_element(w, x):
    w.assign_(w.T + x)


def updated(w, x):
    w[mg.tensor([1, 3])] = x[:2] + w[5]


def updated_slice(w, x):
    w[2:4] = x[:2]


def unread(w, x):
    w.assign_(mg.exp(x))


def checked_later(w, x):
    w.assign_(w + 1)
    return mg.take(x, mg.astype(mg.sum(w @ w, axis=1), "int64"), axis=0)


def gradient(w, x):
    mg.sum(w * x).backward()


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (in_place, Reason.IN_PLACE), (other_element, Reason.OTHER_ELEMENT), (unread, Reason.UNREAD),
        (updated, Reason.CHECK), (updated_slice, Reason.IN_PLACE),
        (checked_later, Reason.CHECK), (gradient, Reason.UNREAD), (read_later, Reason.READ_LATER),
    ],
)  # fmt: skip
def test_reasons_of_writing_in_place(built, f, reason):
    w = array(16, 16)
    if f is gradient:
        w.requires_grad_()
    step = built(lambda x: f(w, x), array(16, 16))
    assert [v.reason for v in step.last.verdicts] == [reason]
    text = step.explain()
    assert reason in text
    assert ("not written in place" in text) is (reason not in (Reason.IN_PLACE, Reason.UNREAD))


LEFT_OUT = {
    "common subexpressions": lambda x: mg.exp(x) * mg.exp(x),
    "dead code": lambda x: (mg.exp(x), mg.tanh(x))[0],
    "turned transposes": lambda x: (x @ mg.exp(x)).T + x,
    "products with one": lambda x: mg.exp(x) * 1.0,
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_simplification_left_out(built, what):
    step = built(LEFT_OUT[what], array(16, 16))
    assert +step.last.graph.left_out == {what: 1}
    assert f"1 {what}" in step.explain()


def test_explain_names_what_is_by_reference_and_what_is_baked_in(built):
    x, y = array(12, 6), array(12, 3)
    text = built(training_step([6, 5, 4, 3], "Adam", weight_decay=0.1), x, y).explain()
    numbers = {name for name in re.findall(r"(\S+) weak float64\[\]", text) if not name.endswith(".step")}
    assert numbers == {"lr", "betas[0]", "betas[1]", "eps", "weight_decay"}
    (given,) = re.findall(r"^argument: (.*)\.$", text, re.M)
    assert given == "x float32[12, 6], y float32[12, 3]"
    assert "model = this Sequential, optimizer = this Adam" in text
    assert "model.0.weight.exp_avg float32[5, 6]" in text
    assert "shared as kernel0" in text
    assert f"{__file__.rpartition('/')[2]}:" in text


# ---- the graph


class Pair(NamedTuple):
    a: object
    b: object


def test_argument_labels():
    def f(x, pair, *more, options=None):
        pass

    labels = argument_labels(f, (1, Pair(2, [3, 4]), 5), {"options": {"rate": 6, "none": None}})
    assert labels == ["x", "pair.a", "pair.b[0]", "pair.b[1]", "args[2]", "options['rate']"]
    assert argument_labels(max, (1, 2), {}) == ["args[0]", "args[1]"]


def test_listing_has_every_name_once_and_every_value_before_its_use(built):
    listing = built(training_step([6, 5, 4, 3], "Adam"), array(12, 6), array(12, 3)).graph
    known = set()
    lines = str(listing).splitlines()
    body = [line for line in lines if " <- " not in line]
    assert len(body) == len(listing.inputs) + len(listing.ops)
    for line in body:
        made, _, rest = line.partition(" = ")
        names = re.findall(r"(\S+): (?:weak )?\w+\[[\d, ]*\]", made)
        assert names
        assert known.isdisjoint(names)
        assert known.issuperset(re.findall(r"\bv\d+\b", rest))
        known.update(names)
    assert {"x", "y", "model.0.weight", "model.4.bias.exp_avg_sq", "lr", "betas[0]"} <= known
    written = {line.partition(" <- ")[0] for line in lines if " <- " in line}
    assert {"result", "model.0.weight", "model.2.bias.grad", "model.0.weight.step"} <= written


def parse_dot(text):
    """Nodes with their frame and label, and edges, of the subset of DOT that is written; fails on anything else."""
    string = r'"(?:[^"\\]|\\.)*"'
    attributes = rf"\[(?:\w+=(?:\w+|{string})(?:, )?)+\]"
    nodes, edges, frames = {}, Counter(), [None]
    first, *lines = text.splitlines()
    assert first == "digraph step {"
    for line in map(str.strip, lines):
        if opened := re.fullmatch(r"subgraph (cluster\d+) \{", line):
            frames.append(opened[1])
        elif line == "}":
            frames.pop()
        elif edge := re.fullmatch(rf"(\w+) -> (\w+) {attributes};", line):
            edges[edge[1], edge[2]] += 1
        elif node := re.fullmatch(rf"(\w+) {attributes};", line):
            nodes[node[1]] = (frames[-1] if len(frames) > 1 else None, re.search(rf"label=({string})", line))
        else:
            assert re.fullmatch(rf"(\w+=(\w+|{string});\s*)+", line), line
    assert frames == []
    return {name: frame for name, (frame, _) in nodes.items() if name not in ("node", "edge")}, edges


def test_dot_has_the_graphs_nodes_and_edges(built):
    step = built(training_step([6, 5, 3]), array(12, 6), array(12, 3))
    listing = step.graph
    nodes, edges = parse_dot(listing.dot())
    of = {v: f"in{i}" for i, v in enumerate(listing.inputs)}
    of |= {v: f"op{i}" for i, op in enumerate(listing.ops) for v in op.outputs}
    kernels = {op: f"cluster{k}" for k, s in enumerate(step.last.steps) for op in s.ops}
    expected = dict.fromkeys(f"in{i}" for i in range(len(listing.inputs)))
    expected |= {f"op{i}": kernels.get(op) for i, op in enumerate(listing.ops)}
    expected |= dict.fromkeys(f"out{i}" for i in range(len(listing.outputs)))
    assert nodes == expected
    wanted = Counter((of[v], f"op{i}") for i, op in enumerate(listing.ops) for v in op.values)
    wanted.update((of[v], f"out{i}") for i, v in enumerate(listing.outputs))
    assert edges == wanted


AWKWARD = {'a "quoted" \\ key': array(3), "an {other}": array(3)}


def added(given):
    return given['a "quoted" \\ key'] + given["an {other}"]


def test_dot_quotes_names(built):
    nodes, _ = parse_dot(built(added, AWKWARD).graph.dot())
    assert set(nodes) == {"in0", "in1", "op0", "out0"}


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize(("f", "args"), [(training_step([6, 5, 3]), (array(12, 6), array(12, 3))), (added, (AWKWARD,))])
def test_graphviz_draws_it(built, f, args):
    step = built(f, *args)
    drawn = subprocess.run(["dot", "-Tsvg"], input=step.graph.dot(), capture_output=True, text=True, check=True)
    assert not drawn.stderr
    assert drawn.stdout.count('class="cluster"') == len(step.last.steps)


def test_a_called_step_reports():
    step = mg.jit(lambda x: mg.sum(mg.tanh(x) ** 2), warmup=1)
    with pytest.raises(mg.errors.TracingError, match="has not been compiled yet"):
        step.cost()
    step(array(8))
    step(array(8))
    assert step.cost().flops == 3 * 8
    assert "kernel 0" in step.explain()
    assert "result <- " in str(step.graph)
