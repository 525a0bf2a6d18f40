"""Helpers around modules, named as in `torch.nn.utils`."""

from minigrad.nn.utils.vector import parameters_to_vector, vector_to_parameters

__all__ = ["parameters_to_vector", "vector_to_parameters"]
