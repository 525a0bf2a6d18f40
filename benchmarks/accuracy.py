"""What `minigrad train` achieves with its defaults, and how long it takes.

    python benchmarks/accuracy.py [--data digits mnist] [--seeds 5]

digits: one run for each seed, which also chooses the split; mean and minimum of the test accuracy.
mnist: the mlp and the cnn, one run each; the files are found as `minigrad.data.mnist` finds them.
Exits with 1 if a run falls short of its target.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from minigrad.train import Display, train

TARGETS = {"digits cnn": 0.98, "mnist mlp": 0.98, "mnist cnn": 0.988}


class Quiet(Display):
    """Shows the bar only."""

    def line(self, text):
        pass


def measure(settings, seeds, folder):
    """Test accuracy and seconds of one run for each seed."""
    accuracies, seconds = [], []
    for seed in seeds:
        started = time.perf_counter()
        out = folder / f"{settings['data']}-{settings['model']}-{seed}"
        accuracies.append(train({**settings, "seed": seed}, out, Quiet())["test_accuracy"])
        seconds.append(time.perf_counter() - started)
    return accuracies, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=["digits", "mnist"], default=["digits", "mnist"])
    parser.add_argument("--seeds", type=int, default=5, help="runs on digits (default 5)")
    options = parser.parse_args()

    print(f"{'run':<12} {'runs':>4} {'mean':>8} {'minimum':>8} {'target':>8} {'seconds':>8}")
    falls_short = False
    for name, target in TARGETS.items():
        data, model = name.split()
        if data not in options.data:
            continue
        with tempfile.TemporaryDirectory() as folder:
            seeds = range(options.seeds if data == "digits" else 1)
            accuracies, seconds = measure({"data": data, "model": model}, seeds, Path(folder))
        mean = statistics.mean(accuracies)
        falls_short |= mean < target
        row = f"{mean:>8.2%} {min(accuracies):>8.2%} {target:>8.2%} {statistics.median(seconds):>8.1f}"
        print(f"{name:<12} {len(accuracies):>4} {row}", flush=True)
    return int(falls_short)


if __name__ == "__main__":
    sys.exit(main())
