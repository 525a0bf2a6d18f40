"""Tensor: values that do not change behind anybody's back, Python and NumPy protocols, copies."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad.core import METHODS, Tensor


def leaf(*values):
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


# ---- value semantics


def test_numpy_is_a_read_only_view():
    x = mg.tensor([1.0, 2.0])
    view = x.numpy()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5.0
    assert np.shares_memory(view, x.data)


def test_tensor_copies_and_asarray_shares():
    source = np.array([1.0, 2.0])
    copied, shared, forced = mg.tensor(source), mg.asarray(source), mg.asarray(source, copy=True)
    source[0] = 9.0
    assert (copied[0].item(), shared[0].item(), forced[0].item()) == (1.0, 9.0, 1.0)


def test_assign_changes_nothing_else():
    x = leaf(1.0, 2.0)
    view, array, product = x.detach(), x.numpy(), x * 1.0
    assert x.assign_([7.0, 8.0]) is x
    for other in (view, array, product):
        np.testing.assert_array_equal(np.asarray(other), [1.0, 2.0])
    np.testing.assert_array_equal(x.numpy(), [7.0, 8.0])


def test_two_tensors_assigned_the_same_values_stay_apart():
    x, y, source = leaf(0.0), leaf(0.0), mg.tensor([3.0], dtype=mg.float64)
    x.assign_(source)
    y.assign_(source)
    with mg.no_grad():
        x[0] = 5.0
        source[0] = 6.0
    assert (x.item(), y.item(), source.item()) == (5.0, 3.0, 6.0)


def test_an_array_assigned_from_is_copied():
    x, source = leaf(0.0), np.array([3.0])
    x.assign_(source)
    source[0] = 9.0
    assert x.item() == 3.0


def test_assign_casts_and_checks():
    x = mg.zeros(2, requires_grad=True)
    assert x.assign_(np.array([1.0, 2.0])).dtype == mg.float32
    with pytest.raises(mg.ShapeError, match=r"\[assign_\] expected shape \(2,\), got \(3,\)"):
        x.assign_([1.0, 2.0, 3.0])
    with pytest.raises(mg.GraphError, match="only a leaf can be assigned to"):
        (x * 2.0).assign_([1.0, 2.0])


def test_setitem_makes_a_new_value():
    x = mg.tensor([1.0, 2.0, 3.0])
    view, tail = x.numpy(), x[1:]
    x[1] = 20.0
    np.testing.assert_array_equal(x.numpy(), [1.0, 20.0, 3.0])
    np.testing.assert_array_equal(view, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(tail.numpy(), [2.0, 3.0])


def test_setitem_is_differentiable():
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0)
    y = x * 2.0
    y[1:2] = v * v
    mg.sum(y * y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [8.0, 0.0, 24.0])
    assert v.grad.item() == 2 * 100.0 * 20.0


def test_setitem_on_a_leaf_that_requires_grad():
    x = leaf(1.0, 2.0)
    with pytest.raises(mg.GraphError, match=r"\[setitem\] a leaf that requires grad"):
        x[0] = 5.0
    with mg.no_grad():
        x[0] = 5.0
    assert x.requires_grad
    np.testing.assert_array_equal(x.numpy(), [5.0, 2.0])


def test_augmented_assignment_rebinds():
    x = y = leaf(1.0)
    x += 1.0
    assert (x.item(), y.item()) == (2.0, 1.0)
    assert x.requires_grad


def test_results_that_are_views_do_not_see_later_changes():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    views = [x.T, x.reshape(4), x[0], mg.flip(x, 0), mg.broadcast_to(x, (3, 2, 2))]
    before = [v.numpy().copy() for v in views]
    x.assign_(np.zeros((2, 2)))
    x[0, 0] = 9.0
    for view, old in zip(views, before):
        np.testing.assert_array_equal(view.numpy(), old)


# ---- requires_grad, leaves


def test_requires_grad():
    x = mg.tensor([1.0])
    assert (x.requires_grad, x.is_leaf) == (False, True)
    x.requires_grad = True
    assert (x.requires_grad, x.is_leaf) == (True, True)
    y = x * 2.0
    assert (y.requires_grad, y.is_leaf) == (True, False)
    assert x.requires_grad_(False) is x
    assert not (x * 2.0).requires_grad
    with pytest.raises(mg.GraphError, match=r"\[requires_grad_\] only a leaf"):
        y.requires_grad_(False)
    with pytest.raises(mg.DtypeError, match=r"only float tensors have gradients, this one is int64"):
        mg.tensor([1]).requires_grad_()
    assert mg.ones(2, requires_grad=True).requires_grad


def test_detach_cuts_the_history():
    x = leaf(2.0)
    y = (x * 3.0).detach()
    assert (y.requires_grad, y.is_leaf, y.item()) == (False, True, 6.0)
    (x * y).backward()
    assert x.grad.item() == 6.0


# ---- Python protocols


def test_scalars():
    x = mg.tensor([[2.5]])
    assert (x.item(), float(x), int(x), bool(x)) == (2.5, 2.5, 2, True)
    assert [10, 20, 30][mg.tensor(1)] == 20
    assert f"{mg.tensor(2.5):.2f}" == "2.50"
    for convert in (bool, float, int, Tensor.item):
        with pytest.raises(mg.ShapeError):
            convert(mg.ones(2))
    with pytest.raises(mg.DtypeError, match="expected a 0-d integer tensor"):
        [1, 2][mg.tensor(1.0)]


def test_length_and_iteration():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert len(x) == 3
    assert [row.tolist() for row in x] == x.tolist()
    for use in (len, iter, lambda t: list(t)):
        with pytest.raises(TypeError, match="0-d"):
            use(mg.tensor(1.0))


def test_tensors_are_keys_by_identity():
    x, y = mg.tensor([1.0]), mg.tensor([1.0])
    assert len({x, y, x}) == 2


def test_operators_match_numpy():
    a, b = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[2.0, 3.0], [-1.0, 2.0]])
    x, y = mg.tensor(a), mg.tensor(b)
    for symbol in "+ - * / // % ** @ < <= > >= == !=".split():
        code = f"p {symbol} q"
        with np.errstate(invalid="ignore"):
            want = eval(code, {"p": a, "q": b})
        for p, q in ((x, y), (x, b), (a, y)):
            got = eval(code, {"p": p, "q": q})
            assert isinstance(got, Tensor), code
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-15, err_msg=code)
    for scalar in ("2.0 - p", "2.0 / p", "2.0 ** p", "7.0 // p", "7.0 % p", "-p", "+p", "abs(p)"):
        np.testing.assert_allclose(eval(scalar, {"p": x}).numpy(), eval(scalar, {"p": a}), rtol=1e-15, err_msg=scalar)


def test_logical_operators_take_booleans():
    p, q = mg.tensor([True, True, False]), mg.tensor([True, False, False])
    assert ((p & q).tolist(), (p | q).tolist(), (p ^ q).tolist(), (~p).tolist()) == (
        [True, False, False],
        [True, True, False],
        [False, True, False],
        [False, False, True],
    )
    with pytest.raises(mg.DtypeError, match=r"\[&\] combines boolean tensors, this one is float32"):
        mg.ones(2) & True


def test_methods_are_the_functions():
    for name in METHODS:
        method, function = getattr(Tensor, name), getattr(mg.ops, name)
        assert getattr(method, "__wrapped__", method) is getattr(function, "__wrapped__", function), name
        assert inspect.getdoc(method), name


def test_methods_with_arguments_of_their_own():
    x = mg.arange(6)
    assert x.reshape(2, 3).shape == x.reshape((2, 3)).shape == x.reshape([2, -1]).shape == (2, 3)
    y = mg.zeros((2, 3, 4))
    assert y.transpose().shape == y.T.shape == (4, 3, 2)
    assert y.transpose(1, 0, 2).shape == y.transpose((1, 0, 2)).shape == (3, 2, 4)
    assert y.mT.shape == (2, 4, 3)
    assert y.astype(mg.float32) is y
    assert mg.tensor([1.5]).astype("int32").dtype == mg.int32


def test_repr():
    assert repr(mg.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(leaf(1.0)) == "tensor([1.], dtype=float64, requires_grad=True)"
    assert repr(mg.tensor([1])) == "tensor([1])"
    assert repr(mg.tensor([1], dtype=mg.int8)) == "tensor([1], dtype=int8)"
    assert repr(mg.zeros((0, 3))) == "tensor([], shape=(0, 3))"


# ---- NumPy, DLPack, other libraries


def test_array_protocol():
    x = mg.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.data)
    assert not np.shares_memory(np.array(x), x.data)
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.sum(np.asarray(x)) == 3.0
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(x, np.int64, copy=False)


def test_numpy_on_the_left_gives_a_tensor():
    x = leaf(1.0, 2.0)
    y = np.array([10.0, 20.0]) * x
    assert isinstance(y, Tensor)
    mg.sum(y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [10.0, 20.0])
    assert isinstance(np.float64(2.0) * x, Tensor)


def test_array_namespace():
    assert mg.ones(1).__array_namespace__() is mg


def test_dlpack_with_numpy():
    x = mg.tensor([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(np.from_dlpack(x), [1.0, 2.0, 3.0])
    source = np.arange(3.0)
    assert np.shares_memory(mg.from_dlpack(source).data, source)


def test_dlpack_and_torch():
    torch = pytest.importorskip("torch")
    source = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    x = mg.from_dlpack(source)
    np.testing.assert_array_equal(x.numpy(), source.numpy())
    source[0, 0] = 7.0
    assert x[0, 0].item() == 7.0  # the memory is shared
    back = torch.from_dlpack(np.array(mg.exp(x)))
    torch.testing.assert_close(back, torch.exp(source))
    np.testing.assert_array_equal(mg.tensor(source).numpy(), source.numpy())
    torch.testing.assert_close(torch.tensor(np.asarray(x)), source)


# ---- copies


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_leaves(duplicate):
    x = leaf(1.0, 2.0)
    mg.sum(x * x).backward()
    twin = duplicate(x)
    np.testing.assert_array_equal(twin.numpy(), x.numpy())
    np.testing.assert_array_equal(twin.grad.numpy(), x.grad.numpy())
    assert (twin.requires_grad, twin.dtype, type(twin)) == (True, mg.float64, Tensor)
    assert twin.node is not x.node
    mg.sum(twin).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])
    assert not duplicate(mg.tensor([1, 2])).requires_grad


def test_sharing_is_kept_within_one_copy():
    x = leaf(1.0)
    first, second = copy.deepcopy([x, x])
    assert first is second
    first, second = pickle.loads(pickle.dumps((x, x)))
    assert first is second


def test_computed_tensors_are_not_copied():
    y = leaf(1.0) * 2.0
    for duplicate in (copy.deepcopy, pickle.dumps):
        with pytest.raises(mg.GraphError, match=r"take \.detach\(\)"):
            duplicate(y)
    assert copy.deepcopy(y.detach()).item() == 2.0
