"""x[key] and x[key] = v against NumPy, for keys drawn at random; gradients; errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.checking import strategies as mgst


@st.composite
def one_axis(draw, n):
    """What may stand for an axis of size n: an int, a slice with any step, a list."""
    bound = st.none() | st.integers(-n - 2, n + 2)
    step = st.sampled_from([None, 1, 2, 3, -1, -2])
    choices = [st.builds(slice, bound, bound, step)]
    if n:
        index = st.integers(-n, n - 1)
        choices += [index, st.lists(index, max_size=4), index.map(np.int32)]
    return draw(st.one_of(choices))


@st.composite
def keys(draw, shape):
    """Keys of every kind: ints, slices, None, Ellipsis, integer arrays that broadcast, masks of any number of axes."""
    kind = draw(st.sampled_from(["basic", "arrays", "mask", "mixed mask"]))
    if kind == "mask":
        dims = draw(st.integers(0, len(shape)))
        size = int(np.prod(shape[:dims]))
        return np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool).reshape(shape[:dims])
    used = draw(st.integers(0, len(shape)))
    parts = [draw(one_axis(n)) for n in shape[:used]]
    if kind == "basic":
        parts = [p if isinstance(p, (int, slice, np.integer)) else slice(None) for p in parts]
    elif kind == "arrays":
        broadcast = draw(mgst.shapes(max_dims=2, max_side=3))
        for i, n in enumerate(shape[:used]):
            if n and draw(st.booleans()):
                flat = draw(st.lists(st.integers(-n, n - 1), min_size=(m := int(np.prod(broadcast))), max_size=m))
                parts[i] = np.array(flat, np.int64).reshape(broadcast)
        parts = [p if not isinstance(p, list) else slice(None) for p in parts]
    elif used:
        at = draw(st.integers(0, used - 1))
        parts = [p if isinstance(p, slice) else slice(None) for p in parts]
        parts[at] = np.array(draw(st.lists(st.booleans(), min_size=shape[at], max_size=shape[at])), bool)
    else:
        parts = []
    for filler in (None, Ellipsis):
        if draw(st.booleans()):
            parts.insert(draw(st.integers(0, len(parts))) if filler is None else len(parts), filler)
    return tuple(parts) if len(parts) != 1 or draw(st.booleans()) else parts[0]


@st.composite
def arrays_and_keys(draw):
    x = draw(mgst.arrays(mgst.shapes()))
    return x, draw(keys(x.shape))


def broadcastable(*arrays):
    try:
        np.broadcast_shapes(*(np.shape(a) for a in arrays))
    except ValueError:
        return False
    return True


def reading(x, key):
    """NumPy's answer, or the error it raises."""
    try:
        return np.asarray(x[key]), None
    except IndexError as error:
        return None, error


def as_tensors(key):
    """The same key with tensors in place of arrays."""
    if isinstance(key, tuple):
        return tuple(map(as_tensors, key))
    return mg.tensor(key) if isinstance(key, np.ndarray) else key


@settings(max_examples=400)
@given(arrays_and_keys())
def test_reading(case):
    x, key = case
    want, error = reading(x, key)
    if error is not None:
        with pytest.raises(IndexError):
            mg.asarray(x)[key]
        return
    for k in (key, as_tensors(key)):
        np.testing.assert_array_equal(mg.asarray(x)[k].numpy(), want, strict=True)


@settings(max_examples=200)
@given(arrays_and_keys(), st.data())
def test_writing(case, data):
    x, key = case
    part, error = reading(x, key)
    if error is not None:
        return
    value = data.draw(st.sampled_from([np.float64(5.0), part * 10.0, np.ones((1, *part.shape))]))
    want = x.copy()
    try:
        want[key] = value
    except (TypeError, ValueError):  # leading axes of size 1 that NumPy drops, but not for masks and single elements
        return
    y = mg.asarray(x)
    y[as_tensors(key)] = value
    np.testing.assert_array_equal(y.numpy(), want, strict=True)


@settings(max_examples=60)
@given(arrays_and_keys())
def test_gradients_of_reading_and_writing(case):
    x, key = case
    part, error = reading(x, key)
    if error is not None:
        return
    mg.gradcheck(lambda x: x[key] ** 2, x)
    unique = len(set(np.arange(x.size).reshape(x.shape)[key].ravel().tolist())) == part.size

    def write(x, v):
        y = x * 1.0
        y[key] = v
        return y**2

    if unique:  # where places repeat, NumPy leaves open which value stays
        mg.gradcheck(write, (x, part.copy()))


def test_an_element_picked_twice_gets_both_cotangents():
    x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 2, 0, -1, 0]].backward(mg.tensor([1.0, 10.0, 100.0, 1000.0, 10000.0]))
    assert x.grad.tolist() == [10101.0, 0.0, 1010.0]


