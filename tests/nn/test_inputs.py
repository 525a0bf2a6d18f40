"""What layers and functions take for inputs: arrays, lists and strided views, the same as tensors of their values."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.tree import leaves, tree_map
from tests.nn.rows import ROWS
from tests.nn.rows.sides import Ours, assert_same, switch

FORMS = {
    "array": lambda x: x,
    "list": lambda x: x.tolist(),
    "every other element": lambda x: mg.Tensor(np.repeat(x, 2, -1)[..., ::2] if x.ndim else x),
    "backwards": lambda x: mg.Tensor(np.flip(np.flip(x).copy()) if x.ndim else x),
    "transposed": lambda x: mg.Tensor(x.T.copy().T),
}
NO_LISTS = {
    **dict.fromkeys(["linear", "rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell"], "they are given parameters"),
    **dict.fromkeys(["Identity", "ActivationPenalty"], "they give back what they are given"),
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_inputs_in_every_form(row):
    us, call = Ours("float64"), row.call(0)
    f, _ = us.made(row, call)
    switch(f, "evaluation")
    expected = outputs(us, f, call, us.given)
    for name, form in FORMS.items():
        if name == "list" and (row.name in NO_LISTS or any(np.size(x) == 0 for x in leaves(call.inputs))):
            continue  # a list of nothing has no dtype
        found = outputs(us, f, call, lambda x, form=form: form(x) if isinstance(x, np.ndarray) else us.given(x))
        assert_same(found, expected, "float64")


def outputs(us, f, call, give):
    """The outputs of a call, whose inputs are given by `give`."""
    mg.manual_seed(0)
    with mg.set_default_dtype(us.dtype):
        out = f(*tree_map(give, call.inputs), **tree_map(us.given, call.options))
    return {f"output {i}": np.asarray(x) for i, x in enumerate(leaves(out)) if hasattr(x, "dtype")}
