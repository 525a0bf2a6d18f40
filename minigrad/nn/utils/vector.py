"""Parameters as one vector and back."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError, DtypeError, ShapeError
from minigrad.ops import concat, reshape


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters one after the other, each in row-major order: (p1.ravel(), p2.ravel(), ...), of shape (n,).

    Gradients flow back to the parameters; mixed dtypes are promoted. Raises ConfigError if there are none.

    >>> model = nn.Linear(2, 3)
    >>> nn.utils.parameters_to_vector(model.parameters()).shape
    (9,)
    """
    parts = [reshape(p, (-1,)) for p in listed("parameters_to_vector", parameters)]
    return concat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values in a vector, in the order of `parameters_to_vector`, cast to their dtypes.

    vec: shape (n,), n the number of elements of all parameters. Raises ShapeError for another shape, DtypeError for
    anything that is no tensor; then no parameter has changed.

    >>> p, q = nn.Parameter([1.0, 2.0]), nn.Parameter([[3.0]])
    >>> nn.utils.vector_to_parameters(mg.tensor([4.0, 5.0, 6.0]), [p, q])
    >>> p.tolist(), q.tolist()
    ([4.0, 5.0], [[6.0]])
    """
    who, params = "vector_to_parameters", listed("vector_to_parameters", parameters)
    if not isinstance(vec, Tensor):
        raise DtypeError(f"[{who}] expected a tensor, got a {type(vec).__name__}.")
    n = sum(p.size for p in params)
    if vec.shape != (n,):
        raise ShapeError(f"[{who}] {len(params)} parameters have {n} elements: expected ({n},), got {vec.shape}.")
    start = 0
    with no_grad():
        for p in params:
            p.assign_(reshape(vec[start : start + p.size], p.shape) * 1)  # an array of its own, not a view of vec
            start += p.size


def listed(who: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list. Raises ConfigError if there are none, DtypeError if they are no tensors."""
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    found = list(parameters)
    if not found:
        raise ConfigError(f"[{who}] got an empty list of parameters.")
    for p in found:
        if not isinstance(p, Tensor):
            raise DtypeError(f"[{who}] expected parameters such as model.parameters() gives, got a {type(p).__name__}.")
    return found
