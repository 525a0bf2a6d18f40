"""The check as a whole: what it accepts, what it refuses, what it says."""

import dataclasses

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.checking.elements import Verdict
from minigrad.checking.picture import error_picture
from tests.checking.planted import planted

rng = np.random.default_rng(5)
X, W, B = rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
square_wrong_by_a_thousandth = planted(np.square, lambda g, out, x: 2.002 * g * x)


def layer(x, w, b):
    return mg.tanh(x @ w + b)


# ---- what can be checked


def test_a_right_gradient_passes():
    report = mg.gradcheck(layer, (X, W, B))
    assert report
    assert report.passed
    assert report.failures == report.kinks == report.causes == []
    assert [stage.names for stage in report.stages] == [["x", "w", "b"], ["x", "w", "b", "cotangent"]]


@pytest.mark.parametrize("seed", range(20))
def test_no_flakes(seed):
    draws = np.random.default_rng(seed)
    x, w, b = (draws.normal(size=s) * 10.0 ** draws.integers(-3, 3) for s in ((5, 4), (4, 3), (3,)))
    mg.gradcheck(layer, (x, w, b), seed=seed)
    mg.gradcheck(lambda x, w, b: mg.sum(mg.maximum(x @ w + b, 0.0)), (x, w, b), seed=seed, full=True, order=1)


def test_inputs_may_be_one_argument_a_tuple_or_keywords():
    assert mg.gradcheck(mg.exp, X).stages[0].names == ["x"]
    assert mg.gradcheck(layer, {"w": W, "b": B, "x": X}).stages[0].names == ["w", "b", "x"]


def test_nested_arguments_and_results():
    @dataclasses.dataclass
    class Affine:
        weight: object
        bias: object

    def fn(params, pair):
        return {"out": pair[0] @ params["first"].weight + params["first"].bias, "sum": (pair[1] * 2.0, 3)}

    report = mg.gradcheck(fn, ({"first": Affine(W, B)}, (X, B)))
    assert report.stages[0].names == ["params['first'].weight", "params['first'].bias", "pair[0]", "pair[1]"]


def test_only_tensors_that_require_a_gradient_if_there_are_some():
    w = mg.tensor(W, requires_grad=True)
    assert mg.gradcheck(lambda x, w: mg.floor(x) @ w, (mg.tensor(X), w)).stages[0].names == ["w"]
    assert w.grad is None


def test_integer_arguments_are_left_alone():
    labels = np.array([0, 2, 1, 1, 0, 2])
    report = mg.gradcheck(lambda x, labels: mg.take_along_axis(x, labels[:, None], 1), (X, labels))
    assert report.stages[0].names == ["x"]


def test_sizes_zero_and_zero_dimensions():
    assert mg.gradcheck(layer, (np.zeros((0, 4)), W, B))
    assert mg.gradcheck(mg.exp, np.float64(0.3))


def test_float32_is_promoted_and_reported():
    report = mg.gradcheck(layer, (mg.tensor(X, dtype=mg.float32), W, B))
    assert report.promoted == ["x"]
    assert "checked in float64, although given in another precision: x" in str(report)


def test_third_order():
    report = mg.gradcheck(mg.tanh, X, order=3)
    assert [stage.title for stage in report.stages] == ["gradient", "second derivative", "derivative of order 3"]


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_badly_scaled_inputs(scale):
    assert mg.gradcheck(lambda x, y: mg.sum(x * x * y) / mg.sum(x), (scale * np.abs(X), X / scale), full=True)
    assert not mg.gradcheck(square_wrong_by_a_thousandth, scale * X, raise_exception=False)


def test_magnitudes_mixed_in_one_array():
    x = np.array([1e-9, 1e-3, 1.0, 1e3, 1e9])
    assert mg.gradcheck(mg.square, x, full=True)
    last_wrong = planted(np.square, lambda g, out, x: g * x * mg.tensor([2.002, 2.0, 2.0, 2.0, 2.0]))
    assert mg.gradcheck(last_wrong, x, full=True, order=1, raise_exception=False).failures[0].index == (0,)


def test_elements_that_hardly_matter():
    """exp(-80) beside 1: what cannot be seen is neither right nor wrong."""
    scores = np.array([[0.0, -80.0, -1.0], [-40.0, 3.0, -700.0]])

    def softmax(x):
        return mg.exp(x) / mg.sum(mg.exp(x), axis=1, keepdims=True)

    assert mg.gradcheck(softmax, scores, full=True)
    assert mg.gradcheck(lambda x: mg.logsumexp(x, axis=1), scores, full=True)


