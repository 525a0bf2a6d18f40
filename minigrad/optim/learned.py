"""An optimizer that is a recurrent net, trained by gradient descent through the steps it makes."""

from __future__ import annotations

import math
from collections.abc import Callable

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ConfigError, ShapeError
from minigrad.loops import scan
from minigrad.nn import Linear, Module, ModuleList
from minigrad.nn.arguments import float_tensor, size
from minigrad.ops import abs, clip, log, maximum, reshape, sigmoid, split, stack, tanh, zeros
from minigrad.transforms import grad

LayerState = tuple[Tensor, Tensor]
OptimizerState = tuple[LayerState, ...]


def preprocess(g: Tensor, p: float = 10.0) -> Tensor:
    """Logarithm and sign of gradients, whose magnitudes differ too much for a net to read them as they are.

        (log|g| / p, sign(g)) where |g| >= e^-p, else (-1, e^p g)

    Both are one formula, (max(log|g| / p, -1), clip(e^p g, -1, 1)), continuous where the cases meet.

    g: (...) float.  p: positive.  Returns (..., 2) of g's dtype. Raises ConfigError unless p is positive, DtypeError
    for integers.
    Source: Andrychowicz et al. 2016, appendix A.

    >>> optim.learned.preprocess(mg.tensor([1.0, -1e-2, 0.0]))
    tensor([[ 0.    ,  1.    ],
            [-0.4605, -1.    ],
            [-1.    ,  0.    ]])
    """
    if not 0 < p < math.inf:
        raise ConfigError(f"[preprocess] p must be positive and finite, got {p!r}.")
    g = float_tensor("preprocess", "g", g)
    magnitude = log(maximum(abs(g), math.exp(-p))) / p
    return stack([magnitude, clip(g * math.exp(p), -1.0, 1.0)], axis=-1)


