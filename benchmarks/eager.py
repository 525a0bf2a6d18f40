"""One eager training step, minigrad against PyTorch, interleaved in one run.

    python benchmarks/eager.py [--threads 1] [--rounds 15]

Three nets, float32, data resident, a fresh minibatch each step: forward, zero_grad, backward, optimizer step. Both
start from the same weights and see the same batches; their losses over the first steps must agree before anything is
timed. The figure is the ratio of the median times, minigrad / PyTorch: below 1 minigrad is faster. The BLAS libraries
choose their own kernels: OPENBLAS_* and thread variables are set before they load. Needs `pip install -e ".[bench]"`.
"""

import argparse
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--threads", type=int, default=1, help="threads for both (default 1)")
parser.add_argument("--rounds", type=int, default=15, help="interleaved timing rounds (default 15)")
options = parser.parse_args()

for name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
    del os.environ[name]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(options.threads)

from itertools import pairwise

import numpy as np
import torch
from threadpoolctl import threadpool_info

import minigrad as mg

torch.set_num_threads(options.threads)
BATCHES = 16
WARM_UP = 3.0  # seconds, in which the optimizer sees that machine code pays
AGREE_STEPS, AGREE_RTOL = 5, 2e-3  # float32 rounding grows along a training run


def mlp(lib, sizes, activation):
    layers = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [lib.Linear(a, b)] + [getattr(lib, activation)()] * (i < len(sizes) - 2)
    return lib.Sequential(*layers)


def small(lib):
    return mlp(lib, [2, 16, 16, 2], "Tanh")


def large(lib):
    return mlp(lib, [784, 128, 64, 10], "ReLU")


def cnn(lib):
    return lib.Sequential(
        lib.Conv2d(1, 16, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2),
        lib.Conv2d(16, 32, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2),
        lib.Flatten(), lib.Linear(32 * 7 * 7, 10),
    )  # fmt: skip


# name, model from a library's nn, optimizer, its arguments, batch size, input shape, classes, steps per timing
CASES = [
    ("MLP 2-16-16-2 tanh, batch 100, SGD", small, "SGD", 0.1, 100, (2,), 2, 100),
    ("MLP 784-128-64-10 ReLU, batch 32, SGD", large, "SGD", 0.1, 32, (784,), 10, 50),
    ("MLP 784-128-64-10 ReLU, batch 32, Adam", large, "Adam", 1e-3, 32, (784,), 10, 50),
    ("CNN 16-32 on 28x28, batch 32, Adam", cnn, "Adam", 1e-3, 32, (1, 28, 28), 10, 10),
]


def batches(size, shape, classes):
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((BATCHES, size, *shape)).astype(np.float32)
    return xs, rng.integers(0, classes, (BATCHES, size))


def stepper(forward_loss, model, optimizer, xs, ys):
    """A function that trains on the next batch and returns its loss."""
    state = {"next": 0}

    def step():
        i = state["next"] = (state["next"] + 1) % BATCHES
        loss = forward_loss(model(xs[i]), ys[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def contestants(make, optimizer, lr, size, shape, classes):
    """A training step of each library, from the same weights over the same batches."""
    xs, ys = batches(size, shape, classes)
    torch.manual_seed(0)
    theirs, ours = make(torch.nn), make(mg.nn)
    ours.load_state_dict({k: mg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    if len(shape) == 3:
        theirs = theirs.to(memory_format=torch.channels_last)  # PyTorch's faster layout for convolutions
    return (
        stepper(
            mg.nn.functional.cross_entropy, ours, getattr(mg.optim, optimizer)(ours.parameters(), lr=lr),
            [mg.tensor(x) for x in xs], [mg.tensor(y) for y in ys],
        ),
        stepper(
            torch.nn.functional.cross_entropy, theirs, getattr(torch.optim, optimizer)(theirs.parameters(), lr=lr),
            list(torch.tensor(xs)), list(torch.tensor(ys)),
        ),
    )  # fmt: skip


def timed(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e6


def main():
    blas = sorted({f"{b['internal_api']} {b.get('architecture', '')} x{b['num_threads']}" for b in threadpool_info()})
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}, {options.threads} thread(s); {', '.join(blas)}")
    print(f"{'one eager training step':42s} {'minigrad us':>12s} {'PyTorch us':>12s} {'ratio':>7s}")
    agree = True
    for name, make, optimizer, lr, size, shape, classes, steps in CASES:
        ours, theirs = contestants(make, optimizer, lr, size, shape, classes)
        losses = [(ours().item(), theirs().item()) for _ in range(AGREE_STEPS)]
        same = all(abs(a - b) <= AGREE_RTOL * abs(b) for a, b in losses)
        agree = agree and same
        for step in (ours, theirs):
            warm = time.perf_counter()
            while time.perf_counter() - warm < WARM_UP:
                timed(step, steps)
        torch.set_num_threads(options.threads)
        times = [(timed(ours, steps), timed(theirs, steps)) for _ in range(options.rounds)]
        a, b = (statistics.median(t) for t in zip(*times))
        note = "" if same else f"   LOSSES DIFFER {losses}"
        print(f"{name:42s} {a:12.1f} {b:12.1f} {a / b:7.2f}{note}", flush=True)
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
