"""Transforms of functions: grad, value_and_grad, vjp, jvp, hvp, jacobian, hessian.

All are made of reverse mode: the gradient rules are differentiable, so forward mode and higher orders need no second
set of rules. Arguments and results may be nested tuples, lists, dicts and dataclasses of tensors. Transforms nest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.core import Tensor, is_float
from minigrad.errors import DtypeError, GraphError, ShapeError
from minigrad.ops import asarray, reshape, stack, zeros_like
from minigrad.tree import leaves, tree_map


def as_tensors(args: Any) -> Any:
    """The same structure with every number and array as a tensor."""
    return tree_map(lambda x: asarray(x) if isinstance(x, (np.ndarray, int, float)) else x, args)


def linked(x: Any) -> Any:
    """A tensor to differentiate with respect to; outer derivatives still reach the original through it."""
    if not is_float(x):
        return x
    return x * 1.0 if x.requires_grad else x.detach().requires_grad_()


def detached(tree: Any) -> Any:
    """The same structure without history."""
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


class Pullback:
    """f evaluated at some primals, and its vector-Jacobian product."""

    def __init__(self, f: Callable, primals: Sequence) -> None:
        recording = engine.MODE.get().recording
        with engine.enable_grad():
            self.inputs = tree_map(linked, as_tensors(tuple(primals)))
            self.out = f(*self.inputs)
        self.wrt = [x for x in leaves(self.inputs) if isinstance(x, Tensor) and x.requires_grad]
        self.outer = recording and self.reaches_outside()

    def reaches_outside(self) -> bool:
        """Whether the result also depends on leaves that are not ours: then somebody outside may differentiate it."""
        roots = [y.node for y in leaves(self.out) if getattr(y, "node", None) is not None]
        ours = {x.node for x in self.wrt if x.is_leaf}
        return any(type(n) is engine.Leaf and n not in ours for n in engine.reachable(roots))

    def __call__(self, cotangents: Any, create_graph: bool | None = None) -> tuple:
        """The cotangents of the primals: zeros for those unused, None for those that are not float tensors."""
        outs, gs = leaves(self.out), leaves(as_tensors(cotangents))
        if len(outs) != len(gs):
            raise GraphError(f"[vjp] the result has {len(outs)} tensors, {len(gs)} cotangents were given.")
        pairs = [(y, g) for y, g in zip(outs, gs) if getattr(y, "node", None) is not None]
        seeds = [engine.seed_cotangent("vjp", y, g) for y, g in pairs]
        create = self.outer or any(g.requires_grad for g in seeds) if create_graph is None else create_graph
        found = engine.backward([y for y, _ in pairs], seeds, {x.node for x in self.wrt}, True, create)

        def pick(x: Any) -> Any:
            if not isinstance(x, Tensor) or not x.requires_grad:
                return None
            return found[x.node] if x.node in found else zeros_like(x)

        return tuple(tree_map(pick, x) for x in self.inputs)

    @property
    def value(self) -> Any:
        """The result, with history only if somebody outside may differentiate it."""
        return self.out if self.outer else detached(self.out)


def vjp(f: Callable, *primals: Any) -> tuple[Any, Callable]:
    """f(*primals), and the function g -> g J, which may be called repeatedly: a cotangent for each primal.

    >>> y, pull = mg.vjp(lambda x: x**2, mg.tensor([1.0, 2.0]))
    >>> pull(mg.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    pull = Pullback(f, primals)
    return pull.value, pull


def value_and_grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """The function that returns (f(*args), gradient of f with respect to the arguments `argnums`).

    argnums: a position, or a tuple of them (then the gradient is a tuple).  has_aux: f returns (scalar, anything), and
    so does the value.  Raises ShapeError if f is not scalar, DtypeError for an argument without float tensors.

    >>> mg.value_and_grad(lambda w, x: mg.sum(w * x), argnums=(0, 1))(mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]))
    (tensor(11.), (tensor([3., 4.]), tensor([1., 2.])))
    """

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple:
        positions = [argnums] if isinstance(argnums, int) else list(argnums)
        chosen = [args[i] for i in positions]
        for i, x in zip(positions, as_tensors(chosen)):
            if not any(map(is_float, leaves(x))):
                raise DtypeError(f"[grad] argument {i} holds no float tensor, so it has no gradient.")
        aux: list = []

        def scalar(*values: Any) -> Tensor:
            full = list(args)
            for i, value in zip(positions, values):
                full[i] = value
            out = f(*full, **kwargs)
            if has_aux:
                out, extra = out
                aux.append(extra)
            if not isinstance(out, Tensor) or out.size != 1:
                what = f"shape {out.shape}" if isinstance(out, Tensor) else f"type {type(out).__name__}"
                raise ShapeError(f"[grad] expected a scalar result, got {what}: use mg.vjp or mg.jacobian.")
            return out

        pull = Pullback(scalar, chosen)
        grads = pull(Tensor(np.ones(pull.out.shape, pull.out.dtype)))
        value = (pull.value, aux[0] if pull.outer else detached(aux[0])) if has_aux else pull.value
        return value, grads[0] if isinstance(argnums, int) else grads

    return value_and_gradient


def grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """The function that returns the gradient of the scalar function f, as JAX's `grad`; with has_aux (gradient, aux).

    For gradients of tensors computed before, see `mg.autograd.grad`.

    >>> mg.grad(lambda x: x**3)(2.0)
    tensor(12.)
    >>> mg.grad(mg.grad(lambda x: x**3))(2.0)
    tensor(12.)
    """
    both = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return gradient


def jvp(f: Callable, primals: Sequence, tangents: Sequence) -> tuple[Any, Any]:
    """f(*primals), and its Jacobian-vector product J v with the tangents v, nested like the primals.

    g -> g J is linear in g, so its own transpose at v is J v (the double-vjp trick): no forward-mode rules are needed.

    >>> mg.jvp(lambda x: x**2, (mg.tensor([1.0, 2.0]),), (mg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    pull = Pullback(f, primals)
    dummies = tree_map(lambda y: zeros_like(y).requires_grad_() if is_float(y) else y, detached(pull.out))
    vs = [v for x, v in zip(leaves(pull.inputs), leaves(as_tensors(tuple(tangents))), strict=True)]
    cotangents = pull(dummies, create_graph=True)
    pairs = [
        (c, engine.seed_cotangent("jvp", c, v))
        for c, v in zip(leaves_with_none(cotangents, pull.inputs), vs)
        if c is not None and c.requires_grad
    ]
    create = pull.outer or any(v.requires_grad for _, v in pairs)
    wanted = {u.node for u in leaves(dummies) if is_float(u)}
    found = engine.backward([c for c, _ in pairs], [v for _, v in pairs], wanted, True, create)

    def tangent_of(u: Any) -> Any:
        if not is_float(u):
            return None
        return found[u.node] if u.node in found else zeros_like(u)

    return pull.value, tree_map(tangent_of, dummies)


def leaves_with_none(cotangents: tuple, inputs: tuple) -> list:
    """The leaves of `cotangents`, None kept, in step with those of `inputs`."""
    found = iter(leaves(cotangents))
    return [next(found) if isinstance(x, Tensor) and x.requires_grad else None for x in leaves(inputs)]


def hvp(f: Callable, primals: Sequence, tangents: Sequence) -> Any:
    """The Hessian-vector products H v of the scalar function f(*primals), one for each primal; H is never formed.

    Costs a small multiple of one gradient (Pearlmutter 1994). Tangents are nested like the primals.

    >>> mg.hvp(lambda x: mg.sum(x**3), (mg.tensor([1.0, 2.0]),), (mg.tensor([1.0, 1.0]),))
    (tensor([ 6., 12.]),)
    """
    gradient = grad(f, argnums=tuple(range(len(primals))))
    pairs = zip(leaves(as_tensors(tuple(primals))), leaves(tuple(tangents)), strict=True)
    return Pullback(gradient, primals)([v for x, v in pairs if is_float(x)])


def jacobian(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """The function that returns the Jacobian of f, of shape out.shape + x.shape: d out[i] / d x[j] at [i, j].

    One backward pass for each element of the result.  argnums: a position, or a tuple of them (then a tuple comes
    back).  Arguments may be nested; the result of f is one tensor.

    >>> mg.jacobian(lambda x: x**2)(mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    def jacobian_at(*args: Any) -> Any:
        positions = [argnums] if isinstance(argnums, int) else list(argnums)

        def chosen(*values: Any) -> Any:
            full = list(args)
            for i, value in zip(positions, values):
                full[i] = value
            return f(*full)

        pull = Pullback(chosen, [args[i] for i in positions])
        y = pull.out
        if not isinstance(y, Tensor):
            raise ShapeError(f"[jacobian] expected a function with one tensor as its result, got {type(y).__name__}.")
        basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
        rows = [leaves(pull(Tensor(row))) for row in basis]

        def assemble(i: int, x: Tensor) -> Tensor:
            shape = y.shape + x.shape
            return reshape(stack([row[i] for row in rows]), shape) if rows else Tensor(np.zeros(shape, x.dtype))

        position = iter(range(len(pull.wrt)))
        tracked = tree_map(lambda x: x if isinstance(x, Tensor) and x.requires_grad else None, pull.inputs)
        result = tree_map(lambda x: assemble(next(position), x), tracked)
        return result[0] if isinstance(argnums, int) else result

    return jacobian_at


def hessian(f: Callable, argnums: int = 0) -> Callable:
    """The function that returns the Hessian of the scalar function f with respect to one argument: x.shape + x.shape.

    >>> mg.hessian(lambda x: mg.sum(x**3))(mg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums)
