"""Clipping of gradients: against PyTorch, compiled, and what is wrong with gradients and arguments."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.errors import AnomalyError, ConfigError, DtypeError
from minigrad.nn import utils

SHAPES = [(3, 2), (), (4,), (2, 0)]
NORMS = [2.0, 1.0, 3.5, math.inf]
COMPILE = pytest.mark.parametrize("compile", [lambda f: f, lambda f: mg.jit(f, warmup=0)], ids=["eager", "compiled"])


def gradients(scale=1.0, dtype="float64"):
    rng = np.random.default_rng(0)
    return [np.asarray(scale * rng.standard_normal(shape), dtype) for shape in SHAPES]


def parameters(grads):
    found = [nn.Parameter(mg.zeros(g.shape, dtype=g.dtype)) for g in grads]
    for p, g in zip(found, grads):
        p.grad = mg.tensor(g)
    return [*found, nn.Parameter(mg.zeros(2))]  # the last one has no gradient


def grads_of(found):
    return [None if p.grad is None else p.grad.numpy() for p in found]


def torch_clipped(name, grads, *arguments):
    torch = pytest.importorskip("torch")
    found = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in grads]
    for p, g in zip(found, grads):
        p.grad = torch.tensor(g)
    out = getattr(torch.nn.utils, name)(found, *arguments)
    return out, [p.grad.numpy() for p in found]


@COMPILE
@pytest.mark.parametrize("norm_type", NORMS)
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1e3])
def test_by_norm_as_in_pytorch(norm_type, max_norm, compile):
    grads = [g for g in gradients() if g.size or norm_type != math.inf]
    found = parameters(grads)
    total = compile(lambda: utils.clip_grad_norm_(found, max_norm, norm_type))()
    expected_total, expected = torch_clipped("clip_grad_norm_", grads, max_norm, norm_type)
    np.testing.assert_allclose(total.numpy(), expected_total.numpy(), rtol=1e-12)
    assert found[-1].grad is None
    for g, e in zip(grads_of(found), expected):
        np.testing.assert_allclose(g, e, rtol=1e-12)


@COMPILE
def test_by_value_as_in_pytorch(compile):
    found = parameters(gradients())
    compile(lambda: utils.clip_grad_value_(found, 0.3))()
    _, expected = torch_clipped("clip_grad_value_", gradients(), 0.3)
    for g, e in zip(grads_of(found), expected):
        np.testing.assert_array_equal(g, e)


@COMPILE
def test_each_by_itself(compile):
    found = parameters(gradients())
    norms = compile(lambda: utils.clip_each_grad_norm_(found, 0.7))()
    for norm, g, clipped in zip(norms, gradients(), grads_of(found)):
        np.testing.assert_allclose(norm.numpy(), np.linalg.norm(g.ravel()), rtol=1e-12)
        _, (expected,) = torch_clipped("clip_grad_norm_", [g], 0.7)
        np.testing.assert_allclose(clipped, expected, rtol=1e-12)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.sampled_from(NORMS))
def test_the_norm_is_at_most_what_was_asked_for_and_the_direction_stays(scale, max_norm, norm_type):
    grads = gradients(scale)[:3]
    found = parameters(grads)
    before = utils.clip_grad_norm_(found, max_norm, norm_type).item()
    after = utils.get_total_norm([p.grad for p in found[:3]], norm_type).item()
    assert after <= max_norm
    assert after == pytest.approx(min(before, max_norm), rel=1e-2)
    ratio = found[0].grad.numpy() / grads[0]
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-12)


def test_each_gradient_keeps_its_dtype():
    found = [*parameters(gradients(dtype="float32")), *parameters(gradients())]
    utils.clip_grad_norm_(found, 0.1)
    assert {p.grad.dtype.name for p in found[:4]} == {"float32"}
    assert {p.grad.dtype.name for p in found[5:9]} == {"float64"}


def test_nobody_elses_array_is_changed():
    p, held = nn.Parameter([0.0]), mg.tensor([8.0])
    p.grad = held
    utils.clip_grad_norm_(p, 1.0)
    assert held.tolist() == [8.0]


def test_without_gradients_there_is_nothing_to_clip():
    assert utils.clip_grad_norm_([nn.Parameter([1.0])], 1.0).item() == 0.0
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    assert utils.clip_each_grad_norm_([nn.Parameter([1.0])], 1.0, error_if_nonfinite=True) == []


@COMPILE
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("clip", [utils.clip_grad_norm_, utils.clip_each_grad_norm_])
def test_a_gradient_that_is_not_finite_is_named(clip, bad, compile):
    found = parameters(gradients())
    found[0].grad = mg.ones((3, 2)).astype("float64")
    found[2].grad = mg.tensor([1.0, bad, 1.0, 1.0], dtype="float64")
    step = compile(lambda: clip(found, 1.0, error_if_nonfinite=True))
    with pytest.raises(AnomalyError, match=r"tensor 2, of shape \(4,\), has a NaN or infinity in it"):
        step()
    np.testing.assert_array_equal(found[0].grad, np.ones((3, 2)))


def test_a_norm_that_overflows_is_told_from_a_gradient_that_does():
    p = nn.Parameter([0.0])
    p.grad = mg.tensor([1e30])
    with pytest.raises(AnomalyError, match="the norm of the gradients is inf, though all of them are finite"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)


@pytest.mark.parametrize("value", [-1.0, math.nan])
@pytest.mark.parametrize("clip", [utils.clip_grad_norm_, utils.clip_each_grad_norm_, utils.clip_grad_value_])
def test_limits_are_not_negative(clip, value):
    with pytest.raises(ConfigError, match=f"must be at least 0, got {value}"):
        clip([nn.Parameter([1.0])], value)


def test_parameters_are_tensors():
    with pytest.raises(DtypeError, match=r"expected tensors such as .* gives, got a str"):
        utils.clip_grad_norm_(["weight"], 1.0)
