"""Random numbers: Philox 4x32-10 (Salmon et al. 2011), the same on every machine and in every order of evaluation.

A generator is a seed and a call number. Every random call takes one call number, whatever its size; element i of a call
is a pure function of (seed, call number, i). Saving two integers saves the state; nothing depends on what was drawn in
between, nor on the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import engine, kernels
from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike, as_dtype, default_dtype
from minigrad.engine import primitive
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops import add, multiply
from minigrad.ops.creation import Shape, as_shape

WORD = 2**32


class Generator:
    """A stream of random numbers: a seed (the Philox key) and the number of calls made so far.

    >>> g = mg.Generator(7)
    >>> a = mg.random.uniform(3, generator=g)
    >>> state = g.state_dict()
    >>> b = mg.random.uniform(3, generator=g)
    >>> g.load_state_dict(state)
    >>> mg.allclose(mg.random.uniform(3, generator=g), b)
    True
    """

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start again at call 0 of the stream of this seed (any int in [0, 2^64)); returns self."""
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
            raise ValueError(f"[manual_seed] expected an integer in [0, 2**64), got {seed!r}.")
        self.seed, self.call = int(seed), 0
        return self

    def next_call(self) -> int:
        """Take a call number."""
        with self._lock:
            call, self.call = self.call, self.call + 1
        return call

    def state_dict(self) -> dict[str, int]:
        """The whole state: {"seed": ..., "call": ...}."""
        return {"seed": self.seed, "call": self.call}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to a saved state."""
        if set(state) != {"seed", "call"}:
            raise ValueError(f"[Generator] expected a state with 'seed' and 'call', got {sorted(state)}.")
        self.manual_seed(state["seed"])
        self.call = int(state["call"])

    def __reduce__(self) -> tuple:
        return _restored, (self.seed, self.call)

    def __repr__(self) -> str:
        return f"Generator(seed={self.seed}, call={self.call})"


def _restored(seed: int, call: int) -> Generator:
    generator = Generator(seed)
    generator.call = call
    return generator


default_generator = Generator(0)
"""The generator of every call that is not given one."""


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; returns it.

    >>> mg.manual_seed(0)
    Generator(seed=0, call=0)
    """
    return default_generator.manual_seed(seed)


@contextmanager
def replayed(state: dict[str, int]) -> Iterator[None]:
    """Run a block with the default generator in an earlier state, then go back to the present one."""
    present = default_generator.state_dict()
    default_generator.load_state_dict(state)
    try:
        yield
    finally:
        default_generator.load_state_dict(present)


# ---- primitives: pure functions of (seed, call)


def words(seed: int, call: int, n: int) -> np.ndarray:
    """The first n 32-bit words of a call."""
    return kernels.philox_bits(seed, call, n)


def words64(seed: int, call: int, n: int) -> np.ndarray:
    """n 64-bit words: word 2i is the high half of element i, word 2i + 1 the low half."""
    pairs = words(seed, call, 2 * n).astype(np.uint64).reshape(n, 2)
    return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]


