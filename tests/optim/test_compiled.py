"""Every optimizer inside `mg.jit`: what the compiled step does is what the eager one does."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from tests.compiler.running import Emitted
from tests.optim.table import RICH, ROWS, START, gradient, ids, shapes

GRADIENTS = [[mg.tensor(gradient(6 * k + 1, i)) for i in range(len(START))] for k in range(6)]


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10 * max(1.0, np.abs(b).max()))


class Trained:
    """An optimizer of the table with its parameters; `step` gives them gradients and returns all that it changes."""

    def __init__(self, name, arguments, indices):
        self.parameters = {i: nn.Parameter(START[i]) for i in indices}
        self.optimizer = getattr(optim, name)(self.parameters.values(), **arguments)

    def step(self, gradients):
        self.optimizer.zero_grad()
        mg.sum(mg.stack([mg.sum(p * gradients[i]) for i, p in self.parameters.items()])).backward()
        self.optimizer.step()
        return self.changed()

    def changed(self):
        state = [t for p in self.parameters.values() for t in self.optimizer.state[p].values()]
        return [t.detach() for t in (*self.parameters.values(), *state)]


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=ids(ROWS))
def test_the_emitted_source_as_plain_python(name, arguments):
    """From the first step, and from some way on, where schedules inside rules take other branches."""
    trained = Trained(name, arguments, shapes(name))
    for k in range(6):
        if k in (0, 5):
            emitted = Emitted(trained.step, GRADIENTS[k])(GRADIENTS[k])
        expected = trained.step(GRADIENTS[k])
        if k in (0, 5):
            close(emitted[: len(expected)], [t.numpy() for t in expected])


def test_compiled_steps_of_all_optimizers():
    """One compiled function with every optimizer in it, each with one parameter: more would take minutes to compile."""
    eager, twins = ([Trained(name, arguments, [0]) for name, arguments in RICH] for _ in range(2))

    @mg.jit
    def step(gradients):
        for trained in twins:
            trained.step(gradients)

    for gradients in GRADIENTS:
        step(gradients)
        for one, twin in zip(eager, twins):
            close([t.numpy() for t in twin.changed()], [t.numpy() for t in one.step(gradients)])
    assert step.cache_info() == (len(GRADIENTS) - 2, 1, 1)
