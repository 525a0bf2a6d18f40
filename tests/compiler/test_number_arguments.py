"""Numbers as arguments of a compiled function: same values and dtypes as eagerly, wherever they are used."""

import numpy as np
import pytest

import minigrad as mg
from tests.compiler.running import uncompiled

USES = {
    "arithmetic": lambda x, s: x * s + s,
    "pow": lambda x, s: x**s,
    "function": lambda x, s: mg.exp(s),
    "function times array": lambda x, s: mg.exp(s) * x,
    "clip": lambda x, s: mg.clip(x, s, 3.0),
    "clip of a number": lambda x, s: mg.clip(s, x, 3.0),
    "where, two numbers": lambda x, s: mg.where(mg.greater(x, 1.5), s, 2.0),
    "where, a number and an array": lambda x, s: mg.where(mg.greater(x, 1.5), s, x),
    "stack": lambda x, s: mg.stack([x[0], s]),
    "reshape": lambda x, s: mg.concat([x, mg.reshape(s, (1,))]),
    "broadcast_to": lambda x, s: mg.broadcast_to(s, (2,)),
    "sum": lambda x, s: mg.sum(s),
    "max": lambda x, s: mg.max(s) * x,
    "matmul": lambda x, s: mg.matmul(mg.broadcast_to(s, (1, 2)), x),
}


@pytest.mark.parametrize("default", ["float32", "float64"])
@pytest.mark.parametrize("number", [2, 2.5])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_as_eagerly(use, number, default):
    with mg.set_default_dtype(default), uncompiled():
        x = mg.tensor([1.0, 2.0])
        compiled = mg.jit(use, warmup=0)
        for value in (number, number + 1):
            eager, found = use(x, value), compiled(x, value)
            assert (found.shape, found.dtype) == (eager.shape, eager.dtype)
            np.testing.assert_allclose(found.numpy(), eager.numpy(), rtol=1e-6)
