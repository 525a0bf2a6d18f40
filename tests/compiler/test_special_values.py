"""NaN and infinities pass through a compiled training step as they pass through an eager one."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
VALUES = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1e300, "tiny": 1e-310}


class Training:
    """A network whose steps run eagerly or compiled; `wrap` is applied to the step."""

    def __init__(self, activation, wrap):
        mg.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 5), activation(), nn.Linear(5, 4)).to("float64")
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.start = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))
        self.step = wrap(self.once)

    def once(self, x, y):
        loss = F.cross_entropy(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss, mg.max(self.model(x), axis=1)

    def run(self, x, y, weight):
        """The arrays after two steps from the start, with one weight set."""
        self.model.load_state_dict(self.start[0])
        self.optimizer.load_state_dict(self.start[1])
        if weight is not None:
            w = self.model[0].weight
            w.assign_(mg.where(mg.arange(15).reshape((5, 3)) == 4, weight, w.detach()))
        results = [self.step(x, y) for _ in range(2)][-1]
        arrays = [r.data.copy() for r in results]
        return arrays + [a.copy() for p in self.model.parameters() for a in (p.data, p.grad.data)]


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_special_values(activation):
    eager = Training(activation, lambda step: step)
    compiled = Training(activation, lambda step: mg.jit(step))
    rng = np.random.default_rng(0)
    y = mg.tensor(rng.integers(0, 4, 6))
    for value in VALUES.values():
        for where in ("input", "weight"):
            x = rng.standard_normal((6, 3))
            if where == "input":
                x[2, 1] = value
            given = mg.tensor(x), y, value if where == "weight" else None
            for found, expected in zip(compiled.run(*given), eager.run(*given)):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=f"{value} as {where}")
    assert compiled.step.cache_info().hits > 10
