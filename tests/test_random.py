"""Random numbers: what each distribution makes of the Philox words, its moments, and the state of generators."""

import copy
import math
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import random
from minigrad.checking import strategies as mgst

M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
MASK = 2**32 - 1


def philox(counter, key):
    """Philox 4x32-10 of one counter, in Python integers: Salmon, Moraes, Dror & Shaw (2011), table 2."""
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = M0 * c[0], M1 * c[2]
        c = [(right >> 32) ^ c[1] ^ k[0], right & MASK, (left >> 32) ^ c[3] ^ k[1], left & MASK]
        k = [(k[0] + W0) & MASK, (k[1] + W1) & MASK]
    return c


def word(seed, call, i):
    """Word i of a call: key = seed; counter = (i // 4 in the low 64 bits, call number in the high 64)."""
    block = i // 4
    counter = (block & MASK, block >> 32, call & MASK, call >> 32)
    return philox(counter, (seed & MASK, seed >> 32))[i % 4]


def words(seed, call, n):
    return np.array([word(seed, call, i) for i in range(n)], np.uint64)


def words64(seed, call, n):
    both = words(seed, call, 2 * n).reshape(n, 2)
    return (both[:, 0] << np.uint64(32)) | both[:, 1]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_definition_here_gives_the_published_vectors(counter, key, expected):
    """kat_vectors of Random123 1.14."""
    assert tuple(philox(counter, key)) == expected


seeds = st.integers(0, 2**64 - 1)
calls = st.integers(0, 2**40)


def generator_at(seed, call):
    generator = mg.Generator()
    generator.load_state_dict({"seed": seed, "call": call})
    return generator


# ---- bits to numbers, exactly


@given(seeds, calls, st.integers(0, 9))
def test_uniform_is_the_upper_bits(seed, call, n):
    single = mg.random.uniform(n, generator=generator_at(seed, call))
    assert single.dtype == mg.float32
    np.testing.assert_array_equal(single.numpy(), (words(seed, call, n) >> np.uint64(8)) * 2.0**-24)
    double = mg.random.uniform(n, dtype=mg.float64, generator=generator_at(seed, call))
    np.testing.assert_array_equal(double.numpy(), (words64(seed, call, n) >> np.uint64(11)) * 2.0**-53)


@given(seeds, calls, st.integers(0, 9), st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 1 - 2**-32, 1.0]))
def test_bernoulli_compares_integers(seed, call, n, p):
    got = mg.random.bernoulli(p, n, generator=generator_at(seed, call))
    np.testing.assert_array_equal(got.numpy(), [word(seed, call, i) < math.floor(p * 2**32) for i in range(n)])


@given(seeds, calls, st.integers(0, 9), st.integers(-(2**40), 2**40), st.integers(1, 2**32))
def test_randint_is_a_scaled_word(seed, call, n, low, span):
    got = mg.random.randint(low, low + span, n, generator=generator_at(seed, call))
    want = [low + (int(r) * span >> 64) for r in words64(seed, call, n)]
    assert got.dtype == mg.int64
    assert got.tolist() == want


@given(seeds, calls, st.integers(0, 20))
def test_permutation_is_the_stable_argsort_of_the_words(seed, call, n):
    got = mg.random.permutation(n, generator=generator_at(seed, call)).tolist()
    keys = words64(seed, call, n)
    assert got == sorted(range(n), key=lambda i: (int(keys[i]), i))
    assert sorted(got) == list(range(n))


@given(seeds, calls, st.integers(0, 9))
def test_normal_is_box_and_muller(seed, call, n):
    got = mg.random.normal(n, dtype=mg.float64, generator=generator_at(seed, call))
    pairs = (words64(seed, call, n + n % 2) >> np.uint64(11)) * 2.0**-53
    want = []
    for u, v in pairs.reshape(-1, 2):
        radius = math.sqrt(-2 * math.log(u + 2.0**-53))
        want += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    np.testing.assert_allclose(got.numpy(), want[:n], rtol=1e-13, atol=1e-15)


@given(mgst.shapes())
def test_a_shape_is_only_an_arrangement(shape):
    for draw in (mg.random.uniform, mg.random.normal, lambda s, generator: mg.random.bernoulli(0.3, s, generator)):
        shaped = draw(shape, generator=mg.Generator(3)).numpy()
        assert shaped.shape == shape
        np.testing.assert_array_equal(shaped.ravel(), draw(math.prod(shape), generator=mg.Generator(3)).numpy())


# ---- distributions

N = 200_000


