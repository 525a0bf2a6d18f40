"""Transforms against mathematics done by hand and torch.func: nesting, closures, nested arguments; checkpoint."""

import collections
import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.checking import strategies as mgst

rng = np.random.default_rng(2)
A = rng.normal(size=(3, 3))
X, V, U = (rng.normal(size=3) for _ in range(3))


def double(x):
    return mg.tensor(np.asarray(x), dtype=mg.float64)


def quadratic(x):
    """x' A x: gradient (A + A') x, Hessian A + A'."""
    return x @ (double(A) @ x)


def curve(x):
    """R^3 -> R^2, nonlinear in every argument."""
    return mg.stack([mg.sin(x[0]) * x[1], mg.exp(x[2]) * x[0] * x[0]])


def curve_jacobian(x):
    return np.array(
        [[np.cos(x[0]) * x[1], np.sin(x[0]), 0.0], [2 * np.exp(x[2]) * x[0], 0.0, np.exp(x[2]) * x[0] ** 2]]
    )


def close(got, want):
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12, atol=1e-14)


# ---- against mathematics


def test_grad_and_value_and_grad():
    close(mg.grad(quadratic)(double(X)), (A + A.T) @ X)
    value, gradient = mg.value_and_grad(quadratic)(double(X))
    close(value, X @ A @ X)
    close(gradient, (A + A.T) @ X)
    assert not value.requires_grad
    assert not gradient.requires_grad


def test_plain_numbers_and_arrays_are_arguments():
    assert mg.grad(lambda x: x * x)(3.0).item() == 6.0
    close(mg.grad(lambda x: mg.sum(x * x))(X), 2 * X)
    close(mg.grad(lambda x: mg.sum(x[0] * x[1]))([double(X), double(V)])[0], V)


def test_vjp_and_jvp():
    y, pull = mg.vjp(curve, double(X))
    close(y, [np.sin(X[0]) * X[1], np.exp(X[2]) * X[0] ** 2])
    close(pull(double([2.0, -3.0]))[0], np.array([2.0, -3.0]) @ curve_jacobian(X))
    close(pull(double([0.0, 1.0]))[0], curve_jacobian(X)[1])  # again
    y, tangent = mg.jvp(curve, (double(X),), (double(V),))
    close(tangent, curve_jacobian(X) @ V)


def test_hvp_jacobian_hessian():
    close(mg.hvp(quadratic, (double(X),), (double(V),))[0], (A + A.T) @ V)
    close(mg.jacobian(curve)(double(X)), curve_jacobian(X))
    close(mg.hessian(quadratic)(double(X)), A + A.T)


def test_hvp_of_several_arguments_has_the_cross_terms():
    def f(x, y):
        return mg.sum(x * x * y)

    hx, hy = mg.hvp(f, (double(X), double(V)), (double(U), double([1.0, 2.0, 3.0])))
    close(hx, 2 * V * U + 2 * X * np.array([1.0, 2.0, 3.0]))
    close(hy, 2 * X * U)


@given(st.integers(0, 4))
def test_jacobian_shapes(n):
    x = double(np.ones((2, n)))
    assert mg.jacobian(lambda x: mg.sum(x, axis=1) * 2.0)(x).shape == (2, 2, n)
    assert mg.jacobian(mg.sum)(x).shape == (2, n)
    assert mg.jacobian(lambda x: x[:, :, None])(x).shape == (2, n, 1, 2, n)


def test_jvp_is_the_derivative_along_the_tangent():
    """J v and g J agree: g . (J v) = (g J) . v, for a function of many operations."""

    def f(x):
        return mg.cumsum(mg.tanh(x @ double(A)) * mg.sort(x)) / (1.0 + mg.sum(x * x))

    _, tangent = mg.jvp(f, (double(X),), (double(V),))
    _, pull = mg.vjp(f, double(X))
    close(mg.sum(tangent * double(U)), np.asarray(pull(double(U))[0]) @ V)


# ---- arguments


