"""A program: compiled steps on memory with an unreadable page at either end of every buffer.

A byte read or written outside of a buffer ends the process with a signal. Every step runs twice, with the buffers
flush against the page behind them and against the page before them; it must find what it finds on ordinary memory,
and with an index out of range it must report a failure and leave its state as it was.
"""

import ctypes
import mmap
import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
KEPT = []  # the mappings


def guarded(array, at_end):
    """A copy of an array between two pages that nobody may touch."""
    pages = -(-max(array.nbytes, 1) // PAGE)
    KEPT.append(mapping := mmap.mmap(-1, (pages + 2) * PAGE))
    start = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    for page in (start, start + (pages + 1) * PAGE):
        if LIBC.mprotect(ctypes.c_void_p(page), PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = PAGE + (pages * PAGE - array.nbytes if at_end else 0)
    copy = np.frombuffer(mapping, array.dtype, array.size, offset).reshape(array.shape)
    copy[...] = array
    return copy


class Guarded:
    """A compiled step whose state, arenas, arguments and results lie between guard pages."""

    def __init__(self, step, at_end):
        self.step, self.at_end = step, at_end
        state = step.state
        self.held = [guarded(slot.holder().data, at_end) for slot in state.slots]
        self.fixed = [guarded(buffer, at_end) for buffer in step.fixed.values()]
        self.table = guarded(step.table, at_end)
        addresses = [a.__array_interface__["data"][0] for a in (*self.held, *self.fixed)]
        self.table[: len(addresses)] = addresses

    def __call__(self, *args):
        given = [guarded(args[s.position].data, self.at_end) for _, s in self.step.tensors]
        self.outs = [guarded(np.zeros(v.shape, v.dtype), self.at_end) for v in self.step.outs]
        return self.step.function(self.table, *given, *self.outs)


def training(model, optimizer, loss):
    opt = optimizer(model.parameters())

    def step(x, y):
        value = loss(model(x), y)
        opt.zero_grad()
        value.backward()
        opt.step()
        return value

    return step


class Mean(nn.Module):
    """Means of embedded words."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(mg.random.normal((11, 6)))
        self.out = nn.Linear(6, 3)

    def forward(self, ids):
        return self.out(mg.mean(self.table[ids], axis=1))


rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 7)
ids = rng.integers(-11, 11, (7, 5))
images = rng.standard_normal((7, 2, 9, 7)).astype("float32")
rows = rng.standard_normal((7, 13)).astype("float32")


def changed(array, value):
    other = array.copy()
    other.flat[-1] = value
    return other


def cnn():
    layers = nn.Conv2d(2, 5, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2, padding=1), nn.Flatten()
    return nn.Sequential(*layers, nn.Dropout(0.3), nn.Linear(5 * 3 * 3, 3))


def mlp():
    return nn.Sequential(nn.Linear(13, 17), nn.Tanh(), nn.Linear(17, 3))


def indexing(x, i):
    along = mg.take_along_axis(x, mg.reshape(i, (7, 5)), axis=1)
    picked = mg.take(x, mg.reshape(i, (35,)), axis=1)
    return along, picked, mg.sort(picked, axis=0), mg.cumulative_sum(along, axis=1), mg.argmax(x, axis=0)


def differentiated(x, i):
    return mg.grad(lambda x: sum(mg.sum(y * y) for y in indexing(x, i)[:4]))(x)


# name -> (function or step, arguments, arguments that it refuses)
CASES = {
    "mlp": (
        training(mlp(), optim.Adam, F.cross_entropy),
        (rows, labels),
        [(rows, changed(labels, n)) for n in (3, -1)],
    ),
    "momentum": (
        training(mlp(), lambda p: optim.SGD(p, lr=0.1, momentum=0.9), F.cross_entropy),
        (rows, labels),
        [(rows, changed(labels, 2**62))],
    ),
    "cnn": (training(cnn(), optim.AdamW, F.cross_entropy), (images, labels), [(images, changed(labels, -(2**63)))]),
    "embedding": (
        training(Mean(), optim.Adam, F.cross_entropy),
        (ids, labels),
        [(changed(ids, n), labels) for n in (11, -12, 2**40)],
    ),
    "indexing": (indexing, (rows, ids), [(rows, changed(ids, n)) for n in (13, -14)]),
    "gradient of indexing": (differentiated, (rows, ids), [(rows, changed(ids, n)) for n in (13, -14)]),
}


def check(name, at_end):
    function, arguments, refused = CASES[name]
    arguments = [mg.tensor(a) for a in arguments]
    mg.manual_seed(0)
    step = mg.jit(function)
    for _ in range(3):
        step(*arguments)
    compiled = step.last
    compiled.state.settle()
    twin = Guarded(compiled, at_end)
    compiled.read_numbers()
    twin.fixed[0][...], twin.fixed[1][...] = compiled.fixed["S"], compiled.fixed["N"]
    before = [a.copy() for a in twin.held]
    for bad in refused:
        if not twin(*map(mg.tensor, bad)):
            raise SystemExit(f"{name}: an index out of range was not refused")
        for a, b in zip(twin.held, before):
            np.testing.assert_array_equal(a, b, err_msg=f"{name}: the state was changed")
    if twin(*arguments):
        raise SystemExit(f"{name}: good indices were refused")
    expected = [x.data for x in mg.tree.leaves(step(*arguments)) if isinstance(x, mg.Tensor)]
    for a, b in zip(twin.outs, expected):
        np.testing.assert_array_equal(a, b, err_msg=name)
    for a, slot in zip(twin.held, compiled.state.slots):
        np.testing.assert_array_equal(a, slot.holder().data, err_msg=name)


if __name__ == "__main__":
    for name in CASES:
        for at_end in (True, False):
            print(name, at_end, flush=True)
            check(name, at_end)
    if "--beyond" in sys.argv:  # shows that the pages do guard
        print("beyond", flush=True)
        ctypes.c_char.from_address(guarded(np.zeros(3), True).ctypes.data + 24).value  # noqa: B018
