"""What Python costs in a call of a compiled step: the time of the call less that of its machine code alone.

    python benchmarks/overhead.py [--rounds 300]

Training steps of small and of deep MLPs. The machine code is called with arguments that are ready: the table of
addresses, the batch, room for the loss. References are the arrays that a call reads or writes without being given them:
parameters, gradients, optimizer state, hyper-parameters. The bound is 3 us and 50 ns for each. The times are processor
time, the least of all rounds; those of call and machine code are taken in turn.
"""

import argparse
import os
import time
from itertools import pairwise

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

BASE, EACH = 3.0, 0.05  # us
CALLS = 50

# name, sizes of the layers, optimizer
CASES = [
    ("MLP 2-16-16-2, SGD", [2, 16, 16, 2], optim.SGD),
    ("MLP 2-16-16-2, Adam", [2, 16, 16, 2], optim.Adam),
    ("10 layers of 8, SGD", [8] * 10 + [2], optim.SGD),
    ("10 layers of 8, Adam", [8] * 10 + [2], optim.Adam),
    ("30 layers of 8, SGD", [8] * 30 + [2], optim.SGD),
    ("30 layers of 8, Adam", [8] * 30 + [2], optim.Adam),
]


def training_step(sizes, optimizer):
    """A compiled training step, and a batch for it."""
    mg.manual_seed(0)
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.Tanh())]
    model = nn.Sequential(*layers[:-1])
    updates = optimizer(model.parameters(), lr=1e-3)

    @mg.jit
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        updates.zero_grad()
        loss.backward()
        updates.step()
        return loss

    rng = np.random.default_rng(0)
    x = mg.tensor(rng.standard_normal((20, sizes[0])).astype(np.float32))
    return step, x, mg.tensor(rng.integers(0, sizes[-1], 20))


def timed(f, *args):
    """Microseconds a call."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        f(*args)
    return (time.process_time_ns() - start) / CALLS / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300, help="timing rounds (default 300)")
    rounds = parser.parse_args().rounds
    print(f"{'step':24s} references    call  machine code  overhead  bound   us")
    for name, sizes, optimizer in CASES:
        step, x, y = training_step(sizes, optimizer)
        for _ in range(3):
            step(x, y)
        compiled = step.expect_compiled()
        ready = (compiled.table, x.data, y.data, np.empty((), np.float32))
        times = [(timed(step, x, y), timed(compiled.function, *ready)) for _ in range(rounds)]
        call, machine = (min(t) for t in zip(*times))
        references = len(compiled.state.slots)
        bound = BASE + EACH * references
        print(f"{name:24s} {references:10d} {call:7.2f} {machine:13.2f} {call - machine:9.2f} {bound:6.2f}", flush=True)


if __name__ == "__main__":
    main()
