"""A training step of nn.LSTM: eager, compiled, and PyTorch's nn.LSTM, interleaved in one run.

    python benchmarks/recurrent.py [--steps 32] [--batch 32] [--inputs 28] [--hidden 64] [--threads 1]

float32, Adam, cross-entropy of the last hidden state. All start from the same weights; their losses over the first
steps must agree before anything is timed. Compile time is that of a step that no cache knows; it does not depend on
--steps. Needs `pip install -e ".[bench]"`. OPENBLAS_* and thread variables are set before the libraries load.
"""

import argparse
import os
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=32, help="time steps (default 32)")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--inputs", type=int, default=28)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--threads", type=int, default=1, help="threads for all (default 1)")
parser.add_argument("--rounds", type=int, default=20, help="interleaved timing rounds (default 20)")
options = parser.parse_args()

for name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
    del os.environ[name]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(options.threads)
os.environ["MINIGRAD_CACHE"] = tempfile.mkdtemp(prefix="minigrad-cold-")

import numpy as np
import torch

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

torch.set_num_threads(options.threads)
CLASSES, AGREE_STEPS, AGREE_RTOL = 10, 5, 2e-3


def ours(layer, head):
    lstm, linear = nn.LSTM(options.inputs, options.hidden), nn.Linear(options.hidden, CLASSES)
    for module, other in ((lstm, layer), (linear, head)):
        module.load_state_dict({name: mg.tensor(value.numpy()) for name, value in other.state_dict().items()})
    optimizer = mg.optim.Adam([*lstm.parameters(), *linear.parameters()], lr=1e-3)

    def step(x, y):
        _, (h, _) = lstm(x)
        loss = F.cross_entropy(linear(h[0]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def theirs(layer, head):
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-3)

    def step(x, y):
        _, (h, _) = layer(x)
        loss = torch.nn.functional.cross_entropy(head(h[0]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def timed(step, batch, repeat):
    start = time.perf_counter()
    for _ in range(repeat):
        step(*batch)
    return (time.perf_counter() - start) / repeat


def main():
    torch.manual_seed(0)
    layer, head = torch.nn.LSTM(options.inputs, options.hidden), torch.nn.Linear(options.hidden, CLASSES)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((options.steps, options.batch, options.inputs)).astype(np.float32)
    y = rng.integers(0, CLASSES, options.batch)
    compiled = mg.jit(ours(layer, head), warmup=0)
    steps = {
        "minigrad eager": (ours(layer, head), (mg.tensor(x), mg.tensor(y)), 1),
        "minigrad compiled": (compiled, (mg.tensor(x), mg.tensor(y)), 10),
        "PyTorch nn.LSTM": (theirs(layer, head), (torch.tensor(x), torch.tensor(y)), 10),
    }
    start = time.perf_counter()
    first = compiled(*steps["minigrad compiled"][1]).item()
    cold = time.perf_counter() - start
    losses = {
        name: [step(*batch).item() for _ in range(AGREE_STEPS)] if step is not compiled
        else [first, *(step(*batch).item() for _ in range(AGREE_STEPS - 1))]
        for name, (step, batch, _) in steps.items()
    }  # fmt: skip
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses["PyTorch nn.LSTM"], rtol=AGREE_RTOL, err_msg=name)
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(options.rounds):
        for name, (step, batch, repeat) in steps.items():
            best[name] = min(best[name], timed(step, batch, repeat))
    print(f"LSTM, {options.steps} steps, batch {options.batch}, {options.inputs} inputs, {options.hidden} hidden units")
    for name, seconds in best.items():
        print(f"  {name:20s} {1e3 * seconds:8.2f} ms   {best['PyTorch nn.LSTM'] / seconds:5.2f} of PyTorch's speed")
    operations = [len(op.params["loop"].body.ops) for op in compiled.graph.ops if op.name == "scan"]
    print(f"  compiled in {cold:.1f} s; {len(compiled.graph.ops)} operations and, in loops, {operations}")


if __name__ == "__main__":
    main()
