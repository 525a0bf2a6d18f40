"""Noise on gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minigrad import random
from minigrad.core import Tensor
from minigrad.engine import no_grad, tracer
from minigrad.errors import ConfigError
from minigrad.optim.group import Cell


class GradientNoise:
    """Adds Gaussian noise that fades out to all gradients (Neelakantan et al. 2015).

    g = g + N(0, sigma_t^2), sigma_t^2 = eta / (1 + t)^gamma, in call t = 0, 1, ... of `add_`.

    parameters: those whose gradients get noise.  eta: 0.01, 0.3 or 1 in the paper.  gamma: 0.55 there.
    generator: the default one if None.  Raises ConfigError for a negative number.
    `add_` goes between `backward()` and the optimizer's step, also inside `mg.jit`; after clipping, if there is any.

    >>> p = nn.Parameter([1.0, 2.0])
    >>> noise = optim.GradientNoise([p], eta=0.01)
    >>> (p * p).sum().backward()
    >>> noise.add_()
    >>> mg.allclose(p.grad, 2 * p, atol=0.6)
    True
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        eta: float = 0.3,
        gamma: float = 0.55,
        generator: random.Generator | None = None,
    ) -> None:
        for name, value in (("eta", eta), ("gamma", gamma)):
            if not value >= 0:
                raise ConfigError(f"[GradientNoise] {name} must be at least 0, got {value!r}.")
        self.parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        self.eta, self.gamma, self.generator = float(eta), float(gamma), generator
        self.calls = Cell(0)

    def variance(self, t: Any) -> Any:
        """sigma_t^2."""
        return self.eta / (1.0 + t) ** self.gamma

    def add_(self) -> None:
        """Add noise to the gradients there are, and count the call."""
        if tracer() is not None:
            tracer().watch(self)
        t = self.calls.get()
        deviation = self.variance(t) ** 0.5
        with no_grad():
            for p in self.parameters:
                if p.grad is not None:
                    noise = random.normal(p.shape, dtype=p.grad.dtype, generator=self.generator)
                    p.grad = p.grad + deviation * noise
        self.calls.set(t + 1)

    def configuration(self) -> Any:
        """What a compiled step has built in."""
        return [*map(id, self.parameters), id(self.generator), self.eta, self.gamma]

    def named_numbers(self) -> Iterator[tuple[str, Tensor]]:
        """The tensor that counts the calls."""
        yield "calls", self.calls.tensor

    def state_dict(self) -> dict[str, int]:
        """{"calls": the number of calls}; the generator has a state of its own."""
        return {"calls": self.calls.get()}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """Go on from a saved state."""
        self.calls.set(int(state_dict["calls"]))
