"""What a module is given: a dtype or a device to `to`, values to `load_state_dict`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.dtypes import as_dtype
from minigrad.errors import ConfigError, DtypeError
from minigrad.ops import tensor


def wanted_dtype(args: tuple, dtype: Any, device: Any) -> np.dtype | None:
    """The dtype that the arguments of `to` ask for; None if they name only a device.

    Raises DtypeError unless it is floating-point, ConfigError for contradicting arguments or another device.
    """
    dtypes, devices = [dtype], [device]
    for arg in args:
        if isinstance(arg, Tensor):
            dtypes.append(arg.dtype)
            devices.append(arg.device)
        else:
            (devices if names_device(arg) else dtypes).append(arg)
    dtypes, devices = ([x for x in asked if x is not None] for asked in (dtypes, devices))
    if len(dtypes) > 1 or len(devices) > 1 or not dtypes + devices:
        raise ConfigError("[to] expected to(dtype), to(device), to(device, dtype) or to(tensor), each once.")
    for device in devices:
        expect_cpu(device)
    if not dtypes:
        return None
    found = as_dtype(dtypes[0])
    if found.kind != "f":
        raise DtypeError(f"[to] expected a floating-point dtype, got {found}.")
    return found


def names_device(arg: Any) -> bool:
    """Whether an argument is the name of a device: cpu, cuda or cuda:0."""
    return isinstance(arg, str) and arg.partition(":")[0] in ("cpu", "cuda")


def expect_cpu(device: Any) -> None:
    """Raise ConfigError for a device that is not there."""
    if isinstance(device, str) and device.partition(":")[0] == "cuda":
        raise ConfigError(
            f"[to] device {device!r} needs an NVIDIA GPU and a build of minigrad with CUDA kernels, "
            "which this one does not have: it computes on 'cpu'."
        )
    if device not in ("cpu", "cpu:0"):
        raise ConfigError(f"[to] there is no device {device!r}: expected 'cpu'.")


def state_tensor(value: Any) -> Tensor:
    """A value of a state dict as a tensor.

    One of PyTorch's may require grad, and may be of bfloat16, which NumPy has not: it comes as float32.
    """
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return tensor(value)