@primitive(kind="random")
def random_uniform(seed, call, *, shape, dtype):
    """Multiples of 2^-24 (float32) or 2^-53 (float64) in [0, 1)."""
    n = int(np.prod(shape))
    if dtype == np.float32:
        u = (words(seed, call, n) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
    else:
        u = (words64(seed, call, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return u.reshape(shape)


@primitive(kind="random")
def random_normal(seed, call, *, shape, dtype):
    """Standard normals by Box and Muller (1958): words 2k and 2k + 1 make elements 2k and 2k + 1."""
    n = int(np.prod(shape))
    pairs = -(-n // 2)
    if dtype == np.float32:
        u = words(seed, call, 2 * pairs).astype(np.float64).reshape(pairs, 2) / WORD
        smallest = 1 / WORD
    else:
        u = (words64(seed, call, 2 * pairs) >> np.uint64(11)).astype(np.float64).reshape(pairs, 2) * 2.0**-53
        smallest = 2.0**-53
    radius = np.sqrt(-2 * np.log(u[:, 0] + smallest))  # u + smallest lies in (0, 1]
    angle = 2 * np.pi * u[:, 1]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:n]
    return z.astype(dtype).reshape(shape)


@primitive(kind="random")
def random_bernoulli(seed, call, p, *, shape):
    """True with probability p: word < p 2^32, compared as integers."""
    threshold = np.floor(np.asarray(p, np.float64) * WORD).astype(np.uint64)
    return words(seed, call, int(np.prod(shape))).astype(np.uint64).reshape(shape) < threshold


@primitive(kind="random")
def random_randint(seed, call, *, low, high, shape):
    """low + floor(r (high - low) / 2^64) for 64-bit r: the bias is below 2^-32."""
    r = words64(seed, call, int(np.prod(shape)))
    span, half = np.uint64(high - low), np.uint64(32)
    upper = (r >> half) * span + (((r & np.uint64(WORD - 1)) * span) >> half)
    return ((upper >> half).astype(np.int64) + low).reshape(shape)


@primitive(kind="random")
def random_permutation(seed, call, *, n):
    """The stable argsort of n 64-bit keys."""
    return np.argsort(words64(seed, call, n), kind="stable")


# ---- what users call


def _drawn(generator: Generator | None) -> tuple[Any, Any]:
    generator = default_generator if generator is None else generator
    tracer = engine.MODE.get().tracer
    if tracer is not None:
        return tracer.draw(generator)
    return generator.seed, generator.next_call()


def _float_dtype(who: str, dtype: DtypeLike) -> np.dtype:
    dtype = default_dtype() if dtype is None else as_dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise DtypeError(f"[{who}] draws float32 or float64, got dtype {dtype}.")
    return dtype


def uniform(
    shape: Shape = (), low: float = 0.0, high: float = 1.0, dtype: DtypeLike = None, generator: Generator | None = None
) -> Tensor:
    """Uniform numbers in [low, high).

    >>> mg.random.uniform((2, 3)).shape
    (2, 3)
    """
    dtype = _float_dtype("uniform", dtype)
    u = random_uniform(*_drawn(generator), shape=as_shape(shape), dtype=dtype)
    return u if (low, high) == (0.0, 1.0) else add(multiply(u, high - low), low)


def normal(
    shape: Shape = (), mean: float = 0.0, std: float = 1.0, dtype: DtypeLike = None, generator: Generator | None = None
) -> Tensor:
    """Normal numbers with this mean and standard deviation.

    >>> mg.random.normal((2, 3)).shape
    (2, 3)
    """
    dtype = _float_dtype("normal", dtype)
    z = random_normal(*_drawn(generator), shape=as_shape(shape), dtype=dtype)
    return z if (mean, std) == (0.0, 1.0) else add(multiply(z, std), mean)


def bernoulli(p: Any, shape: Shape | None = None, generator: Generator | None = None) -> Tensor:
    """Booleans that are true with probability p, a number or a tensor of probabilities (then `shape` is its shape).

    Raises ValueError unless the probabilities lie in [0, 1]; compiled functions do not look at those they compute.

    >>> mg.random.bernoulli(1.0, (3,))
    tensor([ True,  True,  True])
    """
    p = p if isinstance(p, Tensor) else Tensor(np.asarray(p, np.float64))
    if isinstance(p.data, np.ndarray) and not bool(((p.data >= 0) & (p.data <= 1)).all()):
        raise ValueError(f"[bernoulli] probabilities must lie in [0, 1], got {p.data}.")
    size = p.shape if shape is None else as_shape(shape)
    if len(p.shape) > len(size) or any(n not in (1, m) for n, m in zip(reversed(p.shape), reversed(size))):
        raise ShapeError(f"[bernoulli] probabilities of shape {p.shape} do not fill shape {size}.")
    probability = p.item() if p.ndim == 0 and isinstance(p.data, np.ndarray) else p.detach()
    return random_bernoulli(*_drawn(generator), probability, shape=size)


def randint(low: int, high: int, shape: Shape = (), generator: Generator | None = None) -> Tensor:
    """Integers in [low, high), int64.

    >>> mg.random.randint(5, 6, (2,))
    tensor([5, 5])
    """
    if not 0 < high - low <= WORD:
        raise ValueError(f"[randint] expected low < high <= low + 2**32, got low={low}, high={high}.")
    return random_randint(*_drawn(generator), low=int(low), high=int(high), shape=as_shape(shape))


def permutation(n: int, generator: Generator | None = None) -> Tensor:
    """The integers 0 ... n-1 in random order.

    >>> mg.sort(mg.random.permutation(4))
    tensor([0, 1, 2, 3])
    """
    if n < 0:
        raise ValueError(f"[permutation] expected n >= 0, got {n}.")
    return random_permutation(*_drawn(generator), n=int(n))