class Cell(Module):
    """One step of an LSTM (Hochreiter & Schmidhuber 1997; the forget gate: Gers et al. 2000).

    (i, f, a, o) = x U^T + h V^T + b;  c = sigmoid(f) c + sigmoid(i) tanh(a);  h = sigmoid(o) tanh(c).
    """

    def __init__(self, inputs: int, hidden: int, dtype: DtypeLike = None) -> None:
        self.input = Linear(inputs, 4 * hidden, dtype=dtype)
        self.hidden = Linear(hidden, 4 * hidden, bias=False, dtype=dtype)

    def forward(self, x: Tensor, state: LayerState) -> LayerState:
        h, c = state
        i, f, a, o = split(self.input(x) + self.hidden(h), 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(a)
        return sigmoid(o) * tanh(c), c


class LSTMOptimizer(Module):
    """An update rule that is learned: an LSTM reads a coordinate's gradient and says how far to step.

        step, state = m(preprocess(g), state; phi)        theta = theta + step

    The weights phi are shared by all coordinates, each of which has a state of its own: a net trained on ten
    coordinates works on a million, in any order. `unroll` makes steps that can be differentiated with respect to phi.

    hidden: the width of each layer.  layers: how many LSTM cells stand on top of each other.  p: see `preprocess`.
    scale: steps are the net's output times this, so that an untrained net makes small ones.
    Raises ConfigError for a number out of range.
    Source: Andrychowicz et al. 2016, "Learning to learn by gradient descent by gradient descent", section 2.1, where
    there are 2 layers of 20.

    >>> mg.manual_seed(0)
    Generator(seed=0, call=0)
    >>> rule = optim.LSTMOptimizer(hidden=8)
    >>> step, state = rule.update(mg.tensor([1.0, -2.0, 1.0]), rule.init_state(3))
    >>> step.shape, bool(step[0] == step[2])
    ((3,), True)
    """

    def __init__(
        self, hidden: int = 20, layers: int = 2, p: float = 10.0, scale: float = 0.1, dtype: DtypeLike = None
    ) -> None:
        self.hidden = size("LSTMOptimizer", "hidden", hidden, 1)
        layers = size("LSTMOptimizer", "layers", layers, 1)
        for name, value in (("p", p), ("scale", scale)):
            if not 0 < value < math.inf:
                raise ConfigError(f"[LSTMOptimizer] {name} must be positive and finite, got {value!r}.")
        self.p, self.scale = float(p), float(scale)
        self.cells = ModuleList([Cell(hidden if i else 2, hidden, dtype) for i in range(layers)])
        self.head = Linear(hidden, 1, dtype=dtype)

    def init_state(self, n: int) -> OptimizerState:
        """The state before the first step for n coordinates: zeros, h and c of shape (n, hidden) for each layer."""
        n = size("LSTMOptimizer", "n", n)
        start = zeros((n, self.hidden), dtype=self.head.weight.dtype)
        return tuple((start, start) for _ in self.cells)

    def update(self, g: Tensor, state: OptimizerState) -> tuple[Tensor, OptimizerState]:
        """What to add to parameters whose gradient is g, and the next state; a pure function.

        g: any shape, as many elements as the state has rows.  Returns a step of g's shape.
        Raises ShapeError if the state is one for another number of coordinates or layers, DtypeError for integers.
        """
        g = float_tensor("LSTMOptimizer", "g", g)
        forms = [x.shape for pair in state for x in pair]
        if forms != [(g.size, self.hidden)] * (2 * len(self.cells)):
            raise ShapeError(
                f"[LSTMOptimizer] a gradient of shape {g.shape} needs h and c of shape {(g.size, self.hidden)} for "
                f"each of {len(self.cells)} layers, got {forms}: start with init_state({g.size})."
            )
        return self(g, state)

    def forward(self, g: Tensor, state: OptimizerState) -> tuple[Tensor, OptimizerState]:
        x = preprocess(reshape(g, (g.size,)), self.p)
        new = []
        for cell, before in zip(self.cells, state):
            new.append(cell(x, before))
            x = new[-1][0]
        return reshape(self.scale * self.head(x), g.shape), tuple(new)


def unroll(
    rule: LSTMOptimizer,
    f: Callable[[Tensor], Tensor],
    theta: Tensor,
    state: OptimizerState,
    steps: int = 20,
    second_order: bool = False,
) -> tuple[Tensor, Tensor, OptimizerState]:
    """Steps of a learned optimizer on f, one loop that can be differentiated with respect to the rule's weights phi.

        u[t], state[t + 1] = rule.update(f'(theta[t]), state[t])        theta[t + 1] = theta[t] + u[t]

    f: a scalar function of theta. For many problems at once, theta has a row for each and f is the sum of their losses.
    theta: any shape.  state: of theta.size coordinates.  steps: how many, at least 1.  second_order: False holds the
    gradients f' fixed when the losses are differentiated, as the paper does: no second derivatives of f.
    Returns the losses f(theta[1]), ..., f(theta[steps]) of shape (steps,), whose sum is what a rule is trained on, the
    last theta and the last state. Detach these two to go on with the next stretch: backpropagation truncated.
    Raises ConfigError unless steps is a whole number from 1 on, errors of `mg.grad` if f is not scalar.
    Source: Andrychowicz et al. 2016, equations 2 and 3, figure 2.

    >>> mg.manual_seed(0)
    Generator(seed=0, call=0)
    >>> rule, theta = optim.LSTMOptimizer(hidden=4), mg.tensor([1.0, -1.0])
    >>> losses, theta, state = optim.learned.unroll(rule, lambda x: mg.sum(x**2), theta, rule.init_state(2), steps=5)
    >>> mg.sum(losses).backward()
    >>> losses.shape, rule.head.weight.grad.shape
    ((5,), (1, 4))
    """
    steps = size("unroll", "steps", steps, 1)

    def one_step(carry: tuple[Tensor, OptimizerState], _: None) -> tuple[tuple[Tensor, OptimizerState], Tensor]:
        theta, state = carry
        g = grad(f)(theta if second_order else theta.detach())
        step, state = rule.update(g if second_order else g.detach(), state)
        theta = theta + step
        return (theta, state), f(theta)

    (theta, state), losses = scan(one_step, (theta, state), length=steps)
    return losses, theta, state
