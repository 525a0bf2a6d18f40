"""Parametrizations by name: weight norm and spectral norm, as in `torch.nn.utils.parametrizations`."""

from __future__ import annotations

from minigrad import random
from minigrad.core import Tensor
from minigrad.engine import no_grad
from minigrad.errors import ConfigError
from minigrad.nn.conv import ConvTransposeNd
from minigrad.nn.functional.distance import normalize
from minigrad.nn.module import Module
from minigrad.nn.utils.parametrize import is_parametrized, register_parametrization
from minigrad.ops import matmul, moveaxis, norm, reshape

__all__ = ["spectral_norm", "weight_norm"]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """w = g v / ||v||: length and direction of a weight are trained apart (Salimans & Kingma 2016).

    name: of the parameter.  dim: the norm is taken over all axes but this one, so 0 gives each output a g of its own;
    None or -1: over all axes.  The parameters are `parametrizations.weight.original0` (g) and `original1` (v).
    Returns the module; make the optimizer afterwards.  Raises ConfigError for another name or dim.
    `parametrize.remove_parametrizations(module, name)` turns back.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    >>> layer.parametrizations["weight"].original0.shape, layer.weight.shape
    ((40, 1), (40, 20))
    """
    if is_parametrized(module, name):
        raise ConfigError(
            f"[weight_norm] {name!r} is parametrized already, and length and direction are its originals: put "
            "weight_norm on first."
        )
    ndim = tensor_of("weight_norm", module, name).ndim
    if dim is not None and not -1 <= dim < ndim:
        raise ConfigError(f"[weight_norm] dim must be one of the {ndim} axes, or -1 or None for all; got {dim}.")
    return register_parametrization(module, name, WeightNorm(dim), unsafe=True)


class WeightNorm(Module):
    """w = g v / ||v||."""

    def __init__(self, dim: int | None) -> None:
        self.dim = -1 if dim is None else dim

    def length(self, v: Tensor) -> Tensor:
        """The norm over all axes but one, which stay with size 1; over all of them, 0-d."""
        if self.dim == -1:
            return norm(v)
        return norm(v, axis=tuple(axis for axis in range(v.ndim) if axis != self.dim), keepdims=True)

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / self.length(v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction; the direction need not have length 1."""
        return self.length(weight), weight


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """w = v / sigma(v), sigma the largest singular value: a layer that lengthens nothing (Miyato et al. 2018).

    sigma is estimated by the power method, whose vectors are kept in the buffers `_u` and `_v`, and moved on by
    n_power_iterations at each use in training; to the gradient they are constants.  A vector is divided by its norm.
    name: of the parameter.  dim: the axis of the outputs; 0, or 1 for transposed convolutions. The others count as one.
    Returns the module, with the parameter `parametrizations.weight.original`, the same object as before.
    Raises ConfigError for another name, a dim that the weight does not have, or less than one iteration.

    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40))
    >>> list(layer.state_dict())[1:]
    ['parametrizations.weight.original', 'parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = tensor_of("spectral_norm", module, name)
    if dim is None:
        dim = 1 if isinstance(module, ConvTransposeNd) else 0
    return register_parametrization(module, name, SpectralNorm(weight, n_power_iterations, dim, eps))


class SpectralNorm(Module):
    """w = v / (u0 . V v0), with V the weight as a matrix, and vectors u0 and v0 by the power method."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        if not -weight.ndim <= dim < weight.ndim:
            raise ConfigError(f"[spectral_norm] dim must be one of the {weight.ndim} axes, got {dim}.")
        if n_power_iterations < 1:
            raise ConfigError(f"[spectral_norm] n_power_iterations must be at least 1, got {n_power_iterations}.")
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps
        if weight.ndim > 1:
            for buffer, n in zip(("_u", "_v"), self.matrix(weight).shape):
                self.register_buffer(buffer, normalize(random.normal((n,), dtype=weight.dtype), dim=0, eps=eps))
            self.iterate(weight, 15)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as (outputs, inputs)."""
        outputs = weight.shape[self.dim]
        return reshape(moveaxis(weight, self.dim, 0), (outputs, weight.size // max(1, outputs)))

    def iterate(self, weight: Tensor, times: int) -> None:
        """Bring the vectors nearer to those of the largest singular value."""
        with no_grad():
            matrix = self.matrix(weight)
            for _ in range(times):
                self._u.assign_(normalize(matmul(matrix, self._v), dim=0, eps=self.eps))
                self._v.assign_(normalize(matmul(matrix.T, self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim < 2:
            return normalize(weight, dim=0, eps=self.eps)
        if self.training:
            self.iterate(weight, self.n_power_iterations)
        return weight / matmul(self._u.detach(), matmul(self.matrix(weight), self._v.detach()))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value, which is taken for one of norm 1."""
        return value


def tensor_of(who: str, module: Module, name: str) -> Tensor:
    """A parameter, buffer or parametrized tensor of a module. Raises ConfigError if there is none of this name."""
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        raise ConfigError(f"[{who}] {type(module).__name__} has no parameter or buffer {name!r}.")
    return found
