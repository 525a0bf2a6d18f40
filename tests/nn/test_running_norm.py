"""The state of batch and instance norm: in compiled steps, loops and checkpoints, in copies and averages."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from tests.compiler.running import uncompiled

RNG = np.random.default_rng(0)
X, Y = 3 + RNG.standard_normal((12, 2, 5)), RNG.integers(0, 2, 12)
ORDER = RNG.integers(0, 12, (6, 4))


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def model_and_step(jit=lambda f: f, checkpointed=False):
    """A net that normalizes in each way, and one step of its training."""
    mg.manual_seed(0)
    body = nn.Sequential(
        nn.Conv1d(2, 4, 3, bias=False),
        nn.BatchNorm1d(4),
        nn.Tanh(),
        nn.InstanceNorm1d(4, affine=True, track_running_stats=True),
    )
    head = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(12, 3, bias=False), nn.BatchNorm1d(3, momentum=None))
    model = nn.Sequential(body, head)
    optimizer = optim.Adam(model.parameters(), lr=0.05)

    @jit
    def step(x, y):
        hidden = mg.checkpoint(body, x) if checkpointed else body(x)
        loss = F.cross_entropy(head(hidden), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, step


def assert_same_state(model, other):
    for (name, x), y in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)


def batches():
    return [(mg.tensor(X[rows]), mg.tensor(Y[rows])) for rows in ORDER]


def test_a_compiled_training_in_a_loop_and_in_single_calls():
    eager, step = model_and_step()
    compiled, fast = model_and_step(mg.jit(warmup=0))
    losses = [step(x, y).item() for x, y in batches()]
    looped = fast.loop(mg.tensor(ORDER[:-1]), mg.tensor(X), mg.tensor(Y)).tolist()
    np.testing.assert_allclose([*looped, fast(*batches()[-1]).item()], losses, rtol=1e-9)
    assert_same_state(compiled, eager)
    assert compiled[0][1].num_batches_tracked.item() == len(ORDER)


def test_switching_modes_of_a_compiled_function():
    eager, _ = model_and_step()
    compiled = copy.deepcopy(eager)
    with uncompiled():
        run = mg.jit(lambda x: compiled(x), warmup=0)
        for i, (x, _) in enumerate(batches()):
            for model in (eager, compiled):
                model.train(i % 3 > 0)
                model[0][1].track_running_stats = i < 4
            with mg.no_grad():  # statistics move all the same
                np.testing.assert_allclose(run(x).numpy(), eager(x).numpy(), rtol=1e-9)
    assert_same_state(compiled, eager)
    assert eager[0][1].num_batches_tracked.item() == 2


def test_a_module_called_twice_counts_twice():
    eager, compiled = (nn.BatchNorm1d(2, momentum=None) for _ in range(2))
    first, second = mg.tensor(X[:5]), mg.tensor(X[5:])
    with uncompiled():
        mg.jit(lambda x, y: compiled(x).sum() + compiled(y).sum(), warmup=0)(first, second)
    eager(first)
    eager(second)
    assert_same_state(compiled, eager)
    means = [X[:5].mean((0, 2)), X[5:].mean((0, 2))]
    np.testing.assert_allclose(eager.running_mean, np.mean(means, 0), rtol=1e-12)
    assert eager.num_batches_tracked.item() == 2


@pytest.mark.parametrize("jit", [lambda f: f, mg.jit(warmup=0)])
def test_a_checkpoint_counts_once(jit):
    plain, step = model_and_step()
    saving, thrifty = model_and_step(jit, checkpointed=True)
    with uncompiled():
        for x, y in batches()[:2]:
            np.testing.assert_allclose(thrifty(x, y).item(), step(x, y).item(), rtol=1e-9)
    assert_same_state(saving, plain)


def test_a_gradient_check_leaves_the_state():
    model = nn.Sequential(
        nn.BatchNorm1d(2, momentum=None), nn.Tanh(), nn.InstanceNorm1d(2, track_running_stats=True)
    )
    model(mg.tensor(X))
    before = {name: x.numpy().copy() for name, x in model.state_dict().items()}
    assert mg.gradcheck(model, mg.tensor(X[:3]))
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x.numpy(), before[name])


def test_a_copy_has_statistics_of_its_own():
    model = nn.BatchNorm1d(2)
    other = copy.deepcopy(model)
    other(mg.tensor(X))
    assert model.num_batches_tracked.item() == 0
    assert other.num_batches_tracked.item() == 1
    assert model.running_mean.tolist() == [0, 0]


def test_what_was_computed_before_an_update_keeps_its_gradient():
    norm, x = nn.BatchNorm1d(2).eval(), mg.tensor(X, requires_grad=True)
    y = norm(x)
    norm.train()(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.full(X.shape, 1 / np.sqrt(1 + 1e-5)), rtol=1e-12)


def test_an_average_gets_its_statistics_from_data():
    model, step = model_and_step()
    average = optim.swa_utils.AveragedModel(model, optim.swa_utils.get_ema_avg_fn(0.5))
    for x, y in batches():
        step(x, y)
        average.update_parameters(model)
    copied = average.module[0][3].running_mean.numpy().copy()
    optim.swa_utils.update_bn([x for x, _ in batches()], average)
    convolved = [average.module[0][0](x).numpy().mean((0, 2)) for x, _ in batches()]
    np.testing.assert_allclose(average.module[0][1].running_mean, np.mean(convolved, 0), rtol=1e-9)
    assert average.module[0][1].momentum == 0.1
    assert not np.array_equal(average.module[0][3].running_mean, copied)  # an instance norm goes on as in training
    assert average.module[0][3].momentum == 0.1


def test_parameters_and_statistics_have_the_dtype():
    norm = nn.BatchNorm2d(3, dtype="float32")
    assert {name: x.dtype.name for name, x in norm.state_dict().items()} == {
        "weight": "float32", "bias": "float32", "running_mean": "float32", "running_var": "float32",
        "num_batches_tracked": "int64",
    }  # fmt: skip
    assert norm.to("float64").running_var.dtype == np.float64
    layers = nn.LayerNorm(3, dtype="float32"), nn.GroupNorm(1, 3, dtype="float32"), nn.RMSNorm(3, dtype="float32")
    assert {p.dtype.name for layer in layers for p in layer.parameters()} == {"float32"}
