"""What to say when the loss is no longer a number."""

import numpy as np

from minigrad import Tensor, nn, no_grad
from minigrad.errors import MinigradError


class DivergedError(MinigradError, ArithmeticError):
    """The loss became NaN or infinite: going on would only spread it."""


def diagnosis(model: nn.Module, x: Tensor) -> str:
    """Where the first bad numbers are: in the parameters, or else in the output of a layer for the batch `x`."""
    bad = [name for name, parameter in model.named_parameters() if not _finite(parameter)]
    if bad:
        return f"the last update made parameter {bad[0]} NaN or infinite ({len(bad)} parameters in all)"
    layer = _first_bad_layer(model, x)
    if layer is None:
        return "all parameters and scores are finite, the loss itself overflowed"
    return f"the parameters are finite, but the output of layer {layer} is the first that is not"


def _first_bad_layer(model, x):
    found = []
    names = {module: name for name, module in model.named_modules()}

    def look(module, inputs, output):
        if not found and isinstance(output, Tensor) and not _finite(output):
            found.append(f"{names[module] or 'model'} ({type(module).__name__})")

    removers = [module.register_forward_hook(look) for module in names]
    try:
        with no_grad():
            model(x)
    finally:
        for remove in removers:
            remove()
    return found[0] if found else None


def _finite(tensor):
    return bool(np.isfinite(tensor.numpy()).all())