def test_reading_shares_memory_where_numpy_does():
    x = mg.ones((4, 4))
    assert np.shares_memory(x[1:, ::2].data, x.data)
    assert not np.shares_memory(x[[0, 1]].data, x.data)


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (3, IndexError, "index 3 is out of bounds"),
        ((0, 0, 0), IndexError, r"\[getitem\] 3 indices for a tensor of shape \(3, 4\)"),
        ((..., 0, ...), IndexError, r"\[getitem\] a key may hold only one Ellipsis"),
        (1.5, mg.DtypeError, r"\[getitem\] an index must be an integer or boolean array, got float"),
        (np.array([0.0]), mg.DtypeError, "an index must be an integer or boolean array, got float64"),
        (np.ones(4, bool), IndexError, r"a mask of shape \(4,\) does not fit the axes \(3,\) of shape \(3, 4\)"),
        (np.array([True, False, False, False]), IndexError, "a mask of shape"),
        ((slice(None), np.ones((4, 1), bool)), IndexError, r"3 indices for a tensor of shape \(3, 4\)"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast"),
    ],
)
def test_errors(key, error, message):
    with pytest.raises(error, match=message):
        mg.zeros((3, 4))[key]


def test_a_value_that_does_not_fit():
    x = mg.zeros((3, 4))
    with pytest.raises(mg.ShapeError, match=r"\[setitem\] value \(3,\) does not fit \(4,\), the part of \(3, 4\)"):
        x[0] = mg.ones(3)


def test_values_are_cast_when_written():
    x = mg.tensor([1, 2])
    x[0] = 7.9
    assert (x.tolist(), x.dtype) == ([7, 2], mg.int64)
    y = mg.ones(2)
    y[0] = mg.tensor(2.0, dtype=mg.float64)
    assert y.dtype == mg.float32


# ---- functions along an axis


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: mg.take(x, mg.tensor([9]), axis=0), IndexError, "out of bounds"),
        (lambda x: mg.take(x, mg.tensor([0.5]), axis=0), mg.DtypeError, "integer or boolean"),
        (lambda x: mg.take(x, mg.tensor([0]), axis=2), mg.ShapeError, r"\[take\] axis 2 is out of range"),
        (lambda x: mg.take_along_axis(x, mg.tensor([[7]]), 0), IndexError, "7"),
        (lambda x: mg.take_along_axis(x, mg.tensor([0]), 0), mg.ShapeError, "must have the same rank"),
        (lambda x: mg.take_along_axis(x, mg.zeros((3, 4)), 0), mg.DtypeError, "indices must be integers, got float32"),
        (lambda x: mg.take_along_axis(x, mg.zeros((3, 2), dtype="int64"), 0), mg.ShapeError, "do not broadcast"),
        (lambda x: mg.topk(x, 5), mg.ShapeError, r"\[topk\] k=5 of the 4 elements"),
        (lambda x: mg.one_hot(mg.tensor([3]), 3), IndexError, r"indices must lie in \[0, 3\), found 3 to 3"),
        (lambda x: mg.one_hot(mg.tensor([1.0])), mg.DtypeError, "indices must be integers"),
        (lambda x: mg.diagonal(x[0]), mg.ShapeError, r"\[diagonal\] expected at least 2 dimensions"),
    ],
)
def test_errors_along_an_axis(call, error, message):
    with pytest.raises(error, match=message):
        call(mg.zeros((3, 4)))


@given(mgst.arrays(mgst.shapes(min_side=1), separated=True), st.booleans())
def test_sorting_agrees_with_its_indices(x, descending):
    if x.ndim == 0:
        return
    order = mg.argsort(x, descending=descending)
    np.testing.assert_array_equal(mg.take_along_axis(x, order).numpy(), mg.sort(x, descending=descending).numpy())


def test_sorting_is_stable_both_ways_and_puts_nan_last():
    x = mg.tensor([2.0, 1.0, 2.0, 1.0])
    assert mg.argsort(x).tolist() == [1, 3, 0, 2]
    assert mg.argsort(x, descending=True).tolist() == [0, 2, 1, 3]
    assert np.isnan(mg.sort(mg.tensor([np.nan, 1.0])).numpy()).tolist() == [False, True]


def test_nonzero_unique_searchsorted_one_hot():
    x = np.array([[0.0, 3.0, 0.0], [3.0, -1.0, 2.0]])
    for got, want in zip(mg.nonzero(x), np.nonzero(x)):
        np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(mg.unique(x).numpy(), np.unique(x))
    edges, values = np.array([0.0, 1.0, 1.0, 2.0]), np.array([[1.0, -5.0], [1.5, 9.0]])
    for side in ("left", "right"):
        np.testing.assert_array_equal(
            mg.searchsorted(edges, values, side).numpy(), np.searchsorted(edges, values, side)
        )
    np.testing.assert_array_equal(mg.one_hot(mg.tensor([[0, 2]]), 3).numpy(), np.eye(3)[[[0, 2]]])
    assert mg.one_hot(mg.tensor([1, 0])).shape == (2, 2)
    assert mg.one_hot(mg.zeros(0, dtype="int64"), 4).shape == (0, 4)
