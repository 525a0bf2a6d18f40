"""What of a run is compiled: decided from counts alone."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.train import Config
from minigrad.train.compiling import BATCH, EVALUATION, TRAINING, Counts, choose, count, is_known, pays, repeated

# calls, eager, compiled, compiling -> pays
PAYS = [
    (1000, 2e-3, 1e-3, 0.9, True),
    (1000, 2e-3, 1e-3, 1.1, False),
    (0, 2e-3, 1e-3, 0.0, False),
    (10**9, 1e-3, 1e-3, 0.1, False),
    (10**9, 1e-3, 2e-3, 0.1, False),
    (10**9, 1.00e-2, 0.95e-2, 1.0, False),  # a twentieth of the time
    (10**9, 1.00e-2, 0.85e-2, 1.0, True),
]


@pytest.mark.parametrize(("calls", "eager_s", "compiled_s", "compile_s", "expected"), PAYS)
def test_pays(calls, eager_s, compiled_s, compile_s, expected):
    assert pays(calls, eager_s, compiled_s, compile_s) is expected


# training and validation samples, batch size -> calls of each computation in 3 epochs
REPEATED = [
    (96, 32, 32, {(TRAINING, 32): 9, (EVALUATION, 32): 3}),
    (100, 20, 32, {(TRAINING, 32): 9, (TRAINING, 4): 3, (EVALUATION, 20): 3}),
    (20, BATCH, 32, {(TRAINING, 20): 3, (EVALUATION, BATCH): 3}),
    (32, 2 * BATCH + 1, 32, {(TRAINING, 32): 3, (EVALUATION, BATCH): 6, (EVALUATION, 1): 3}),
]


@pytest.mark.parametrize(("training", "validation", "batch_size", "expected"), REPEATED)
def test_how_often_a_computation_is_repeated(training, validation, batch_size, expected):
    assert repeated(Config("digits", epochs=3, batch_size=batch_size), training, validation) == expected


def test_a_forward_pass_is_counted():
    found = count(nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)), (5,))
    assert found.flops == 2 * 5 * 7 + 2 * 7 * 3
    assert 7 + 7 + 3 <= found.elements <= 7 + 7 + 3 + 10 * 3  # sums, relu, scores, and what the loss makes of them
    assert {name: found.operations[name] for name in ("matmul2", "relu")} == {"matmul2": 2, "relu": 1}


class RunningMean(nn.Module):
    """Subtracts a mean that it learns from what passes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", mg.ones(4))

    def forward(self, x):
        self.mean.assign_(0.9 * self.mean + 0.1 * mg.mean(x, axis=0))
        return x - self.mean


def test_counting_leaves_no_trace():
    model = nn.Sequential(RunningMean(), nn.Linear(4, 4), nn.Dropout(0.5))
    mg.manual_seed(3)
    before = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    random = mg.random.default_generator.state_dict()
    count(model, (4,))
    assert mg.random.default_generator.state_dict() == random
    assert all(p.grad is None for p in model.parameters())
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(t.numpy(), before[name])


DENSE, CONVOLUTION = {"matmul2": 3, "add": 13}, {"convolve": 1, "add": 15}
# Operations, flops and elements of a sample, batch size, calls -> compiled. 16 operations compile in 2.16 s and save
# 240 us a step, 60,000 elements 180 us more.
PAY = [
    (TRAINING, DENSE, 1e4, 0, 32, 8_000, False),
    (TRAINING, DENSE, 1e4, 0, 32, 10_000, True),
    (TRAINING, DENSE, 1e4, 1000, 60, 5_000, False),
    (TRAINING, DENSE, 1e4, 1000, 60, 6_000, True),
    (TRAINING, DENSE, 1e7, 0, 64, 10**6, False),  # 20 ms of products a step
    (TRAINING, CONVOLUTION, 1e4, 0, 32, 10**6, False),
    (EVALUATION, DENSE, 1e4, 1000, 500, 1_000, False),  # 250 us each, compiled in 1.36 s
    (EVALUATION, DENSE, 1e4, 1000, 500, 6_000, True),
    (EVALUATION, DENSE, 1e4, 0, 500, 10**9, False),
]


@pytest.mark.parametrize(("kind", "operations", "flops", "elements", "size", "calls", "expected"), PAY)
def test_a_computation_is_compiled_if_it_pays(kind, operations, flops, elements, size, calls, expected):
    assert Counts(operations, flops, elements).pay(kind, size, calls) is expected


class Own(nn.Module):
    """A user's module."""

    def forward(self, x):
        return x


def hooked():
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda module, inputs, output: None)
    return nn.Sequential(layer)


KNOWN = [
    (nn.Sequential(nn.Linear(2, 2), nn.ReLU()), True),
    (nn.Sequential(nn.Linear(2, 2), Own()), False),
    (Own(), False),
    (hooked(), False),
]


@pytest.mark.parametrize(("model", "expected"), KNOWN)
def test_only_layers_of_this_package_are_known(model, expected):
    assert is_known(model) is expected


def mlp():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))


# model, epochs, --jit -> what is compiled of 100 training samples in batches of 32 and 20 validation samples
CHOICES = [
    (mlp, 3, None, []),
    (mlp, 20_000, None, ["training 32", "training 4"]),
    (lambda: nn.Sequential(mlp(), Own()), 20_000, None, []),
    (lambda: nn.Sequential(mlp(), Own()), 1, True, ["training 32", "training 4", "evaluation 20"]),
    (mlp, 20_000, False, []),
]


@pytest.mark.parametrize(("model", "epochs", "jit", "expected"), CHOICES)
def test_what_is_compiled(model, epochs, jit, expected):
    config = Config("digits", epochs=epochs, batch_size=32, jit=jit)
    assert choose(model(), (2,), config, 100, 20) == expected