def test_argnums():
    def f(x, y, scale):
        return mg.sum(x * y) * scale

    x, y = double(X), double(V)
    close(mg.grad(f, 1)(x, y, 2.0), 2 * X)
    gx, gy = mg.grad(f, (0, 1))(x, y, 2.0)
    close(gx, 2 * V)
    close(gy, 2 * X)
    jx, jscale = mg.jacobian(f, (0, 2))(x, y, 2.0)
    close(jx, 2 * V)
    assert jscale.item() == pytest.approx(X @ V)


def test_keyword_arguments_are_passed_on():
    close(mg.grad(lambda x, *, power: mg.sum(x**power))(double(X), power=3), 3 * X**2)


def test_has_aux():
    (value, aux), gradient = mg.value_and_grad(lambda x: (mg.sum(x * x), {"x": x * 2.0}), has_aux=True)(double(X))
    close(value, X @ X)
    close(aux["x"], 2 * X)
    close(gradient, 2 * X)
    assert not aux["x"].requires_grad
    gradient, aux = mg.grad(lambda x: (mg.sum(x * x), "anything"), has_aux=True)(double(X))
    assert aux == "anything"


@dataclasses.dataclass
class Layer:
    weight: object
    bias: object
    name: str = "layer"


Pair = collections.namedtuple("Pair", "left right")


def test_nested_arguments_come_back_in_their_structure():
    params = {"layers": [Layer(double(A), double(X))], "pair": Pair(double(V), 3), "none": None}

    def f(p):
        layer = p["layers"][0]
        return mg.sum(layer.weight @ layer.bias) + mg.sum(p["pair"].left ** 2) * p["pair"].right

    g = mg.grad(f)(params)
    close(g["layers"][0].weight, np.outer(np.ones(3), X))
    close(g["layers"][0].bias, A.sum(0))
    close(g["pair"].left, 6 * V)
    assert isinstance(g["pair"], Pair)
    assert g["pair"].right is None
    assert g["none"] is None
    h = mg.hvp(lambda p: f(p), (params,), (params,))[0]
    close(h["pair"].left, 6 * V)
    j = mg.jacobian(lambda p: p["layers"][0].weight @ p["layers"][0].bias)(params)
    close(j["layers"][0].bias, A)


def test_nested_results():
    def f(x):
        return {"a": x * 2.0, "b": (mg.sum(x), 7)}

    out, pull = mg.vjp(f, double(X))
    assert out["b"][1] == 7
    close(pull({"a": double(V), "b": (2.0, 0.0)})[0], 2 * V + 2.0)
    out, tangent = mg.jvp(lambda x: (x * x, x[0]), (double(X),), (double(V),))
    close(tangent[0], 2 * X * V)
    close(tangent[1], V[0])
    _, tangent = mg.jvp(lambda x: (x, 7, mg.argmax(x)), (double(X),), (double(V),))
    assert tangent[1:] == (None, None)


def test_unused_arguments_get_zeros():
    x, y = double(X), double(V)
    _, gy = mg.grad(lambda x, y: mg.sum(x), (0, 1))(x, y)
    close(gy, np.zeros(3))
    _, tangent = mg.jvp(lambda x: mg.ones(2, dtype=mg.float64), (x,), (y,))
    close(tangent, np.zeros(2))
    close(mg.hessian(lambda x: mg.sum(x))(x), np.zeros((3, 3)))


# ---- nesting and closures


def test_gradients_of_gradients():
    f = lambda x: x**5  # noqa: E731
    for expected in (5 * 2.0**4, 20 * 2.0**3, 60 * 2.0**2, 120 * 2.0, 120.0, 0.0):
        f = mg.grad(f)
        assert f(double(2.0)).item() == pytest.approx(expected)


def test_forward_over_reverse_and_reverse_over_forward():
    gradient = mg.grad(quadratic)
    _, forward = mg.jvp(gradient, (double(X),), (double(V),))
    close(forward, (A + A.T) @ V)
    reverse = mg.grad(lambda x: mg.jvp(quadratic, (x,), (double(V),))[1])(double(X))
    close(reverse, (A + A.T) @ V)
    _, second = mg.jvp(lambda x: mg.jvp(mg.sin, (x,), (double(V),))[1], (double(X),), (double(U),))
    close(second, -np.sin(X) * V * U)


