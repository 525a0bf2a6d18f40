"""Multiply-adds: every product is in the table, and its gradients cost as much as it does."""

import pytest

import minigrad as mg
from minigrad.engine import PRIMITIVES, switched
from minigrad.nn import functional as F
from minigrad.ops.work import MULTIPLY_ADDS, multiply_adds


def test_every_contraction_is_counted():
    contractions = {op.name for op in PRIMITIVES.values() if op.kind == "contraction"}
    assert contractions <= MULTIPLY_ADDS.keys() <= PRIMITIVES.keys()


def ones(*shape):
    return mg.ones(shape, requires_grad=True)


# a product of two tensors, and the multiply-adds of its value
PRODUCTS = {
    "matrices": (lambda a, b: a @ b, (3, 4), (4, 5), 3 * 4 * 5),
    "batch": (lambda a, b: mg.matmul(a, b), (2, 3, 4), (2, 4, 5), 2 * 3 * 4 * 5),
    "transposed": (F.linear, (6, 4), (5, 4), 6 * 4 * 5),
    "einsum": (lambda a, b: mg.einsum("bij,kj->bik", a, b), (2, 3, 4), (5, 4), 2 * 3 * 4 * 5),
    "conv": (lambda x, w: F.conv2d(x, w, stride=2, groups=2), (3, 4, 7, 9), (6, 2, 3, 3), 3 * 6 * 3 * 4 * 2 * 9),
    "transposed conv": (F.conv_transpose1d, (2, 3, 5), (3, 4, 6), 2 * 3 * 5 * 4 * 6),
}


@pytest.mark.parametrize(("f", "left", "right", "count"), PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_and_its_gradients(f, left, right, count):
    done = []
    with switched(watch=lambda op, arrays, params, out: done.append(multiply_adds(op.name, out, arrays, params))):
        y = f(ones(*left), ones(*right))
        assert sum(done) == count
        y.sum().backward()
    assert sum(done) == 3 * count
