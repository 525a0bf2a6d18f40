"""minigrad: a small deep-learning framework, written from scratch to be read.

>>> x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> mg.sum(x**2).backward()
>>> x.grad
tensor([2., 4., 6.])

Array functions follow the Python Array API standard and NumPy; `mg.nn` and `mg.optim` follow PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import minigrad.core

# isort: split

from minigrad import autograd, nn, optim, random
from minigrad.allocator import keep_freed_memory
from minigrad.core import Tensor
from minigrad.custom import custom_op
from minigrad.dtypes import bool_ as bool
from minigrad.dtypes import (
    can_cast,
    default_dtype,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    result_type,
    set_default_dtype,
    uint8,
)
from minigrad.engine import detect_anomaly, disable_jit, enable_grad, no_grad
from minigrad.errors import (
    AnomalyError,
    ConfigError,
    DataError,
    DtypeError,
    GradcheckError,
    GraphError,
    MinigradError,
    ShapeError,
    TracingError,
)
from minigrad.kernels.threads import get_num_threads, set_num_threads
from minigrad.loops import scan
from minigrad.ops import (
    abs,
    acos,
    acosh,
    add,
    all,
    allclose,
    any,
    arange,
    argmax,
    argmin,
    argsort,
    asarray,
    asin,
    asinh,
    astype,
    atan,
    atan2,
    atanh,
    broadcast_arrays,
    broadcast_to,
    ceil,
    clip,
    concat,
    copysign,
    cos,
    cosh,
    count_nonzero,
    cumprod,
    cumsum,
    cumulative_prod,
    cumulative_sum,
    diag,
    diagonal,
    diff,
    digamma,
    divide,
    einsum,
    empty,
    empty_like,
    equal,
    erf,
    erfc,
    exp,
    exp2,
    expand_dims,
    expm1,
    eye,
    flatten,
    flip,
    floor,
    floor_divide,
    fmax,
    fmin,
    from_dlpack,
    full,
    full_like,
    greater,
    greater_equal,
    heaviside,
    hypot,
    isclose,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    lgamma,
    linspace,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logit,
    logsumexp,
    matmul,
    matrix_transpose,
    max,
    maximum,
    mean,
    meshgrid,
    min,
    minimum,
    moveaxis,
    multiply,
    nan_to_num,
    nanmean,
    nansum,
    negative,
    nonzero,
    norm,
    not_equal,
    one_hot,
    ones,
    ones_like,
    outer,
    pad,
    permute_dims,
    polygamma,
    positive,
    pow,
    prod,
    reciprocal,
    remainder,
    repeat,
    reshape,
    roll,
    rot90,
    round,
    searchsorted,
    sigmoid,
    sign,
    signbit,
    sin,
    sinc,
    sinh,
    sort,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    subtract,
    sum,
    take,
    take_along_axis,
    tan,
    tanh,
    tensor,
    tensordot,
    tile,
    topk,
    trace,
    tril,
    triu,
    trunc,
    unique,
    unstack,
    var,
    vecdot,
    where,
    xlogy,
    zeros,
    zeros_like,
)
from minigrad.random import Generator, manual_seed
from minigrad.recompute import checkpoint
from minigrad.saving import load, save
from minigrad.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

keep_freed_memory()

if TYPE_CHECKING:
    from minigrad import checking, curvature, data
    from minigrad.checking import gradcheck
    from minigrad.compiler import jit

# Not every program loads data or checks gradients: these are imported when they are first asked for.
_ON_FIRST_USE = {
    "checking": "checking",
    "curvature": "curvature",
    "data": "data",
    "gradcheck": "checking.check",
    "jit": "compiler.function",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
    module = import_module(f"minigrad.{_ON_FIRST_USE[name]}")
    found = globals()[name] = getattr(module, name, module)
    return found


__all__ = """
Tensor tensor
grad value_and_grad vjp jvp hvp jacobian hessian checkpoint scan custom_op autograd no_grad enable_grad detect_anomaly
gradcheck checking curvature jit disable_jit
float32 float64 float16 int8 int16 int32 int64 uint8 bool default_dtype set_default_dtype result_type can_cast finfo
iinfo
manual_seed Generator set_num_threads get_num_threads random nn optim data save load
MinigradError ShapeError DtypeError GraphError GradcheckError AnomalyError TracingError DataError ConfigError
abs acos acosh add all allclose any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh
broadcast_arrays broadcast_to ceil clip concat copysign cos cosh count_nonzero cumprod cumsum cumulative_prod
cumulative_sum diag diagonal diff digamma divide einsum empty empty_like equal erf erfc exp exp2 expand_dims expm1 eye
flatten flip floor floor_divide fmax fmin from_dlpack full full_like greater greater_equal heaviside hypot isclose
isfinite isinf isnan less less_equal lgamma linspace log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not
logical_or logical_xor logit logsumexp matmul matrix_transpose max maximum mean meshgrid min minimum moveaxis multiply
nan_to_num nanmean nansum negative nonzero norm not_equal one_hot ones ones_like outer pad permute_dims polygamma
positive pow prod reciprocal remainder repeat reshape roll rot90 round searchsorted sigmoid sign signbit sin sinc sinh
sort split sqrt square squeeze stack std subtract sum take take_along_axis tan tanh tensordot tile topk trace tril
triu trunc unique unstack var vecdot where xlogy zeros zeros_like
""".split()