def test_perturbations_are_not_confused():
    """d/dx (x d/dy (x + y)) = 1: the classic trap of nested differentiation (Siskind & Pearlmutter 2005)."""
    assert mg.grad(lambda x: x * mg.grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    inner = lambda x: mg.jvp(lambda y: x + y, (double(1.0),), (double(1.0),))[1]  # noqa: E731
    assert mg.jvp(lambda x: x * inner(x), (double(1.0),), (double(1.0),))[1].item() == 1.0
    assert mg.grad(lambda x: x * mg.grad(lambda y: x * y)(2.0))(3.0).item() == 6.0


def test_closures_over_tensors_that_require_a_gradient():
    w = double(V).requires_grad_()
    gradient = mg.grad(lambda x: mg.sum(w * w * x))(double(X))
    close(gradient.detach(), V * V)
    mg.sum(gradient).backward()  # the outer derivative passes through
    close(w.grad, 2 * V)


def test_an_outer_loss_through_an_inner_gradient():
    """A step of gradient descent, differentiated by its start and by its learning rate."""
    w, rate = double(X).requires_grad_(), double(0.1).requires_grad_()
    stepped = w - rate * mg.grad(quadratic)(w)
    gw, grate = mg.autograd.grad(quadratic(stepped), [w, rate])
    H = A + A.T
    after = X - 0.1 * H @ X
    close(gw, (np.eye(3) - 0.1 * H).T @ (H @ after))
    close(grate, -(H @ X) @ (H @ after))


def test_value_keeps_its_history_only_for_somebody_outside():
    w = double(V).requires_grad_()
    y, _ = mg.vjp(lambda x: x * w, double(X))
    assert y.requires_grad
    y, _ = mg.vjp(lambda x: x * 2.0, double(X))
    assert not y.requires_grad
    with mg.no_grad():
        close(mg.grad(quadratic)(double(X)), (A + A.T) @ X)
        y, _ = mg.vjp(lambda x: x * w, double(X))
        assert not y.requires_grad


def test_transforms_touch_no_grad_attribute():
    x = double(X).requires_grad_()
    mg.grad(quadratic)(x)
    mg.hvp(quadratic, (x,), (double(V),))
    assert x.grad is None


def test_arguments_that_require_a_gradient_keep_it():
    x = double(X).requires_grad_()
    mg.sum(mg.grad(lambda x: mg.sum(x**3))(x)).backward()
    close(x.grad, 6 * X)


# ---- against torch.func


def test_the_same_as_torch_func():
    torch = pytest.importorskip("torch")
    func = torch.func

    def both(lib, sin, exp, cat):
        def f(x, w):
            return cat([sin(w @ x), exp(x * x[0])])

        return f

    ours, theirs = both(mg, mg.sin, mg.exp, mg.concat), both(torch, torch.sin, torch.exp, torch.cat)
    x, w, v = (torch.tensor(a) for a in (X, A, V))
    for i in (0, 1):
        want = func.jacrev(theirs, argnums=i)(x, w)
        close(mg.jacobian(ours, argnums=i)(double(X), double(A)), want.numpy())
    scalar = lambda lib, f: lambda x: lib.sum(f(x, double(A) if lib is mg else w) ** 2)  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, inside torch.func
        _, want = func.jvp(func.grad(scalar(torch, theirs)), (x,), (v,))
    close(mg.hessian(scalar(mg, ours))(double(X)), func.hessian(scalar(torch, theirs))(x).numpy())
    close(mg.hvp(scalar(mg, ours), (double(X),), (double(V),))[0], want.numpy())


# ---- errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: mg.grad(lambda x: x)(X),
            mg.ShapeError,
            r"\[grad\] expected a scalar result, got shape",
        ),
        (lambda: mg.grad(lambda x: 3.0)(X), mg.ShapeError, "got type float"),
        (lambda: mg.grad(mg.sum)(np.arange(3)), mg.DtypeError, "argument 0 holds no float tensor"),
        (lambda: mg.jacobian(lambda x: (x, x))(X), mg.ShapeError, "expected a function with one tensor as its result"),
        (lambda: mg.vjp(lambda x: x, X)[1]((X, X)), mg.GraphError, "1 tensors, 2 cotangents"),
        (lambda: mg.vjp(lambda x: x * 1.0, X)[1](X[:2]), mg.ShapeError, "must have the output's shape"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- checkpoint


def block(x, w):
    return mg.tanh(mg.exp(mg.sin(x @ w)) @ w)


def test_checkpoint_changes_neither_values_nor_gradients():
    for wrap in (lambda f: f, lambda f: lambda *a: mg.checkpoint(f, *a)):
        x, w = double(np.ones((2, 3))).requires_grad_(), double(A).requires_grad_()
        y = wrap(block)(x, w)
        mg.sum(y * y).backward()
        results = [y.detach(), x.grad, w.grad]
        if wrap(block) is block:
            expected = [r.numpy() for r in results]
    for got, want in zip(results, expected):
        np.testing.assert_array_equal(got.numpy(), want)


def test_checkpoint_keeps_no_intermediate_results():
    x = double(np.ones((2, 3))).requires_grad_()
    w = double(A)
    assert len(mg.engine.reachable([mg.checkpoint(block, x, w).node])) == 2 + 1
    assert len(mg.engine.reachable([block(x, w).node])) > 4


def test_checkpoint_is_right_to_third_order():
    x, w = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    assert mg.gradcheck(lambda x, w: mg.checkpoint(block, x, w), (x, w), order=3)


def test_checkpoint_finds_parameters_the_function_closes_over():
    w = double(A).requires_grad_()
    x = double(X).requires_grad_()
    mg.sum(mg.checkpoint(lambda x: mg.sin(x @ w), x)).backward()
    close(w.grad, np.outer(X, np.cos(X @ A)))
    close(x.grad, A @ np.cos(X @ A))


def test_checkpoint_repeats_random_numbers_and_undoes_state():
    running = double(0.0)

    def noisy(x):
        running.assign_(running + 1.0)
        return x * mg.random.bernoulli(0.5, x.shape)

    x = double(np.ones(100)).requires_grad_()
    mg.manual_seed(0)
    y = mg.checkpoint(noisy, x)
    after = mg.random.default_generator.state_dict()
    mg.sum(y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
    assert mg.random.default_generator.state_dict() == after
    assert running.item() == 1.0


def test_checkpoint_uses_the_parameters_of_the_first_pass():
    w = double(2.0).requires_grad_()
    x = double(3.0).requires_grad_()
    y = mg.checkpoint(lambda x: x * w * w, x)
    w.assign_(100.0)
    y.backward()
    assert (x.grad.item(), w.grad.item(), w.item()) == (4.0, 12.0, 100.0)


def test_checkpoint_nests_and_takes_nested_arguments():
    def inner(p):
        return {"y": mg.checkpoint(lambda z: mg.sin(z) * p["w"], p["x"]), "n": 3}

    params = {"x": double(X).requires_grad_(), "w": double(V).requires_grad_()}
    out = mg.checkpoint(inner, params)
    assert out["n"] == 3
    mg.sum(out["y"]).backward()
    close(params["x"].grad, np.cos(X) * V)
    close(params["w"].grad, np.sin(X))


def test_checkpoint_refuses_computed_tensors_of_the_outside():
    w = double(A).requires_grad_()
    computed = w * 2.0
    with pytest.raises(mg.GraphError, match=r"\[checkpoint\] the function uses a tensor that was computed outside"):
        mg.checkpoint(lambda x: x @ computed, double(X).requires_grad_())


def test_checkpoint_says_what_got_out_without_being_returned():
    kept = []

    def leaky(x):
        kept.append(mg.sum(x * x))
        return mg.sin(x)

    x = double(X).requires_grad_()
    y = mg.checkpoint(leaky, mg.exp(x))
    with pytest.raises(mg.GraphError, match=r"\[checkpoint\] a tensor that was computed inside got out"):
        (mg.sum(y) + kept[0]).backward()


def test_checkpoint_without_recording_is_the_function():
    x = double(X).requires_grad_()
    with mg.no_grad():
        assert not mg.checkpoint(mg.sin, x).requires_grad


@given(mgst.arrays(mgst.shapes()))
def test_checkpoint_of_any_shape(x):
    assert mg.gradcheck(lambda x: mg.checkpoint(lambda x: mg.sin(x) * x, x), x)