def within(value, expected, deviation, n=N):
    """Five standard errors."""
    return abs(value - expected) < 5 * deviation / math.sqrt(n)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_uniform_moments(dtype):
    x = mg.random.uniform(N, -2.0, 4.0, dtype=dtype, generator=mg.Generator(11)).numpy().astype(float)
    assert x.min() >= -2.0
    assert x.max() < 4.0
    assert within(x.mean(), 1.0, math.sqrt(3.0))
    assert within(x.var(), 3.0, 3.0)
    assert within(np.corrcoef(x[:-1], x[1:])[0, 1], 0.0, 1.0)
    counts = np.histogram(x, 100, (-2.0, 4.0))[0]
    chi2 = np.sum((counts - N / 100) ** 2) / (N / 100)
    assert chi2 < 99 + 5 * math.sqrt(2 * 99)


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_normal_moments(dtype):
    x = mg.random.normal(N, 3.0, 2.0, dtype=dtype, generator=mg.Generator(12)).numpy().astype(float)
    z = (x - 3.0) / 2.0
    assert within(z.mean(), 0.0, 1.0)
    assert within(z.var(), 1.0, math.sqrt(2.0))
    assert within((z**3).mean(), 0.0, math.sqrt(15.0))
    assert within((z**4).mean(), 3.0, math.sqrt(96.0))
    assert within((z[::2] * z[1::2]).mean(), 0.0, 1.0, N // 2)  # the two of a pair are independent
    assert np.isfinite(z).all()


def test_bernoulli_of_a_tensor_of_probabilities():
    p = mg.tensor([0.0, 0.2, 1.0], dtype=mg.float64)
    x = mg.random.bernoulli(p, (N, 3), generator=mg.Generator(13)).numpy()
    assert not x[:, 0].any()
    assert x[:, 2].all()
    assert within(x[:, 1].mean(), 0.2, 0.4)
    assert mg.random.bernoulli(p).shape == (3,)


def test_randint_is_even():
    x = mg.random.randint(-3, 4, N, generator=mg.Generator(14)).numpy()
    counts = np.bincount(x + 3, minlength=7)
    assert len(counts) == 7
    assert all(within(c / N, 1 / 7, math.sqrt(6 / 49)) for c in counts)


def test_permutations_are_even():
    """Each of the 6 orders of 3 elements, equally often."""
    generator = mg.Generator(15)
    orders = [tuple(mg.random.permutation(3, generator=generator).tolist()) for _ in range(6000)]
    assert all(within(orders.count(order) / 6000, 1 / 6, math.sqrt(5 / 36), 6000) for order in set(orders))
    assert len(set(orders)) == 6


# ---- state


def test_every_call_takes_one_number_whatever_its_size():
    generator = mg.Generator(5)
    mg.random.uniform(1000, generator=generator)
    mg.random.uniform(0, generator=generator)
    mg.random.permutation(3, generator=generator)
    assert generator.state_dict() == {"seed": 5, "call": 3}
    assert repr(generator) == "Generator(seed=5, call=3)"


def test_manual_seed_starts_again():
    mg.manual_seed(42)
    first = mg.random.normal(5).tolist(), mg.random.uniform(5).tolist()
    assert mg.manual_seed(42) is random.default_generator
    assert (mg.random.normal(5).tolist(), mg.random.uniform(5).tolist()) == first
    mg.manual_seed(43)
    assert mg.random.normal(5).tolist() != first[0]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_generators_are_copied_with_their_state(duplicate):
    generator = mg.Generator(9)
    mg.random.uniform(3, generator=generator)
    twin = duplicate(generator)
    expected = mg.random.uniform(3, generator=generator).tolist()
    assert mg.random.uniform(3, generator=twin).tolist() == expected


def test_state_dict_round_trip():
    generator = mg.Generator(9)
    mg.random.uniform(3, generator=generator)
    state = generator.state_dict()
    expected = [mg.random.normal(3, generator=generator).tolist() for _ in range(2)]
    other = mg.Generator()
    other.load_state_dict(state)
    assert [mg.random.normal(3, generator=other).tolist() for _ in range(2)] == expected
    with pytest.raises(ValueError, match=r"expected a state with 'seed' and 'call', got \['seed'\]"):
        other.load_state_dict({"seed": 1})


def test_threads_never_get_the_same_call():
    generator = mg.Generator(1)
    taken = []

    def draw():
        for _ in range(500):
            taken.append(generator.next_call())

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(2000))


def test_random_numbers_carry_no_gradient():
    assert not mg.random.normal(3).requires_grad
    mean = mg.tensor(1.0, requires_grad=True)
    (mg.random.normal((), generator=mg.Generator(0)) * 2.0 + mean).backward()
    assert mean.grad.item() == 1.0


# ---- errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mg.Generator(-1), ValueError, r"\[manual_seed\] expected an integer in"),
        (lambda: mg.Generator(2**64), ValueError, r"\[manual_seed\]"),
        (lambda: mg.manual_seed(1.5), ValueError, r"\[manual_seed\]"),
        (lambda: mg.random.uniform(-1), mg.ShapeError, "sizes must not be negative"),
        (lambda: mg.random.uniform(2, dtype=mg.int32), mg.DtypeError, "draws float32 or float64, got dtype int32"),
        (lambda: mg.random.normal(2, dtype=mg.float16), mg.DtypeError, "draws float32 or float64"),
        (lambda: mg.random.bernoulli(1.5, 2), ValueError, r"probabilities must lie in \[0, 1\]"),
        (lambda: mg.random.bernoulli(float("nan"), 2), ValueError, r"probabilities must lie in \[0, 1\]"),
        (lambda: mg.random.bernoulli(mg.ones(3), (2, 2)), mg.ShapeError, r"shape \(3,\) do not fill shape \(2, 2\)"),
        (lambda: mg.random.randint(3, 3), ValueError, "expected low < high"),
        (lambda: mg.random.randint(0, 2**33), ValueError, "expected low < high"),
        (lambda: mg.random.permutation(-1), ValueError, "expected n >= 0"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
