"""How long it takes to compile a training step, cold and from the disk, and where the time goes.

    python benchmarks/compile.py [--only transformer] [--hot 12]

Each step is compiled in a fresh process with an empty cache (cold), then loaded in another one (warm). Cold is the time
of the first call, of tracing, compiling and one run; it does not contain imports, which every process pays. Warm is
the time of a whole process that makes the net and runs the step once, less that of a process that imports numba and
scipy.linalg.cython_blas and ends. Both as wall-clock and, in brackets, as processor time in user mode, which other
programs on the machine disturb less.
trace, lower and emit (schedule and plan included) are ours; numba's frontend is all of numba that is not LLVM.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from functools import wraps
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

ONLY_IMPORTS = "import numba, scipy.linalg.cython_blas"
PHASES = ("trace", "lower", "emit", "frontend", "LLVM")


# ---- inside a fresh process


class Phases:
    """Seconds by phase: the time inside wrapped functions, less that inside those that they call."""

    def __init__(self):
        self.seconds = defaultdict(float)
        self.children = [0.0]

    @contextmanager
    def timed(self, phase):
        start = time.perf_counter()
        self.children.append(0.0)
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[phase] += spent - self.children.pop()
            self.children[-1] += spent

    def watch(self, owner, name, phase):
        """Count the time inside a function under a phase."""
        function = getattr(owner, name)

        @wraps(function)
        def counted(*args, **kwargs):
            with self.timed(phase):
                return function(*args, **kwargs)

        setattr(owner, name, counted)


class Passes:
    """Listens to numba: seconds by compiler pass and function, without those of what it calls."""

    def __init__(self):
        self.seconds, self.times, self.open = Counter(), Counter(), []

    def notify(self, event):
        if event.is_start:
            self.open.append([event.data["name"], time.process_time(), 0.0])
            return
        name, start, inner = self.open.pop()
        spent = time.process_time() - start
        self.seconds[name] += spent - inner
        self.times[name] += 1
        if self.open:
            self.open[-1][2] += spent


def child(name, detail):
    """Compile one step and print what it took."""
    import cases

    import minigrad as mg
    from minigrad.compiler import compiled

    exec(ONLY_IMPORTS)
    make, *arguments = cases.STEPS[name]
    step, *batch = make(*arguments)
    step = mg.jit(step, warmup=0)
    phases, passes = Phases(), Passes()
    if detail:
        from numba.core import codegen, cpu, event

        phases.watch(compiled.Trace, "__init__", "trace")
        phases.watch(compiled.Trace, "graph", "lower")
        phases.watch(compiled.Compiled, "build", "emit")
        phases.watch(compiled, "compiled", "frontend")
        phases.watch(codegen.CPUCodeLibrary, "finalize", "LLVM")
        phases.watch(cpu.CPUContext, "get_executable", "LLVM")
        event.Listener.register(Passes)
        event.register("numba:run_pass", passes)
    start, user = time.perf_counter(), getrusage(RUSAGE_SELF).ru_utime
    step(*batch)
    cold = time.perf_counter() - start, getrusage(RUSAGE_SELF).ru_utime - user
    kernels = len(step.cost().kernels)
    hot = [(passes.times[n], s, n) for n, s in passes.seconds.most_common(40)]
    print(json.dumps({"cold": cold, "kernels": kernels, "phases": phases.seconds, "hot": hot}))


# ---- outside


def process(*command, cache):
    """Run Python; what it printed, and the time of the whole process: wall-clock and user."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    environment |= {"MINIGRAD_CACHE": cache, "OPENBLAS_NUM_THREADS": "1"}
    start, user = time.perf_counter(), getrusage(RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - start, getrusage(RUSAGE_CHILDREN).ru_utime - user
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout, spent


def median(pairs):
    """Of wall-clock and of user times."""
    return [statistics.median(column) for column in zip(*pairs)]


def shown(wall, user):
    return f"{wall:6.2f} ({user:5.2f}) s"


def measure(name, repeats, hot):
    """One line for a step; with `hot` also numba's most expensive passes."""
    with tempfile.TemporaryDirectory() as cache:
        run = [__file__, "--child", name]
        found = json.loads(process(*run, "--detail", cache=cache)[0])
        rounds = [(process("-c", ONLY_IMPORTS, cache=cache)[1], process(*run, cache=cache)[1]) for _ in range(repeats)]
    imports, loaded = median(i for i, _ in rounds), median(w for _, w in rounds)
    warm = shown(*(b - a for a, b in zip(imports, loaded)))
    phases = "  ".join(f"{p} {found['phases'].get(p, 0):5.2f}" for p in PHASES)
    print(f"{name:58s} cold {shown(*found['cold'])}  warm + {warm}  {found['kernels']} kernels: {phases}", flush=True)
    for times, seconds, what in found["hot"][:hot]:
        print(f"    {seconds:6.3f} s  {times:4d} times  {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="steps whose name contains this")
    parser.add_argument("--repeats", type=int, default=5, help="warm processes, interleaved with imports (default 5)")
    parser.add_argument("--hot", type=int, default=0, help="list so many of numba's most expensive passes")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--detail", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.detail)
    import cases

    for name in cases.STEPS:
        if options.only in name:
            measure(name, options.repeats, options.hot)


if __name__ == "__main__":
    main()
