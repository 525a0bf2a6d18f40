"""A whole training step compiled by minigrad, against PyTorch eager, torch.compile and jax.jit, interleaved in one run.

    python benchmarks/steps.py [--threads 1] [--rounds 15]

float32, data resident, a fresh minibatch selected for each step. All start from the same weights and see the same
batches; their losses over the first steps must agree before anything is timed. torch.compile has the optimizer step
inside, jax donates its buffers. A rival that is not installed, or cannot compile here, is left out and named.
The figures are the median time of the fastest rival over minigrad's, called step by step and inside `step.loop`: above
1 minigrad is faster. Below them the flop bound, the step's flops at the rate of a large product in this run, and the
time of its matrix products alone: the same shapes and transposes, one after the other through the same BLAS. Needs
`pip install -e ".[bench]"`. OPENBLAS_* and thread variables are set before the libraries load; with one thread all run
on one core, since XLA would take two.
"""

import argparse
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--threads", type=int, default=1, help="threads for all (default 1)")
parser.add_argument("--rounds", type=int, default=15, help="interleaved timing rounds (default 15)")
parser.add_argument("--rivals", default="torch,torch.compile,jax", help="which to run beside minigrad")
options = parser.parse_args()

for name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
    del os.environ[name]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(options.threads)
if options.threads == 1:
    # XLA takes a second core whatever its flags say; a thread that only dispatches would cost it time on one core.
    os.environ["JAX_CPU_ENABLE_ASYNC_DISPATCH"] = "false"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
import torch
from cases import MLPS, mlp, train_step
from scipy.linalg.blas import sgemm
from threadpoolctl import threadpool_info

import minigrad as mg
from minigrad.nn import functional as F

torch.set_num_threads(options.threads)
mg.set_num_threads(options.threads)
BATCHES, AGREE_STEPS, AGREE_RTOL = 8, 5, 2e-3

def ours(weights, sizes, activation, kind, arguments):
    model = mlp(mg.nn, sizes, activation)
    model.load_state_dict({k: mg.tensor(v) for k, v in weights.items()})
    optimizer = getattr(mg.optim, kind)(model.parameters(), **arguments)
    return mg.jit(train_step(F.cross_entropy, model, optimizer)), mg.tensor


def torch_eager(weights, sizes, activation, kind, arguments):
    model = mlp(torch.nn, sizes, activation)
    model.load_state_dict({k: torch.tensor(v) for k, v in weights.items()})
    optimizer = getattr(torch.optim, kind)(model.parameters(), **arguments)
    return train_step(torch.nn.functional.cross_entropy, model, optimizer), torch.tensor


def torch_compiled(*case):
    step, convert = torch_eager(*case)
    return torch.compile(step), convert


def jax_jit(weights, sizes, activation, kind, arguments):
    import jax
    import jax.numpy as jnp

    act = jnp.tanh if activation == "Tanh" else jax.nn.relu
    lr, mu, (b1, b2), eps = arguments["lr"], arguments.get("momentum", 0.0), (0.9, 0.999), 1e-8
    names = sorted({k.split(".")[0] for k in weights}, key=int)
    params = [(jnp.asarray(weights[f"{k}.weight"]), jnp.asarray(weights[f"{k}.bias"])) for k in names]
    zeros = jax.tree.map(jnp.zeros_like, params)

    def loss_of(params, x, y):
        for i, (w, b) in enumerate(params):
            x = x @ w.T + b
            if i < len(params) - 1:
                x = act(x)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    def update(state, x, y):
        params, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(params, x, y)
        t = t + 1
        if kind == "Adam":
            m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
            v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
            scale = lr / (1 - b1**t)
            params = jax.tree.map(
                lambda p, m, v: p - scale * m / (jnp.sqrt(v) / jnp.sqrt(1 - b2**t) + eps), params, m, v
            )
        elif mu:
            m = jax.tree.map(lambda m, g: mu * m + g, m, g)
            params = jax.tree.map(lambda p, m: p - lr * m, params, m)
        else:
            params = jax.tree.map(lambda p, g: p - lr * g, params, g)
        return (params, m, v, t), loss

    compiled = jax.jit(update, donate_argnums=0)
    held = {"state": (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0))}

    def step(x, y):
        held["state"], loss = compiled(held["state"], x, y)
        return loss

    return step, jnp.asarray


RIVALS = {"torch": torch_eager, "torch.compile": torch_compiled, "jax": jax_jit}