# ---- modules


class Affine(nn.Module):
    """y = noise(x) W + b, with dropout while training, and a count of calls."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(W.astype(np.float32))
        self.bias = nn.Parameter(B)
        self.register_buffer("calls", mg.tensor(0.0))

    def forward(self, input):
        self.calls.assign_(self.calls + 1.0)
        keep = mg.random.bernoulli(0.5, input.shape) if self.training else 1.0
        return (input * keep) @ self.weight + self.bias


def centred(f):
    """A net in which the bias cancels, so that its gradient is 0 but for rounding."""

    def net(x, w, b):
        hidden = x @ w + b
        return f(hidden - mg.mean(hidden, 0))

    return net


@pytest.mark.parametrize("seed", range(5))
def test_rounding_errors_in_a_gradient_of_zero_are_no_fault(seed):
    assert mg.gradcheck(centred(lambda h: mg.tanh(h) * h), (X, W, B), seed=seed)


def test_beside_a_gradient_of_zero_errors_are_still_found():
    report = mg.gradcheck(centred(square_wrong_by_a_thousandth), (X, W, B), raise_exception=False)
    assert {failure.argument for failure in report.failures} == {"x", "w"}


def test_modules_are_checked_in_both_modes_and_left_as_they_were():
    module = Affine()
    report = mg.gradcheck(module, X)
    assert [(s.mode, s.order) for s in report.stages] == [("train", 1), ("train", 2), ("eval", 1), ("eval", 2)]
    assert report.stages[0].names == ["input", "weight", "bias"]
    assert report.promoted == ["weight"]
    assert module.training
    assert module.calls.item() == 0.0
    assert module.weight.dtype == mg.float32
    np.testing.assert_array_equal(module.weight.numpy(), W.astype(np.float32))
    assert module.weight.grad is None


def test_a_wrong_parameter_gradient_is_found():
    class Wrong(Affine):
        def forward(self, input):
            return super().forward(input) + mg.sum(self.bias.detach() ** 2)

    report = mg.gradcheck(Wrong(), X, order=1, raise_exception=False)
    assert {failure.argument for failure in report.failures} == {"bias"}
    assert [stage.title for stage in report.stages] == ["gradient, train mode", "gradient, eval mode"]
    assert mg.gradcheck(Wrong(), X, order=1, params=False)


def test_compiled_functions():
    assert mg.gradcheck(mg.jit(layer, warmup=0), (X, W, B), order=1)
    wrong = mg.jit(lambda x: mg.sum(x.detach() * x), warmup=0)
    assert not mg.gradcheck(wrong, X, order=1, raise_exception=False)


# ---- what is refused


def test_a_rule_wrong_by_a_thousandth_is_refused():
    with pytest.raises(mg.GradcheckError, match=r"gradcheck of square: FAILED"):
        mg.gradcheck(square_wrong_by_a_thousandth, X)
    with pytest.raises(AssertionError):
        mg.gradcheck(square_wrong_by_a_thousandth, X)


def test_one_wrong_element_among_many_is_found():
    x = rng.normal(size=2000)
    wrong = np.ones(2000)
    wrong[1234] = 1.01
    fn = planted(np.sin, lambda g, out, x: g * mg.cos(x) * mg.tensor(wrong))
    report = mg.gradcheck(fn, x, order=1, raise_exception=False)
    assert [failure.index for failure in report.failures] == [(1234,)]
    assert report.failures[0].relative_error == pytest.approx(0.01 / 1.01, rel=1e-3)


def test_one_wrong_element_is_found_where_not_all_can_be_looked_at():
    wrong = np.ones((100, 150))
    wrong[73, 45] = 1.01
    fn = planted(np.sin, lambda g, out, x: g * mg.cos(x) * mg.tensor(wrong))
    report = mg.gradcheck(fn, rng.normal(size=(100, 150)), order=1, raise_exception=False)
    assert [failure.index for failure in report.failures] == [(73, 45)]


def test_a_wrong_second_derivative_is_refused():
    rule_with_a_dead_end = planted(np.sin, lambda g, out, x: g * mg.tensor(np.cos(x.numpy())))
    assert mg.gradcheck(rule_with_a_dead_end, X, order=1)
    report = mg.gradcheck(rule_with_a_dead_end, X, raise_exception=False)
    assert list(report.stages[-1].causes) == ["x"]
    assert report.stages[-1].title == "second derivative"


def test_a_gradient_that_is_only_right_for_a_cotangent_of_ones_is_refused():
    fn = planted(np.sin, lambda g, out, x: mg.cos(x) * mg.mean(g))
    assert not mg.gradcheck(fn, X, order=1, raise_exception=False)


def test_nothing_to_differentiate():
    with pytest.raises(mg.DtypeError, match=r"\[gradcheck\] expected at least one float"):
        mg.gradcheck(mg.exp, np.arange(3))


# ---- kinks


def test_kinks_are_skipped_and_listed():
    x = X.copy()
    x[1, 2] = x[4, 0] = 0.0
    report = mg.gradcheck(lambda x: mg.maximum(x, 0.0), x)
    assert report.kinks == [("x", (1, 2)), ("x", (4, 0))]
    assert "skipped 2 kinks, where there is no derivative: x[1, 2], x[4, 0]" in str(report)


def test_ties_are_kinks():
    x = X.copy()
    x[3] = x[3].max()
    report = mg.gradcheck(lambda x: mg.max(x, axis=1), x)
    assert report.kinks == [("x", (3, j)) for j in range(4)]


def test_an_error_beside_a_kink_is_still_found():
    x = X.copy()
    x[0, 0] = 0.0
    wrong = planted(np.abs, lambda g, out, x: 1.01 * g * mg.sign(x))
    report = mg.gradcheck(wrong, x, order=1, raise_exception=False)
    assert len(report.failures) == X.size - 1
    assert report.kinks == [("x", (0, 0))]


def test_an_argument_that_is_all_kinks_does_not_pass():
    with pytest.raises(mg.GradcheckError, match="every element of x is at a kink"):
        mg.gradcheck(lambda x, y: mg.abs(x) + y, (np.zeros(3), np.ones(3)))


def test_many_hidden_kinks_nearby_are_no_alarm():
    w1, w2 = rng.normal(size=(4, 50)), rng.normal(size=(50, 2))
    assert mg.gradcheck(lambda x, w1, w2: mg.maximum(x @ w1, 0.0) @ w2, (X, w1, w2)).kinks == []


# ---- the report


def test_the_text_of_a_failure():
    wrong = np.ones((3, 4))
    wrong[1] = 2.0
    fn = planted(np.sin, lambda g, out, x: g * mg.cos(x) * mg.tensor(wrong))
    report = mg.gradcheck(fn, np.arange(12.0).reshape(3, 4) / 7 + 0.1, order=1, raise_exception=False)
    lines = str(report).splitlines()
    assert lines[0] == "gradcheck of sin: FAILED"
    assert lines[1] == "  gradient: wrong for x"
    assert lines[2] == "    x (3, 4): 4 of 12 elements"
    assert lines[3].split() == ["element", "claimed", "numerical", "relative", "error"]
    assert {line.split("]")[0].strip() for line in lines[4:8]} == {f"x[1, {j}" for j in range(4)}
    assert [line.strip() for line in lines[8:11]] == ["····", "████", "····"]
    assert lines[12] == "    likely cause: an edge: exactly the elements at [1] along axis 0 of x are wrong."


def test_a_large_picture_is_condensed():
    verdict = np.full((100, 10, 192), Verdict.AGREES)
    verdict[..., :96] = Verdict.DIFFERS
    verdict[:20, :, -1] = Verdict.KINK
    picture = error_picture(verdict)
    assert picture[:2] == ["█" * 24 + "·" * 23 + "k"] * 2
    assert picture[3:] == ["█" * 24 + "·" * 24] * 9  # the 1000 rows are folded into 12


@pytest.mark.parametrize(("shape", "lines"), [((), ["·"]), ((3,), ["···"]), ((2, 3), ["···", "···"]), ((0, 3), [])])
def test_pictures_of_small_shapes(shape, lines):
    assert error_picture(np.full(shape, Verdict.AGREES)) == lines


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    report = mg.gradcheck(square_wrong_by_a_thousandth, X, order=1, raise_exception=False)
    ax = report.plot()
    points = ax.lines[0]
    np.testing.assert_allclose(points.get_ydata(), 1.001 * points.get_xdata())
    assert ax.get_ylabel() == "claimed derivative"
    plt.close(ax.figure)
