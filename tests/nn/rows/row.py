"""What a row is: a public name, and a function that draws how to call it, rightly or wrongly."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from minigrad import nn
from minigrad.errors import ShapeError
from minigrad.nn import functional as F


@dataclass(frozen=True)
class Call:
    """A drawn call: f(*inputs, *args, **kwargs) of a function; M(*args, **kwargs)(*inputs, **options) of a module.

    Arrays, alone or in nested tuples and lists, become tensors of the library that is called. Those of floats among the
    inputs are differentiated. Those among the other arguments are constants, and compared after the call, since
    running statistics are among them.
    """

    inputs: tuple
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A name of `nn` or `nn.functional`.

    draw: gives a Call out of a Draw.  twin: what it is compared with, a torch class or function; by default that of the
    same name.  random: draws random numbers in training, so that only evaluation is compared with PyTorch (for a
    function, `draw` switches training off).  second: whether PyTorch has second derivatives of it.
    smooth: whether the gradient is there to be checked; not if there is none, or it is scaled or left out on purpose.
    label: what tells two rows of one name apart.
    """

    name: str
    draw: Callable
    twin: Callable | None = None
    random: bool = False
    second: bool = True
    smooth: bool = True
    label: str = ""

    def __str__(self):
        return self.name + (f"-{self.label}" if self.label else "")

    @property
    def ours(self):
        """What the row is about."""
        return getattr(nn if self.name[0].isupper() else F, self.name)

    @property
    def is_module(self):
        """Whether it is a class, whose instances are called."""
        return isinstance(self.ours, type)

    def call(self, i):
        """The i-th drawn call, always the same one."""
        return self.draw(Draw([zlib.crc32(str(self).encode()), i]))


class Layer:
    """A module among the arguments of another, which each library makes of its own."""

    def __init__(self, name, *args, **kwargs):
        self.name, self.args, self.kwargs = name, args, kwargs

    def made_by(self, library):
        """The module, of `minigrad.nn` or `torch.nn`."""
        return getattr(library, self.name)(*self.args, **self.kwargs)


@dataclass(frozen=True)
class Wrong:
    """A call that must be refused.

    who: the layer or function that the message begins with.  draw: gives, out of a Draw, the call and all that the
    message must say: what was expected, and the shapes that met, as strings or as what prints as such.
    """

    who: str
    draw: Callable
    error: type = ShapeError

    def __str__(self):
        return f"{self.who}-{self.draw.__name__}"


class Draw:
    """A seeded generator with shorthands for what rows draw."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def integer(self, low, high):
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def integers(self, n, low, high):
        """A tuple of n of them."""
        return tuple(self.integer(low, high) for _ in range(n))

    def flag(self):
        """True or False."""
        return bool(self.rng.integers(2))

    def one_of(self, *options):
        """One of the options."""
        return options[self.rng.integers(len(options))]

    def number(self, low, high):
        """A float."""
        return float(self.rng.uniform(low, high))

    def normal(self, *shape):
        """Normal random numbers, a float64 array."""
        return self.rng.standard_normal(shape)

    def uniform(self, low, high, *shape):
        """Uniform random numbers, a float64 array."""
        return self.rng.uniform(low, high, shape)

    def labels(self, classes, *shape):
        """Integers in [0, classes)."""
        return self.rng.integers(0, classes, shape)

    def shape(self, low, high, largest=4):
        """A shape with `low` to `high` axes of 1 to `largest` elements."""
        return self.integers(self.integer(low, high), 1, largest)

    def leading(self, *shape):
        """The shape behind a batch axis, or, half the time, alone."""
        return (self.integer(1, 3), *shape) if self.flag() else shape
