"""The command line: `minigrad train`, `minigrad predict`, `minigrad gradcheck`.

An error in what the user gave is one line on standard error and exit code 2.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from minigrad.errors import ConfigError, MinigradError

WRONG_INPUT, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: that of the process) and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except MinigradError as error:
        print(f"minigrad {arguments.command}: error: {_one_line(error)}", file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:  # whoever read the output, say `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"minigrad {arguments.command}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(error):
    return " ".join(str(error).split())


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(WRONG_INPUT)


def _parser():
    parser = _Parser(prog="minigrad", description="A small deep-learning framework.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_gradcheck(commands)
    return parser


# ---- minigrad train


def _add_train(commands):
    parser = commands.add_parser(
        "train",
        help="train a classifier",
        description="Train a classifier and write a run folder. What is not given is chosen to suit the data.",
    )
    parser.set_defaults(run=_train)
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="digits, mnist, or a file: .npz, .csv, IDX (default: digits)"
    )
    parser.add_argument("--data", dest="data_option", metavar="DATA", help="the same")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, with its own settings")
    parser.add_argument("--out", metavar="RUN", help="the run folder to write (default: the next free one in runs)")
    for flags, options in TRAIN_OPTIONS.items():
        parser.add_argument(*flags.split(), **options)


TRAIN_OPTIONS = {
    "--label": {"metavar": "NAME", "help": "the label column of a .csv (default: label) or label array of an .npz (y)"},
    "--model": {
        "metavar": "MODEL",
        "help": "mlp, cnn, FILE.py:function, or layers such as 'conv 16 3, relu, pool 2, linear 10'",
    },
    "--epochs": {"type": int, "metavar": "N", "help": "how often to go through the training samples"},
    "--batch-size": {"type": int, "metavar": "N", "help": "samples a step"},
    "--optimizer": {"metavar": "NAME", "help": "adam (default), sgd, or another of mg.optim"},
    "--lr": {"type": float, "metavar": "RATE", "help": "the highest learning rate: warm-up, then cosine to 0"},
    "--weight-decay": {"type": float, "metavar": "W", "help": "default 0"},
    "--momentum": {"type": float, "metavar": "M", "help": "for sgd (default 0.9)"},
    "--shift": {"type": int, "metavar": "N", "help": "move training images at random by up to N pixels"},
    "--validation": {"type": float, "metavar": "SHARE", "help": "samples to choose the best epoch by (default 0.1)"},
    "--test": {"type": float, "metavar": "SHARE", "help": "samples to measure the result on (default 0.1)"},
    "--seed": {"type": int, "metavar": "N", "help": "of the split, the parameters and the order (default 0)"},
    "--jit": {
        "action": argparse.BooleanOptionalAction,
        "help": "compile what is repeated, or nothing (default: what is repeated often enough to pay for it)",
    },
}
SETTINGS = [flag.removeprefix("--").replace("-", "_") for flag in TRAIN_OPTIONS]


def _train(arguments):
    from minigrad.train import resume, train

    settings = {name: getattr(arguments, name) for name in SETTINGS}
    if arguments.data and arguments.data_option:
        raise ConfigError(f"[train] two data sets: {arguments.data} and --data {arguments.data_option}.")
    settings["data"] = arguments.data or arguments.data_option
    if arguments.resume is None:
        settings["data"] = settings["data"] or "digits"
        result = train(settings, arguments.out)
    else:
        given = [name for name, value in {**settings, "out": arguments.out}.items() if value is not None]
        if given:
            raise ConfigError(f"[train] --resume takes the settings of its run: leave out {', '.join(given)}.")
        result = resume(arguments.resume)
    return INTERRUPTED if result is None else 0


# ---- minigrad predict


def _add_predict(commands):
    parser = commands.add_parser(
        "predict",
        help="apply the model of a run",
        description="Write the predicted class of every sample as CSV; print the accuracy if the data have labels.",
    )
    parser.set_defaults(run=_predict)
    parser.add_argument("model_run", metavar="RUN", help="the folder of a run")
    parser.add_argument("data", metavar="DATA", help="digits, mnist, or a file: .npz, .csv, IDX; labels may be absent")
    parser.add_argument("--label", metavar="NAME", help="the label column or array (default: the run's)")
    parser.add_argument("--out", metavar="FILE", help="the CSV file to write (default: standard output)")


def _predict(arguments):
    from minigrad.train import predict

    prediction = predict(arguments.model_run, arguments.data, arguments.label)
    if arguments.out is None:
        prediction.write_csv(sys.stdout)
    else:
        try:
            with open(arguments.out, "w", newline="") as file:
                prediction.write_csv(file)
        except OSError as error:
            raise ConfigError(f"[predict] cannot write {arguments.out}: {error.strerror}.") from error
    if prediction.accuracy is not None:
        print(f"accuracy {prediction.accuracy:.2%} of {len(prediction.y)} samples", file=sys.stderr)
    return 0


# ---- minigrad gradcheck

WRONG_GRADIENT = 1


def _add_gradcheck(commands):
    parser = commands.add_parser(
        "gradcheck",
        help="check a gradient against numerical derivatives",
        description="Check the gradient of a function in a Python file at random inputs, and say what is wrong with it."
        " Exit code: 0 right, 1 wrong, 2 it could not be checked.",
    )
    parser.set_defaults(run=_gradcheck)
    parser.add_argument("target", metavar="FILE.py:NAME", help="what to check; FILE.py:F,DF names the gradient too")
    parser.add_argument(
        "--inputs",
        required=True,
        metavar="INPUTS",
        help="such as 'x:4,3 w:3,2': shapes; y:4:int<10 integers, p:4:0.1..0.9 from an interval, reg=0.1 a setting",
    )
    parser.add_argument(
        "--style",
        default="tensor",
        choices=["tensor", "cs231n", "needle", "minitorch", "numpy"],
        help="how it is written: a function or Module of minigrad tensors (default), or as a course has it in NumPy",
    )
    parser.add_argument("--order", type=int, metavar="N", help="derivatives to check (default 2; style tensor only)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the inputs (default 0)")
    parser.add_argument("--rtol", type=float, default=1e-6, metavar="R", help="relative tolerance (default 1e-6)")


def _gradcheck(arguments):
    from minigrad.checking.command import check_file

    for name, least in {"order": 1, "seed": 0, "rtol": 0}.items():
        value = getattr(arguments, name)
        if value is not None and not value >= least:
            raise ConfigError(f"[gradcheck] --{name} must be at least {least}, got {value}.")
    report = check_file(
        arguments.target, arguments.inputs, arguments.style, arguments.order, arguments.seed, arguments.rtol
    )
    print(report)
    return 0 if report.passed else WRONG_GRADIENT