def multiply(a, b, c, ta, tb):
    """c = op(a) op(b), row-major, by SciPy's BLAS, whose matrices are column-major: c' = op(b)' op(a)'."""
    sgemm(1.0, b.T, a.T, c=c.T, trans_a=tb, trans_b=ta, overwrite_c=True)


def gemm_peak(n=1024):
    """The most flops a second of repeated products."""
    a, b, c = (np.ones((n, n), np.float32) for _ in range(3))
    times = []
    for _ in range(20):
        start = time.perf_counter()
        multiply(a, b, c, 0, 0)
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times)


def products(step):
    """The matrix products of a compiled step alone: same shapes, same transposes, one after the other."""
    calls = []
    for op in step.graph.ops:
        if op.name == "matmul2" and len(op.outputs[0].shape) == 2:
            arrays = [np.ones(v.shape, np.float32) for v in (*op.values, *op.outputs)]
            calls.append((*arrays, op.params.get("ta", False), op.params.get("tb", False)))

    def run(x, y):
        for call in calls:
            multiply(*call)
        return 0.0

    return run


def timed(step, xs, ys, steps):
    start = time.perf_counter()
    for i in range(steps):
        loss = step(xs[i % BATCHES], ys[i % BATCHES])
    float(loss.detach() if hasattr(loss, "detach") else loss)  # wait: jax returns before it is done
    return (time.perf_counter() - start) / steps * 1e6


def timed_loop(step, xs, ys, steps):
    """The same steps as one step.loop over the data, of which an order selects the batches."""
    x, y = mg.concat(xs), mg.concat(ys)
    order = np.arange(len(x)).reshape(BATCHES, -1)[np.arange(steps) % BATCHES]
    start = time.perf_counter()
    step.loop(order, x, y)
    return (time.perf_counter() - start) / steps * 1e6


def contest(name, sizes, activation, kind, arguments, size, steps, peak):
    torch.manual_seed(0)
    weights = {k: v.numpy().copy() for k, v in mlp(torch.nn, sizes, activation).state_dict().items()}
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((BATCHES, size, sizes[0])).astype(np.float32)
    ys = rng.integers(0, sizes[-1], (BATCHES, size))
    runs, losses = {}, {}
    for label, make in {"minigrad": ours, **{r: RIVALS[r] for r in options.rivals.split(",")}}.items():
        try:
            step, convert = make(weights, sizes, activation, kind, arguments)
            data = [convert(x) for x in xs], [convert(y) for y in ys]
            first = [step(data[0][i], data[1][i]) for i in range(AGREE_STEPS)]
            losses[label] = [float(loss.detach() if hasattr(loss, "detach") else loss) for loss in first]
            runs[label] = (step, *data)
        except Exception as error:  # noqa: BLE001  (a rival that does not run here is left out)
            print(f"  {label} left out: {type(error).__name__}: {str(error).splitlines()[0][:90]}")
    for label, found in losses.items():
        np.testing.assert_allclose(found, losses["minigrad"], rtol=AGREE_RTOL, err_msg=f"{name}: losses of {label}")
    torch.set_num_threads(options.threads)
    timings = {label: (timed, run) for label, run in runs.items()} | {"in loop": (timed_loop, runs["minigrad"])}
    compiled = runs["minigrad"][0]
    timings["products"] = (timed, (products(compiled), *runs["minigrad"][1:]))
    rounds = [{label: timer(*run, steps) for label, (timer, run) in timings.items()} for _ in range(options.rounds)]
    times = {label: statistics.median(r[label] for r in rounds) for label in timings}
    alone, bound = times.pop("products"), compiled.cost().flops / peak * 1e6
    best = min((times[label] for label in runs if label != "minigrad"), default=float("nan"))
    cells = "  ".join(f"{label} {t:8.1f}" for label, t in times.items())
    ratios = f"{best / times['minigrad']:5.2f}, in step.loop {best / times['in loop']:5.2f}"
    print(f"{name:46s} {cells}  us   fastest rival / minigrad {ratios}")
    ratio = times["minigrad"] / alone
    print(f"    flop bound {bound:.1f} us; products alone {alone:.1f} us, minigrad {ratio:.2f} times that", flush=True)


def main():
    blas = sorted({f"{b['internal_api']} {b.get('architecture', '')} x{b['num_threads']}" for b in threadpool_info()})
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}, {options.threads} thread(s); {', '.join(blas)}")
    peak = gemm_peak()
    print(f"peak: {peak / 1e9:.0f} GFLOP/s in a product of 1024 x 1024 matrices")
    for case in MLPS:
        contest(*case, peak)


if __name__ == "__main__":
    main()
