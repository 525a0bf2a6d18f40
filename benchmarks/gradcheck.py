"""What checking a gradient costs: time of a full check and of a random-projection pass, and memory.

    python benchmarks/gradcheck.py [--rounds 5]

First-order checks of MLPs 10-n-6 (tanh, cross-entropy over a batch of 8) with 1,000 to 8,000 parameters. `full`
compares every parameter and input with its numerical derivative (of arguments with over 4,096 elements that many);
`projection`, what runs while nothing is wrong, tries random directions. A module is checked in training and in
evaluation mode: times are for one mode, half of the whole, the best of some rounds after a warm-up. Memory is the
peak of what Python and NumPy allocate in a full check.
Aims: at 1,000 parameters 1 s and 50 ms; memory that grows no faster than the parameters.
"""

import argparse
import sys
import time
import tracemalloc

import numpy as np

import minigrad as mg
from minigrad import nn

INPUTS, CLASSES, BATCH = 10, 6, 8
WIDTHS = (58, 117, 235, 470)  # 17 n + 6 parameters
FULL_SECONDS, PROJECTION_SECONDS = 1.0, 0.05
MODES = 2


class Loss(nn.Module):
    """An MLP and its loss on fixed labels."""

    def __init__(self, width):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(INPUTS, width), nn.Tanh(), nn.Linear(width, CLASSES))
        self.labels = mg.arange(BATCH) % CLASSES

    def forward(self, x):
        return nn.functional.cross_entropy(self.model(x), self.labels)


def check(loss, x, full):
    assert mg.gradcheck(loss, x, order=1, full=full)


def seconds(rounds, *arguments):
    """The best time for one mode."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        check(*arguments)
        times.append((time.perf_counter() - start) / MODES)
    return min(times)


def peak_bytes(*arguments):
    """The most memory in use during a check, above what was in use before."""
    tracemalloc.start()
    check(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds at 1,000 parameters (default 5)")
    rounds = parser.parse_args().rounds
    mg.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(BATCH, INPUTS))
    print(f"{'parameters':>10s} {'full s':>8s} {'projection ms':>14s} {'peak KiB':>9s} {'bytes/parameter':>16s}")
    rows = []
    check(Loss(WIDTHS[0]), x, full=True)
    for i, width in enumerate(WIDTHS):
        loss = Loss(width)
        n = sum(p.size for p in loss.parameters())
        full, projection = seconds(rounds if i == 0 else 1, loss, x, True), seconds(rounds, loss, x, False)
        peak = peak_bytes(loss, x, True)
        rows.append((n, full, projection, peak))
        print(f"{n:10d} {full:8.2f} {projection * 1e3:14.1f} {peak / 1024:9.0f} {peak / n:16.0f}", flush=True)
    first, last = rows[0], rows[-1]
    aims = {
        "full check under 1 s": first[1] < FULL_SECONDS,
        "projection under 50 ms": first[2] < PROJECTION_SECONDS,
        "memory at most linear": last[3] / first[3] <= last[0] / first[0],
    }
    for aim, met in aims.items():
        print(f"{aim}: {'yes' if met else 'NO'}")
    sys.exit(0 if all(aims.values()) else 1)


if __name__ == "__main__":
    main()
