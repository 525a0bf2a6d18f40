"""Calls of a row, by us and by PyTorch, and everything that can be seen of them, as arrays by name."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.tree import leaves, tree_map
from tests.nn.rows.row import Layer


class Ours:
    """minigrad in a float dtype."""

    def __init__(self, dtype, library=nn):
        self.dtype, self.library = dtype, library

    def tensor(self, array, requires_grad=False):
        """An array as a tensor."""
        return mg.tensor(self.cast(array), requires_grad=requires_grad)

    def cast(self, array):
        """Floats in the dtype."""
        return array.astype(self.dtype) if array.dtype.kind == "f" else array

    def made(self, row, call):
        """What the inputs are given to, and the constants among its other arguments."""
        with mg.set_default_dtype(self.dtype):
            given = tree_map(self.given, [call.args, call.kwargs])
            constants = [x for x in leaves(given) if isinstance(x, mg.Tensor)]
            if not row.is_module:
                return (lambda *x: row.ours(*x, *given[0], **given[1])), constants
            return row.ours(*given[0], **given[1]), constants

    def given(self, x, requires_grad=False):
        """An argument: arrays as tensors, layers made, anything else as it is."""
        if isinstance(x, Layer):
            return x.made_by(self.library)
        return self.tensor(x, requires_grad and x.dtype.kind == "f") if isinstance(x, np.ndarray) else x

    def grad(self, y, xs, create_graph):
        """dy/dx for each x; None where y does not depend on it."""
        if not y.requires_grad:
            return [None] * len(xs)
        return mg.autograd.grad(y, xs, create_graph=create_graph, allow_unused=True)

    is_float = staticmethod(lambda x: x.dtype.kind == "f")
    array = staticmethod(lambda x: np.array(x.numpy()))


class Theirs(Ours):
    """PyTorch, always in float64."""

    def __init__(self, torch, dtype):
        super().__init__(dtype, torch.nn)
        self.torch = torch
        torch.backends.cuda.enable_flash_sdp(False)  # on the CPU too: that form of attention has no second derivatives

    def tensor(self, array, requires_grad=False):
        rounded = self.cast(array)
        wide = rounded.astype(np.float64) if array.dtype.kind == "f" else array
        return self.torch.tensor(wide, requires_grad=requires_grad)

    def made(self, row, call):
        twin = row.twin or getattr(self.library if row.is_module else self.library.functional, row.name)
        given = tree_map(self.given, [call.args, call.kwargs])
        constants = [x for x in leaves(given) if isinstance(x, self.torch.Tensor)]
        if not row.is_module:
            return (lambda *x: twin(*x, *given[0], **given[1])), constants
        self.torch.manual_seed(0)
        module = twin(*given[0], **given[1]).double()
        rng = np.random.default_rng(0)
        for p in module.parameters():  # away from the ones and zeros that would hide a missing factor or term
            moved = p.detach().numpy() + 0.3 * rng.standard_normal(p.shape)
            p.data = self.tensor(moved)
        return module, constants

    def grad(self, y, xs, create_graph):
        if not y.requires_grad:
            return [None] * len(xs)
        return self.torch.autograd.grad(y, xs, create_graph=create_graph, allow_unused=True)

    is_float = staticmethod(lambda x: x.is_floating_point())
    array = staticmethod(lambda x: x.detach().numpy(force=True))


def observed(side, f, call, second, jit=lambda look: look):
    """What `look` sees of a call, as arrays; `jit` is put around it."""
    inputs = tree_map(lambda x: side.given(x, requires_grad=True), call.inputs)
    options = tree_map(side.given, call.options)
    seen = jit(lambda *inputs: look(side, f, inputs, options, second))(*inputs)
    return {name: None if x is None else side.array(x) for name, x in seen.items()}


def look(side, f, inputs, options, second):
    """The outputs of f; the gradients, for random cotangents, of its inputs and parameters; and of those gradients."""
    xs = {f"input {i}": x for i, x in enumerate(leaves(inputs)) if getattr(x, "requires_grad", False)}
    xs |= {name: p for name, p in f.named_parameters() if p.requires_grad} if is_module(f) else {}
    outs = [x for x in leaves(f(*inputs, **options)) if hasattr(x, "dtype")]
    seen = {f"output {i}": x for i, x in enumerate(outs)}
    total = weighted(side, [x for x in outs if side.is_float(x)])
    for order in ("gradient", "second derivative") if second else ("gradient",):
        found = side.grad(total, list(xs.values()), create_graph=second and order == "gradient")
        seen |= {f"{order}, {name}": g for name, g in zip(xs, found)}
        total = weighted(side, [g for g in found if g is not None])
    return seen


def is_module(f):
    """Whether it has parameters and state."""
    return hasattr(f, "state_dict")


def weighted(side, tensors):
    """The sum of all elements, each times a random number."""
    total = side.tensor(np.zeros(()))
    for i, x in enumerate(tensors):
        weights = np.random.default_rng(i).standard_normal(tuple(x.shape))
        total = total + (x * side.tensor(weights)).sum()
    return total


def state(side, f, constants):
    """The state of a module, or of the tensors that a function was given."""
    named = f.state_dict() if is_module(f) else {f"constant {i}": x for i, x in enumerate(constants)}
    return {name: side.array(x) for name, x in named.items()}


def modes(f):
    """Switches a module to training, twice if that changes its state, and to evaluation; a function is called once."""
    if not is_module(f):
        return ["as called"]
    has_buffers = any(True for _ in f.buffers())
    return ["training", *["training again"] * has_buffers, "evaluation"]


def switch(f, mode):
    """Put a module into a mode."""
    if is_module(f):
        f.train(mode != "evaluation")


def assert_same(found, expected, dtype):
    """Ours as PyTorch's: names, shapes, dtypes, and values to 1e-9 in float64, to 1e-5 in float32."""
    tolerance = {"float64": 1e-9, "float32": 1e-5}[dtype]
    assert list(found) == list(expected)
    for name, y in expected.items():
        x = found[name]
        if x is None or y is None:
            assert not np.any(x if y is None else y), f"{name} does not depend on it in one of the two"
            continue
        wanted = np.dtype(dtype) if y.dtype.kind == "f" else y.dtype
        assert (x.shape, x.dtype) == (y.shape, wanted), name
        finite = np.abs(y[np.isfinite(y)])
        atol = tolerance * max(1.0, finite.max(initial=0.0))
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=atol, err_msg=name)
