"""Eager optimizer steps, minigrad against PyTorch's default, foreach and fused variants, interleaved in one run.

    python benchmarks/optim.py [--tensors 50] [--elements 20000] [--rounds 60]

float32, one thread: the update alone, with gradients that are there. The parameters after the first steps must agree
before anything is timed. Times are the best of all rounds; "GB/s" counts what a step must at least move: the gradient
read, the parameter and its state read and written. Needs `pip install -e ".[bench]"`.
"""

import argparse
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import torch

import minigrad as mg

# optimizer, its arguments, arrays read, arrays written
CASES = [
    ("SGD", {"lr": 1e-3, "momentum": 0.9}, 3, 2),
    ("Adam", {"lr": 1e-3}, 4, 3),
    ("AdamW", {"lr": 1e-3}, 4, 3),
]
VARIANTS = {"default": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}
AGREE_STEPS, AGREE_RTOL = 3, 1e-4
WARM_UP = 3.0  # seconds, in which minigrad sees that machine code pays


def contestants(name, arguments, tensors, elements):
    """A step of each, from the same parameters with the same gradients, and what shows its parameters."""
    rng = np.random.default_rng(0)
    values, gradients = rng.standard_normal((2, tensors, elements)).astype(np.float32)
    ours = [mg.nn.Parameter(v) for v in values]
    for p, g in zip(ours, gradients):
        p.grad = mg.tensor(g)
    yield "minigrad", getattr(mg.optim, name)(ours, **arguments).step, lambda: [p.numpy() for p in ours]
    for variant, options in VARIANTS.items():
        theirs = [torch.nn.Parameter(torch.tensor(v)) for v in values]
        for p, g in zip(theirs, gradients):
            p.grad = torch.tensor(g)
        step = getattr(torch.optim, name)(theirs, **arguments, **options).step
        yield variant, step, lambda theirs=theirs: [p.detach().numpy().copy() for p in theirs]


def agree(found):
    """Whether all have the same parameters after the first steps."""
    for _ in range(AGREE_STEPS):
        for _, step, _ in found:
            step()
    ours, *others = [np.stack(show()) for _, _, show in found]
    return all(np.allclose(ours, other, rtol=AGREE_RTOL, atol=1e-6) for other in others)


def best_times(found, rounds):
    """Seconds of each, the best of interleaved rounds."""
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_UP:
        found[0][1]()
    torch.set_num_threads(1)  # again: starting numba's threads undoes it
    times = {name: [] for name, _, _ in found}
    for _ in range(rounds):
        for name, step, _ in found:
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: min(t) for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tensors", type=int, default=50)
    parser.add_argument("--elements", type=int, default=20_000, help="of each tensor (default 20000)")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    n = options.tensors * options.elements
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}, 1 thread; {options.tensors} x {options.elements:,}")
    heads = "".join(f"{v:>9s}" for v in VARIANTS)
    print(f"{'us a step':9s} {'minigrad':>8s} {'GB/s':>6s}{heads}   minigrad / best")
    right = True
    for name, arguments, read, written in CASES:
        found = list(contestants(name, arguments, options.tensors, options.elements))
        same = agree(found)
        right = right and same
        ours, *theirs = best_times(found, options.rounds).values()
        moved = 4 * n * (read + written) / ours / 1e9
        print(
            f"{name:8s} {ours * 1e6:9.0f} {moved:6.1f}" + "".join(f"{t * 1e6:9.0f}" for t in theirs)
            + f"   {ours / min(theirs):8.2f}" + ("" if same else "   PARAMETERS DIFFER"), flush=True,
        )  # fmt: skip
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
