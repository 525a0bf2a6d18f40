"""`minigrad gradcheck`: exit codes, the report on standard output, one-line errors."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad.cli import main

ROOT = Path(__file__).parents[1]

CODE = """
import math
import numpy as np
import minigrad as mg
from neighbour import FACTOR

def rowwise(x, w, b):
    return mg.tanh(x @ w) + b

def loss(x, y):
    return mg.nn.functional.cross_entropy(x, y)

def logarithm(p):
    return mg.log(p)

def cut(x):
    return x - mg.mean(x.detach())

model = mg.nn.Linear(3, 2)
cube = mg.custom_op(lambda x: x**3, lambda g, out, x: g * 3.0 * x**2)

def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(0)

def forgetful_backward(dout, cache):
    return (*affine_backward(dout, cache)[:2], dout[0])

def ridge_loss(x, reg, y):
    n = len(y)
    return ((x.sum(1) - y) ** 2).sum() / n + reg * (x**2).sum(), 2 * (x.sum(1) - y)[:, None] / n + 2 * reg * x

class Mul:
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, d):
        a, b = ctx.saved_values
        return d * b, d * a

class Scale:
    def compute(self, a):
        return a * FACTOR

    def gradient(self, out_grad, node):
        return out_grad * FACTOR

scale = Scale()

def f(x):
    return np.sum(np.sin(x))

def df(x):
    return np.cos(x)

def wrong(x):
    return -np.cos(x)

def breaks(x):
    raise ValueError("no luck")

def blank_forward(x):
    return x, x

def blank_backward(dout, cache):
    raise NotImplementedError("write it")

