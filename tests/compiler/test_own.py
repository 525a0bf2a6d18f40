"""Operations of one's own in compiled functions: their numba kernels, and what is said where there is none."""

import numpy as np
import pytest
from numba import njit

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler import emit

X = mg.tensor(np.random.default_rng(0).standard_normal((4, 3)), dtype="float64")


@njit
def softplus_kernel(x):
    return np.log1p(np.exp(x))


@njit
def sums_kernel(x, y, scale=1.0, twice=False):
    factor = 2.0 if twice else 1.0
    return x.sum(axis=0) * scale, x + y * factor


@njit
def doubling_kernel(x):
    return x * 2


@njit
def wrong_kernel(x):
    return x[:1]


def same_shape(x):
    return x


softplus = mg.custom_op(
    lambda x: np.log1p(np.exp(x)), lambda g, out, x: g * mg.sigmoid(x), same_shape, softplus_kernel
)
sums = mg.custom_op(
    sums_kernel.py_func,
    lambda g, out, x, y, scale=1.0, twice=False: (
        mg.broadcast_to(g[0] * scale, x.shape) + g[1], g[1] * (2.0 if twice else 1.0)
    ),
    lambda x, y, scale=1.0, twice=False: (x[1:], x),
    sums_kernel,
)  # fmt: skip
lying = mg.custom_op(lambda x: x * 2, lambda g, out, x: g * 2, same_shape, wrong_kernel)

doubled = mg.custom_op(lambda x: x * 2, lambda g, out, x: g * 2, same_shape, doubling_kernel)

FUNCTIONS = {
    "value": lambda x: softplus(x),
    "gradient": lambda x: mg.grad(lambda t: mg.sum(softplus(t * 2) ** 2))(x),
    "second order": lambda x: mg.hvp(lambda t: mg.sum(softplus(t) ** 2), (x,), (x,))[0],
    "of a view": lambda x: softplus(x.T[1:]),
    "several results and inputs": lambda x: sums(x, mg.exp(x)),
    "settings": lambda x: sums(x, x, scale=0.5, twice=True),
    "gradient of several": lambda x: mg.grad(lambda t: mg.sum(sums(t, t * t, scale=2.0)[0] ** 3))(x),
    "the same name twice": lambda x: doubled(softplus(x)) + softplus(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("error")
def test_the_kernel_is_called_from_compiled_code(name):
    f = FUNCTIONS[name]
    compiled = mg.jit(f, warmup=0)
    results, expected = compiled(X), f(X)
    assert "import " in compiled.source.partition("njit(")[0].partition("runtime import *")[2]
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (results, expected))):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
    assert compiled.explain()
    assert compiled.cost().kernels


def test_in_a_training_step():
    results = []
    for compile in (lambda f: f, mg.jit):
        mg.manual_seed(0)
        layer = nn.Linear(3, 2)
        optimizer = optim.SGD(layer.parameters(), lr=0.1)
        x = mg.tensor(X.numpy().astype(layer.weight.dtype))

        def step(layer=layer, optimizer=optimizer, x=x):
            loss = mg.mean(softplus(layer(x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        step = compile(step)
        results.append([*(step().item() for _ in range(4)), *layer.weight.detach().numpy().ravel()])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


def test_a_kernel_that_returns_another_shape_changes_nothing():
    """The function then runs eagerly, by forward."""
    total = mg.zeros((4, 3), dtype="float64")
    f = mg.jit(lambda x: total.assign_(total + lying(x)) * 1, warmup=0)
    np.testing.assert_allclose(f(X), 2 * X.numpy(), rtol=1e-15)
    np.testing.assert_allclose(total, 2 * X.numpy(), rtol=1e-15)


def inner():
    return njit(lambda x: x * 2)


NOT_COMPILED = {
    "given its kernel and its shape": mg.custom_op(lambda x: x * 2, None),
    "must be a numba function": mg.custom_op(lambda x: x * 2, None, same_shape, lambda x: x * 2),
    "must be a function of a module": mg.custom_op(lambda x: x * 2, None, same_shape, inner()),
}


@pytest.mark.parametrize("reason", NOT_COMPILED)
def test_what_has_no_usable_kernel_runs_eagerly_with_one_warning(reason):
    f = mg.jit(lambda x: NOT_COMPILED[reason](x), warmup=0)
    with pytest.warns(RuntimeWarning, match=rf"called at .*test_own\.py:.*{reason}.* runs eagerly"):
        np.testing.assert_array_equal(f(X), 2 * X.numpy())
    np.testing.assert_array_equal(f(X), 2 * X.numpy())


@njit
def refusing_kernel(x):
    if x[0] < 0:
        raise ValueError("negative")
    return x * 2


refusing = mg.custom_op(lambda x: refusing_kernel(x), lambda g, out, x: g * 2, same_shape, refusing_kernel)


def test_what_a_kernel_raises_in_a_long_step_is_raised(monkeypatch):
    monkeypatch.setattr(emit, "PART", 2)
    monkeypatch.setattr(emit, "WHOLE", 2)
    long = mg.jit(lambda x: mg.sum(mg.exp(refusing(mg.sin(x)))) + mg.sum(mg.sort(x)), warmup=0)
    x = mg.tensor([1.0, 2.0])
    np.testing.assert_allclose(float(long(x)), np.exp(2 * np.sin(x.data)).sum() + 3, rtol=1e-6)
    with pytest.raises(ValueError, match="negative"):
        long(-x)
