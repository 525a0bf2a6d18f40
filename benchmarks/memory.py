"""Peak memory of a compiled training step, against what it must hold and against PyTorch eager.

    python benchmarks/memory.py

Each contestant runs in a process of its own. The peak is the high-water mark of its resident memory over three steps
in steady state, less its resident memory before the net was made, when libraries and data are loaded. It is compared
with parameters, optimizer state, gradients and the temporaries that by the memory plan are alive at the same time:
`step.cost()`. Then a hundred steps run while Python's allocations are traced: the peak is what is allocated beside the
arena, which should be the returned loss and small change. Linux only, it reads /proc. Needs PyTorch.
"""

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np

CASES = {
    "MLP 784-2048-2048-10, batch 1024, momentum": ("mlp", [784, 2048, 2048, 10], "ReLU", (1024, 784)),
    "CNN 3-32-32-64-64, 32 x 32, batch 64, momentum": ("cnn", [3, 32, 32, 64, 64], None, (64, 3, 32, 32)),
}


def resident(what="VmRSS"):
    """Bytes of resident memory; VmHWM is the highest since the last reset."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(what + ":")]
    return 1024 * int(line.split()[1])


def peak(step, steps=3):
    """The highest resident memory while some steps run."""
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(steps):
        step()
    return resident("VmHWM")


def data(shape):
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape, np.float32), rng.integers(0, 10, shape[0])


def net(lib, kind, sizes, activation):
    import cases

    return cases.mlp(lib, sizes, activation) if kind == "mlp" else cases.cnn(lib, sizes)


def ours(kind, sizes, activation, shape):
    import cases

    import minigrad as mg
    from minigrad import nn

    other = mg.jit(cases.training(cases.mlp(nn, [4, 3], "ReLU"), "SGD", cases.MOMENTUM), warmup=0)
    other(cases.normal(5, 4), cases.labels(5, 3))  # loads the compiler
    x, y = map(mg.tensor, data(shape))
    baseline = resident()
    model = net(nn, kind, sizes, activation)
    step = mg.jit(cases.training(model, "SGD", cases.MOMENTUM))
    for _ in range(3):
        step(x, y)
    found = {"peak": peak(lambda: step(x, y)) - baseline}
    cost = step.cost()
    found |= {name: getattr(cost, name) for name in ("state", "gradients", "live", "arena")}
    tracemalloc.start()
    step(x, y)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(100):
        step(x, y)
    return found | {"allocated": tracemalloc.get_traced_memory()[1] - before}


def torch_eager(kind, sizes, activation, shape):
    import cases
    import torch

    torch.set_num_threads(1)
    warm = cases.mlp(torch.nn, [4, 3], "ReLU")
    warm(torch.zeros(5, 4)).sum().backward()  # starts its threads and libraries
    x, y = map(torch.tensor, data(shape))
    baseline = resident()
    model = net(torch.nn, kind, sizes, activation)
    optimizer = torch.optim.SGD(model.parameters(), **cases.MOMENTUM)
    step = cases.train_step(torch.nn.functional.cross_entropy, model, optimizer)
    for _ in range(3):
        step(x, y)
    return {"peak": peak(lambda: step(x, y)) - baseline}


def process(contestant, name, cache):
    """What a contestant found, in a fresh process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")} | {"MINIGRAD_CACHE": cache}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, contestant, name]
    done = subprocess.run(command, env=environment | threads, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def main():
    if len(sys.argv) > 1:
        contestant = {"minigrad": ours, "torch": torch_eager}[sys.argv[1]]
        return print(json.dumps(contestant(*CASES[sys.argv[2]])))
    with tempfile.TemporaryDirectory() as cache:
        for name in CASES:
            process("minigrad", name, cache)  # compiles: what the compiler itself takes is not the step's
            found, rival = process("minigrad", name, cache), process("torch", name, cache)
            report(name, found, rival["peak"])


def report(name, found, rival):
    """Three lines for a case."""
    needed = found["state"] + found["gradients"] + found["live"]
    parts = ", ".join(f"{k} {found[k] / 1e6:.1f}" for k in ("state", "gradients", "live", "arena"))
    ratio, advantage = found["peak"] / needed, rival / found["peak"]
    print(name)
    print(f"    minigrad {found['peak'] / 1e6:.1f} MB, of {needed / 1e6:.1f} needed ({parts}): {ratio:.2f} times")
    print(f"    PyTorch {rival / 1e6:.1f} MB: {advantage:.2f} times minigrad's")
    print(f"    100 steps allocate at most {found['allocated'] / 1e3:.1f} kB beside the arena", flush=True)


if __name__ == "__main__":
    main()