number = 3
"""


@pytest.fixture
def file(tmp_path):
    """The path of a file with right and wrong gradients, and with a neighbour."""
    (tmp_path / "neighbour.py").write_text("FACTOR = 3.0")
    (tmp_path / "code.py").write_text(CODE)
    return tmp_path / "code.py"


def at(text):
    """Where an error in this line of the code is said to be."""
    return f"line {1 + CODE[: CODE.index(text)].count(chr(10))}: "


RIGHT = {
    "tensors": ("rowwise --inputs 'x:4,3 w:3,2 b:2'", "second derivative: right for x, w, b, cotangent"),
    "in any order": ("rowwise --inputs 'b:2 w:3,2 x:4,3'", "second derivative: right for x, w, b, cotangent"),
    "third order": ("rowwise --order 3 --inputs 'x:2,3 w:3,2 b:2'", "derivative of order 3: right"),
    "labels": ("loss --inputs 'x:4,10 y:4:int<10'", "gradient: right for x\n"),
    "an interval": ("logarithm --inputs p:4:0.5..2 --seed 5", "gradient: right for p"),
    "a module": ("model --inputs x:4,3", "gradient, eval mode: right for input, weight, bias"),
    "an operation of one's own": ("cube --inputs x:4", "second derivative: right for x, cotangent"),
    "a single number": ("cube --inputs x:", "gradcheck of <lambda>: passed"),
    "a pair": ("affine --style cs231n --inputs 'x:4,3 w:3,2 b:2'", "gradient: right for x, w, b"),
    "forward of a pair": ("affine_forward --style cs231n --inputs 'x:4,3 w:3,2 b:2'", "right for x, w, b"),
    "a loss": ("ridge_loss --style cs231n --inputs 'x:4,3 y:4:int<3 reg=0.5'", "gradient: right for x"),
    "minitorch": ("Mul --style minitorch --inputs 'a:3 b:3'", "gradient: right for a, b"),
    "needle, a class": ("Scale --style needle --inputs a:3", "gradient: right for a"),
    "needle, an object": ("scale --style needle --inputs a:3", "gradient: right for a"),
    "NumPy": ("f --style numpy --inputs x:3", "gradient, complex step mode: right for x"),
    "NumPy, both named": ("f,df --style numpy --order 1 --inputs x:3", "gradient: right for x"),
}
WRONG = {
    "tensors": ("cut --inputs x:5", "likely cause: dependence missed"),
    "a pair": ("affine_forward,forgetful_backward --style cs231n --inputs 'x:4,3 w:3,2 b:2'", "axis not summed"),
    "NumPy": ("f,wrong --style numpy --inputs x:4", "likely cause: sign flipped"),
}
UNUSABLE = {
    "no such name": ("sqare --inputs x:4", "has no function or class sqare"),
    "no function": ("number --inputs x:4", "has no function or class number"),
    "no backward": ("affine_forward,ba --style cs231n --inputs x:4", "has no function or class ba"),
    "no derivative": ("breaks --style numpy --inputs x:4", "has no function or class dbreaks or breaks_grad"),
    "too many names": ("cut,cube --inputs x:4", "style tensor takes 1 names at most, got cut,cube"),
    "inputs without a shape": ("cut --inputs x", "cannot read the input 'x': write x:4,3"),
    "a kind that is none": ("cut --inputs x:4:real", "cannot read 'real' in the input 'x:4:real'"),
    "a setting that is none": ("cut --inputs x=4,,", "the value of 'x=4,,' is no Python literal"),
    "an input twice": ("cut --inputs 'x:4 x:3'", "two inputs are called x"),
    "inputs too large": ("cut --inputs x:9999999,9999999", "Unable to allocate"),
    "no inputs": ("cut --inputs ''", "expected inputs such as x:4,3"),
    "inputs missing": ("cut", "the following arguments are required: --inputs"),
    "too few inputs": ("rowwise --inputs x:4,3", "TypeError"),
    "shapes that do not fit": ("rowwise --inputs 'x:4,3 w:2,2 b:2'", "[matmul]"),
    "NumPy shapes that do not fit": (
        "affine --style cs231n --inputs 'x:4,3 w:2,2 b:2'",
        at("return x @ w + b, (x, w)") + "ValueError",
    ),
    "code that raises": ("breaks --inputs x:4", at("raise ValueError") + "ValueError: no luck"),
    "not written yet": ("blank --style cs231n --inputs x:4", at("raise Not") + "NotImplementedError: write it"),
    "an order of NumPy code": ("f --style numpy --order 2 --inputs x:4", "style numpy has first derivatives only"),
    "order 0": ("cut --order 0 --inputs x:4", "--order must be at least 1, got 0"),
    "a style that is none": ("cut --style jax --inputs x:4", "invalid choice: 'jax'"),
    "a class of another style": ("Mul --style needle --inputs 'a:3 b:3'", "AttributeError"),
}


def run(file, line):
    """The exit code of the command with this name and these options."""
    name, *options = shlex.split(line)
    try:
        return main(["gradcheck", f"{file}:{name}", *options])
    except SystemExit as stop:  # from argparse
        return stop.code


@pytest.mark.parametrize("name", RIGHT)
def test_right(name, file, capsys):
    line, expected = RIGHT[name]
    assert run(file, line) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name, file, capsys):
    line, expected = WRONG[name]
    assert run(file, line) == 1
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable(name, file, capsys):
    line, expected = UNUSABLE[name]
    assert run(file, line) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert expected in printed.err
    assert printed.err.count("\n") == 1


FILES = {
    "missing": (None, "there is no file"),
    "a syntax error": ("def f(:", "SyntaxError"),
    "an import that fails": ("import no_such_module", "ModuleNotFoundError"),
    "an exit": ("raise SystemExit(0)", "line 1: SystemExit"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_loaded(name, tmp_path, capsys):
    content, expected = FILES[name]
    if content is not None:
        (tmp_path / "code.py").write_text(content)
    assert run(tmp_path / "code.py", "f --inputs x:4") == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.err.count("\n") == 1


def test_a_target_without_a_name(capsys):
    assert main(["gradcheck", "code.py", "--inputs", "x:4"]) == 2
    assert "expected FILE.py:NAME, got 'code.py'" in capsys.readouterr().err


def test_the_path_for_imports_is_put_back(file):
    before = list(sys.path)
    run(file, "cube --inputs x:4")
    assert sys.path == before


def test_the_seed_draws_the_inputs(file, capsys):
    reports = []
    for seed in (0, 0, 1):
        run(file, f"cut --inputs x:5 --seed {seed}")
        reports.append(capsys.readouterr().out)
    assert (reports[0] == reports[1], reports[0] == reports[2]) == (True, False)


def test_as_a_process(file):
    """From the shell: a wrong gradient, exit code 1, nothing on standard error."""
    command = [sys.executable, "-m", "minigrad", "gradcheck", f"{file}:f,wrong", "--style", "numpy", "--inputs", "x:4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("gradcheck of f: FAILED")
