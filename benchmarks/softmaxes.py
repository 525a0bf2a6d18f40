"""What the output layer of many classes costs: a full softmax, an adaptive and a hierarchical one, interleaved.

    python benchmarks/softmaxes.py [--classes 1000,10000,100000] [--batch 64] [--features 128] [--threads 1] [--jit]

The loss of a batch and its gradient, float32, eager or compiled; labels follow Zipf's law, Huffman's tree and the
clusters are made for it. The gradient of a weight with C rows is an array of C rows, whichever of them were read, and
to clear and fill that takes time in proportion to C; so each layer is measured three times:

    input     loss and gradient with respect to the input: what the layer itself computes
    rows      the same, and with respect to those weights that the batch reads, taken out of the rest beforehand: what a
              training step costs whose optimizer touches only these
    weights   the same with respect to all parameters: what `loss.backward()` costs

Multiply-adds are those of `weights`, counted from the operations that run (eagerly; compiled, an adaptive softmax
computes all clusters for all samples). Thread variables are set before the libraries load.
"""

import argparse
import copy
import math
import os
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--classes", default="1000,3000,10000,30000,100000")
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--features", type=int, default=128)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=7, help="interleaved timing rounds, of which the fastest counts")
parser.add_argument("--jit", action="store_true", help="compile what is measured")
options = parser.parse_args()

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(options.threads)

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.engine import switched
from minigrad.nn import functional as F
from minigrad.nn.functional.tree_softmax import tree_log_prob
from minigrad.ops.work import multiply_adds
from minigrad.tables import aligned, short

CUTOFFS = (200, 2000, 20000)


class Full(nn.Linear):
    """The layer that the others stand in for."""

    def forward(self, x, y):
        return F.cross_entropy(super().forward(x), y)


class Adaptive(nn.AdaptiveLogSoftmaxWithLoss):
    """Returns the loss alone."""

    def forward(self, x, y):
        return super().forward(x, y).loss


def layers(classes, counts):
    """The layers by name."""
    d = options.features
    return {
        "full": Full(d, classes),
        "adaptive": Adaptive(d, classes, [c for c in CUTOFFS if c < classes]),
        "hierarchical": nn.HierarchicalSoftmax(d, classes, counts=counts),
    }


def on_rows(layer, y):
    """Of a tree: the loss as a function of the input and of the rows of the weights that labels y read, and these."""
    nodes, turns = layer.nodes.numpy()[y.numpy()], mg.tensor(layer.turns.numpy()[y.numpy()])
    read, places = np.unique(nodes, return_inverse=True)
    places, samples = mg.tensor(places.reshape(nodes.shape)), mg.tensor(np.arange(len(nodes)))
    rows = [mg.tensor(p.numpy()[read], requires_grad=True) for p in (layer.weight, layer.bias)]

    def loss(x):
        return -mg.mean(tree_log_prob(x, samples, *rows, places, turns))

    return loss, rows


def gradient_of(loss_of, wanted):
    """A function of x that returns the loss, and the gradients of x and of what is wanted."""

    def run(x):
        leaf = x.detach().requires_grad_()
        loss = loss_of(leaf)
        return loss, *mg.autograd.grad(loss, [leaf, *wanted], allow_unused=True)

    return mg.jit(run, warmup=0) if options.jit else run


def measured(layer, y):
    """What is timed, by name: functions of the input."""
    frozen = copy.deepcopy(layer).requires_grad_(False)
    found = {
        "input": gradient_of(lambda x: frozen(x, y), []),
        "weights": gradient_of(lambda x: layer(x, y), list(layer.parameters())),
    }
    if isinstance(layer, nn.HierarchicalSoftmax):
        found["rows"] = gradient_of(*on_rows(layer, y))
    return found


def work(layer, x, y):
    """The multiply-adds of the loss and all gradients, as the operations count them."""
    done = []
    with switched(watch=lambda op, arrays, params, out: done.append(multiply_adds(op.name, out, arrays, params))):
        mg.autograd.grad(layer(x, y), [x, *layer.parameters()], allow_unused=True)
    return sum(done)


def milliseconds(runs, x):
    """The fastest of several rounds for each of the functions, which take turns."""
    best = {}
    for _ in range(options.rounds):
        for key, run in runs.items():
            start = time.perf_counter()
            run(x)
            best[key] = min(best.get(key, math.inf), 1e3 * (time.perf_counter() - start))
    return best


def figures(classes):
    """Rows of the table for one number of classes: {layer: {what: figure}}."""
    rng = np.random.default_rng(0)
    counts = 1e9 / np.arange(1, classes + 1)
    x = mg.tensor(rng.standard_normal((options.batch, options.features)), dtype="float32", requires_grad=True)
    y = mg.tensor(rng.choice(classes, options.batch, p=counts / counts.sum()))
    found = layers(classes, counts)
    runs = {(name, what): run for name, layer in found.items() for what, run in measured(layer, y).items()}
    for name in found:
        losses = [run(x)[0].item() for (of, _), run in runs.items() if of == name]
        np.testing.assert_allclose(losses, losses[0], rtol=1e-4, err_msg=f"{name}: not the same loss")
    times = milliseconds(runs, x)
    return {
        name: {"multiply-adds": work(layer, x, y)} | {what: t for (of, what), t in times.items() if of == name}
        for name, layer in found.items()
    }


def main():
    sizes = [int(c) for c in options.classes.split(",")]
    table = {classes: figures(classes) for classes in sizes}
    columns = ("multiply-adds", "input", "rows", "weights")
    rows = [("classes", "softmax", *columns, "full / this, weights")]
    for classes, found in table.items():
        for name, of in found.items():
            cells = [short(of["multiply-adds"])] + [f"{of[c]:.2f} ms" if c in of else "" for c in columns[1:]]
            rows.append((str(classes), name, *cells, f"{found['full']['weights'] / of['weights']:.1f}"))
    first, last = table[sizes[0]], table[sizes[-1]]
    for name in first:
        grown = [f"x {last[name][c] / first[name][c]:.2f}" if c in first[name] else "" for c in columns]
        rows.append((f"x {sizes[-1] / sizes[0]:g}", name, *grown, ""))
    how = "compiled" if options.jit else "eager"
    print(f"batch {options.batch}, {options.features} features, float32, {how}, {options.threads} thread(s)")
    print("\n".join(aligned(rows, left=(1,))))


if __name__ == "__main__":
    main()
