"""Tools for parameters and their gradients, named as in `torch.nn.utils`.

>>> p = nn.Parameter([3.0, 4.0])
>>> p.grad = mg.tensor([30.0, 40.0])
>>> nn.utils.clip_grad_norm_([p], max_norm=5.0)
tensor(50.)
>>> p.grad
tensor([3., 4.])
"""

from minigrad.nn.utils import parametrizations, parametrize, rnn
from minigrad.nn.utils.clipping import (
    clip_each_grad_norm_,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from minigrad.nn.utils.parametrizations import spectral_norm, weight_norm
from minigrad.nn.utils.penalties import collect_penalties, l1_penalty, l2_penalty
from minigrad.nn.utils.vector import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm_", "clip_each_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parametrizations", "parametrize", "rnn", "spectral_norm", "weight_norm",
    "parameters_to_vector", "vector_to_parameters", "collect_penalties", "l1_penalty", "l2_penalty",
]  # fmt: skip
