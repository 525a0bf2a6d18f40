"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from typing import Any

from minigrad.core import Tensor
from minigrad.ops import asarray


class Parameter(Tensor):
    """A leaf tensor that, set as an attribute of a `Module`, is one of the module's parameters.

    data: a tensor or anything `mg.asarray` takes; its memory is shared.  requires_grad: whether it is trained.
    Operations on a parameter give plain tensors.  Raises DtypeError for integers that should require grad.

    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(asarray(data).data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
