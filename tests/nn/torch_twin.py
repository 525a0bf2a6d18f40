"""Our modules beside PyTorch's of the same name and arguments, in float64."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from minigrad import nn, set_default_dtype, tensor

torch = pytest.importorskip("torch")


@dataclass
class Row:
    """A module and what it is called with: shapes stand for random numbers."""

    name: str
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    shape: tuple = ()

    def __str__(self):
        shown = [*map(repr, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())]
        return f"{self.name}({', '.join(shown)}){list(self.shape)}".replace(" ", "")

    def twins(self):
        """Ours and PyTorch's, with PyTorch's weights."""
        with set_default_dtype("float64"):
            ours = getattr(nn, self.name)(*self.args, **self.kwargs)
        theirs = getattr(torch.nn, self.name)(*self.args, **self.kwargs).double()
        ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
        return ours, theirs


def run_ours(module, arrays, seed=0):
    """Outputs, then the gradients of the inputs and parameters for a random cotangent of the first output."""
    inputs = [tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    out = module(*inputs)
    outs = out if isinstance(out, tuple) else (out,)
    outs[0].backward(cotangent(outs[0].shape, seed))
    leaves = [x for x in inputs if x.requires_grad] + list(module.parameters())
    return [o.numpy() for o in outs], [x.grad.numpy() for x in leaves]


def run_theirs(module, arrays, seed=0):
    """The same of PyTorch's."""
    inputs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    out = module(*inputs)
    outs = out if isinstance(out, tuple) else (out,)
    outs[0].backward(torch.tensor(cotangent(tuple(outs[0].shape), seed)))
    leaves = [x for x in inputs if x.requires_grad] + list(module.parameters())
    return [o.detach().numpy() for o in outs], [x.grad.numpy() for x in leaves]


def cotangent(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape)


def assert_twins(ours, theirs, *arrays, atol=1e-9):
    """Values, shapes, dtypes and gradients agree."""
    for mine, reference in zip(run_ours(ours, arrays), run_theirs(theirs, arrays), strict=True):
        for a, b in zip(mine, reference, strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=atol)
