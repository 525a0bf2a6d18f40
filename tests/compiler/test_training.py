"""What training steps do besides the step: schedules, averages of weights, metrics, clipping; compiled as eagerly."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.optim import lr_scheduler as schedules

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 6)), RNG.integers(0, 4, 12)
ORDER = RNG.integers(0, 12, (7, 5))


@pytest.fixture(autouse=True)
def in_float64():
    with mg.set_default_dtype("float64"):
        yield


def both(make, calls=7):
    """What `make()`, a step and what else to look at, gives in each call: eagerly, and compiled from the second on."""
    found = []
    for compile in (lambda f: f, mg.jit):
        mg.manual_seed(0)
        step, look = make()
        step = compile(step)
        rows = []
        for i in range(calls):
            out = step(mg.tensor(np.roll(X, i, 0)), mg.tensor(np.roll(Y, i)))
            rows.append(np.concatenate([np.ravel(np.asarray(v, np.float64)) for v in (*out, *look())]))
        found.append(np.array(rows))
    assert step.cache_info().traces == 1
    scale = np.abs(found[0]).max()
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-10 * scale)
    return found[0]


def linear():
    model = nn.Linear(6, 4)
    return model, optim.Adam([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.5}], lr=0.1)


SCHEDULES = {
    "LambdaLR": lambda o: schedules.LambdaLR(o, [lambda t: mg.where(t < 3, 0.9**t, 1 / (1 + t)), lambda t: 0.5]),
    "StepLR": lambda o: schedules.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [1, 3], 0.5),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.7),
    "ConstantLR": lambda o: schedules.ConstantLR(o, 0.3, 2),
    "LinearLR": lambda o: schedules.LinearLR(o, 0.1, 1.0, 3),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 4, 2.0),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 4),
    "InverseLR": lambda o: schedules.InverseLR(o, 0.5),
    "PowerLR": lambda o: schedules.PowerLR(o, 0.3),
    "WarmupLR": lambda o: schedules.WarmupLR(o, 4, 1024),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 1, 2, 0.01),
    "restarts of one length": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: schedules.CyclicLR(o, [0.1, 0.2], 0.7, 2, 1, "triangular2"),
    "falling triangles": lambda o: schedules.CyclicLR(o, 0.1, 0.7, 2, mode="exp_range", gamma=0.8),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.7, 8),
    "three phases": lambda o: schedules.OneCycleLR(o, 0.7, 9, anneal_strategy="linear", three_phase=True),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler(
        [schedules.LinearLR(o, 0.1, 1.0, 3), schedules.MultiStepLR(o, [2, 5], 0.5), schedules.CosineAnnealingLR(o, 9)]
    ),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o,
        [schedules.LinearLR(o, 0.1, 1.0, 3), schedules.CosineAnnealingLR(o, 4), schedules.ExponentialLR(o, 0.5)],
        [2, 5],
    ),
}


def test_every_schedule_is_tested():
    in_python = {"ReduceLROnPlateau", "MultiplicativeLR", "BatchSizeScheduler"}
    assert {*SCHEDULES, "LRScheduler"} | in_python >= set(schedules.__all__)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_steps_inside(name):
    def make():
        p, q = nn.Parameter(X[0]), nn.Parameter(X[1])
        optimizer = optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1)
        schedule = SCHEDULES[name](optimizer)

        def step(x, y):
            p.grad, q.grad = x[0] + p, x[1] * q
            optimizer.step()
            schedule.step()
            return schedule.get_last_lr()

        return step, lambda: (
            schedule.last_epoch, *(g[name] for name in ("lr", "momentum") for g in optimizer.param_groups), p, q
        )

    rows = both(make)
    np.testing.assert_array_equal(rows[:, 2], np.arange(1, 8))
    np.testing.assert_array_equal(rows[:, :2], rows[:, 3:5])
    assert len(set(rows[:, 0])) > 1


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR", "three phases"])
def test_the_first_beta_cycles_inside(name):
    def make():
        model, optimizer = linear()
        schedule = SCHEDULES[name](optimizer)

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
            return ()

        return step, lambda: (*(beta for g in optimizer.param_groups for beta in g["betas"]), model.weight)

    rows = both(make)
    assert len(set(rows[:, 0])) > 3
    np.testing.assert_array_equal(rows[:, 1], 0.999)


def test_a_learning_rate_that_starts_at_zero():
    """Zero is not built in: rules do not ask for it."""

    def make():
        model, optimizer = linear()
        schedule = schedules.LambdaLR(optimizer, lambda t: t / 10)

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
            return ()

        return step, lambda: (model.weight, model.bias)

    rows = both(make, calls=3)
    np.testing.assert_array_equal(rows[0], np.concatenate([np.ravel(v) for v in linear_after_seed()]))
    assert not np.array_equal(rows[0], rows[2])


def linear_after_seed():
    mg.manual_seed(0)
    model, _ = linear()
    return model.weight.numpy(), model.bias.numpy()


def test_hyper_parameters_set_inside():
    """By the number of a step, by the size of a gradient, and read again before and after."""

    def make():
        model, optimizer = linear()
        group = optimizer.param_groups[0]

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            before = group["lr"]
            group["lr"] = 0.1 / (1.0 + mg.sum(model.weight.grad**2))
            group["betas"] = (0.9 * group["betas"][0], 0.99)
            middle = group["lr"] * 1.0
            optimizer.step()
            group["lr"] = group["lr"] * 0.5
            return before * 1.0, middle

        return step, lambda: (group["lr"], *group["betas"], model.weight)

    both(make)


def test_numbers_changed_between_calls_and_a_state_dict_loaded():
    def make():
        model, optimizer = linear()
        schedule = schedules.ExponentialLR(optimizer, 0.5)
        saved = copy.deepcopy(schedule.state_dict())
        calls = iter(range(100))

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
            return ()

        def look():
            i = next(calls)
            if i == 2:
                schedule.load_state_dict(saved)
            if i == 4:
                optimizer.param_groups[0]["lr"] = 1.0
            return schedule.last_epoch, *schedule.get_last_lr(), model.weight

        return step, look

    rows = both(make)
    np.testing.assert_array_equal(rows[:, 0], [1, 2, 0, 1, 2, 3, 4])


def test_another_decay_retraces():
    _, optimizer = linear()
    schedule = schedules.ExponentialLR(optimizer, 0.5)
    step = mg.jit(lambda: schedule.step(), warmup=0)
    step()
    schedule.gamma = 0.25
    step()
    assert step.cache_info().traces == 2
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.25**2, rel=1e-15)


def test_moving_average_of_weights():
    def make():
        model, optimizer = linear()
        average = [p.detach() for p in model.parameters()]

        def step(x, y):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with mg.no_grad():
                for a, p in zip(average, model.parameters()):
                    a.assign_(0.9 * a + 0.1 * p)
            return (loss,)

        return step, lambda: (*average, *model.parameters())

    both(make)


def test_a_target_network_takes_the_weights_over():
    """What is assigned is a tensor that the step has not computed: it is read at each call."""
    source, target = mg.zeros(3), mg.ones(3)
    sync = mg.jit(lambda: target.assign_(source) * 1.0, warmup=0)
    for i in range(3):
        source.assign_(mg.full(3, float(i)))
        np.testing.assert_array_equal(sync(), [i] * 3)
        np.testing.assert_array_equal(target, [i] * 3)


def test_what_was_set_to_a_number_is_read_back():
    def make():
        total, seen = mg.zeros(3), mg.ones(())

        def step(x, y):
            total.assign_(mg.full(3, 2.0))
            total.assign_(total + x[0, :3])
            seen.assign_(1.0)
            seen.assign_(seen + total[0])
            return total, seen

        return step, lambda: (total, seen)

    both(make, calls=3)


def test_metrics_in_buffers():
    def make():
        model, optimizer = linear()
        hits, count, mean_loss = mg.zeros((), dtype="int64"), mg.zeros((), dtype="int64"), mg.zeros(())

        def step(x, y):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            hit = mg.argmax(logits, axis=1) == y
            hits.assign_(hits + mg.sum(hit))
            count.assign_(count + len(y))
            mean_loss.assign_(mean_loss + (loss.detach() - mean_loss) / count)
            return loss, mg.mean(hit.astype("float64")), hits / count

        return step, lambda: (hits, count, mean_loss)

    both(make)


def total_norm(gradients):
    return mg.sqrt(sum(mg.sum(g * g) for g in gradients))


CLIPS = {
    "by norm": lambda gs: [g * mg.minimum(0.05 / (total_norm(gs) + 1e-6), 1.0) for g in gs],
    "by value": lambda gs: [mg.clip(g, -0.02, 0.02) for g in gs],
}


@pytest.mark.parametrize("clip", CLIPS)
def test_clipping(clip):
    def make():
        model, optimizer = linear()
        parameters = list(model.parameters())

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            for p, g in zip(parameters, CLIPS[clip]([p.grad for p in parameters])):
                p.grad = g
            optimizer.step()
            return (total_norm([p.grad for p in parameters]),)

        return step, lambda: (*(p.grad for p in parameters), *parameters)

    rows = both(make)
    assert rows[:, 0].max() <= (0.05 if clip == "by norm" else 0.02 * np.sqrt(28))


def test_everything_at_once():
    def make():
        model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 4))
        optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True)
        schedule = schedules.CosineAnnealingLR(optimizer, 7)
        average = [p.detach() for p in model.parameters()]
        hits = mg.zeros((), dtype="int64")

        def step(x, y):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.grad = mg.clip(p.grad, -0.1, 0.1)
            optimizer.step()
            schedule.step()
            for a, p in zip(average, model.parameters()):
                a.assign_(a + 0.1 * (p.detach() - a))
            hits.assign_(hits + mg.sum(mg.argmax(logits, axis=1) == y))
            return loss, schedule.get_last_lr()[0]

        return step, lambda: (hits, schedule.last_epoch, *average, *model.parameters())

    both(make)


def test_a_schedule_steps_inside_a_loop():
    """Numbers that a step writes are there for the next one, all in one compiled call."""
    results = []
    for run in (lambda step, order, *data: [step(*(d[row] for d in data)) for row in order], mg.jit):
        mg.manual_seed(0)
        model, optimizer = linear()
        schedule = SCHEDULES["SequentialLR"](optimizer)

        def step(x, y, model=model, optimizer=optimizer, schedule=schedule):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            before = schedule.get_last_lr()[0]
            schedule.step()
            return before, loss, schedule.last_epoch

        order, data = ORDER, (mg.tensor(X), mg.tensor(Y))
        if run is mg.jit:
            lr, losses, epoch = run(step).loop(order, *data)
        else:
            rates, losses, epochs = zip(*run(step, order, *data))
            lr, losses, epoch = rates[-1], mg.stack(losses), epochs[-1]
        assert (type(lr), type(epoch)) == (float, int)
        results.append([lr, losses, epoch, *model.parameters(), *schedule.get_last_lr(), schedule.last_epoch])
    for a, b in zip(*results):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-10)
    assert results[1][-1] == len(ORDER)


def test_everything_around_a_step_in_a_loop():
    """Clipping, noise, a schedule that cycles the momentum, and an average of the weights, in one compiled call."""
    results = []
    for run in (lambda step, order, *data: [step(*(d[row] for d in data)) for row in order], mg.jit):
        mg.manual_seed(0)
        model, optimizer = linear()
        schedule = schedules.OneCycleLR(optimizer, 0.3, 20)
        average = optim.swa_utils.AveragedModel(model, optim.swa_utils.get_ema_avg_fn(0.7))
        noise = optim.GradientNoise(model.parameters(), eta=0.01)

        def step(x, y, parts=(model, optimizer, schedule, average, noise)):
            model, optimizer, schedule, average, noise = parts
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            noise.add_()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            return loss, norm

        order, data = ORDER, (mg.tensor(X), mg.tensor(Y))
        if run is mg.jit:
            losses, norms = run(step).loop(order, *data)
        else:
            losses, norms = map(mg.stack, zip(*run(step, order, *data)))
        results.append([losses, norms, *model.parameters(), *average.parameters(), *schedule.get_last_lr()])
        assert (schedule.last_epoch, average.n_averaged.item(), noise.state_dict()["calls"]) == (len(ORDER),) * 3
    for a, b in zip(*results):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-10)
    assert results[0][1].numpy().min() > 0.05
