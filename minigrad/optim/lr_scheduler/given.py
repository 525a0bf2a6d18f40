"""Learning rates by functions that the user writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.core import Tensor
from minigrad.errors import ConfigError, DtypeError, TracingError
from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.optimizer import Optimizer

Factor = Callable[[int], float]


class LambdaLR(LRScheduler):
    """lr(t) = initial_lr * f(t) after t steps.

    lr_lambda: f, one for all groups or a list with one for each. Inside a compiled step t is a symbol: arithmetic,
    `mg.where` and functions such as `mg.cos` are fine, `if t < 5` and `math.cos` raise TracingError.
    Raises ConfigError for a list of another length, DtypeError for what is no function.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.4]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas = as_functions("LambdaLR", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        return [base * called("LambdaLR", f, t) for base, f in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(LRScheduler):
    """lr(t) = lr(t - 1) * f(t), lr(0) = initial_lr.

    lr_lambda: f, one for all groups or a list with one for each.
    Raises ConfigError for a list of another length, DtypeError for what is no function, and TracingError inside a
    compiled step: the product over all steps before is no formula in t.

    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> schedule = optim.lr_scheduler.MultiplicativeLR(optimizer, lambda t: 1 / t)
    >>> [schedule.rates(t)[0] for t in range(4)]
    [0.8, 0.8, 0.4, 0.133333]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas = as_functions("MultiplicativeLR", lr_lambda, optimizer)
        self.products = [[1.0] * len(self.lr_lambdas)]
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        if isinstance(t, Tensor):
            raise TracingError(
                "[MultiplicativeLR] multiplies with a function of each step before, which compiled code does not know: "
                "call step() outside of the compiled function, or write the product as a formula for LambdaLR."
            )
        for s in range(len(self.products), t + 1):
            self.products.append([product * f(s) for product, f in zip(self.products[-1], self.lr_lambdas)])
        return [base * product for base, product in zip(self.base_lrs, self.products[t])]


def as_functions(who: str, given: Any, optimizer: Optimizer) -> list[Factor]:
    """One function for each group."""
    groups = len(optimizer.param_groups)
    functions = list(given) if isinstance(given, (list, tuple)) else [given] * groups
    if len(functions) != groups:
        raise ConfigError(f"[{who}] {groups} parameter groups need as many functions, got {len(functions)}.")
    for f in functions:
        if not callable(f):
            raise DtypeError(f"[{who}] lr_lambda must be a function of the number of steps, got a {type(f).__name__}.")
    return functions


def called(who: str, function: Callable[[Any], Any], t: Any) -> Any:
    """function(t); if that is traced and the function decides in Python, an error that tells what to do."""
    try:
        return function(t)
    except TracingError as error:
        raise TracingError(
            f"[{who}] the function of the number of steps decides in Python, but compiled code reads that number at "
            f"each call: write it with arithmetic and mg.where, or call step() outside of it. {error}"
        ) from error
