"""What all optimizers share: groups, gradients, state, copies, and mistakes."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import AnomalyError, ConfigError, DtypeError, ShapeError


def with_grad(value, grad=1.0):
    p = nn.Parameter([float(value)])
    p.grad = mg.tensor([float(grad)])
    return p


# ---- stepping


def test_groups_have_their_own_hyper_parameters():
    a, b, c = with_grad(1), with_grad(1), with_grad(1)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [c], "lr": 1.0})
    optimizer.step()
    np.testing.assert_allclose([p.item() for p in (a, b, c)], [0.9, 0.5, 0.0], rtol=1e-6)
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    np.testing.assert_allclose(a.item(), 0.9, rtol=1e-6)


def test_parameters_without_gradient_are_left_alone():
    p, q = with_grad(1), nn.Parameter([1.0])
    optimizer = optim.Adam([p, q], lr=0.1, weight_decay=1.0)
    optimizer.step()
    assert q.item() == 1
    assert optimizer.state[q]["step"].item() == 0
    assert optimizer.state[p]["step"].item() == 1


def test_frozen_parameters_are_left_alone():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    before = model[0].weight.numpy().copy()
    optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5)
    model(mg.ones((1, 2))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(model[0].weight.numpy(), before)


def test_the_closure_is_called_first_and_its_loss_returned():
    p = nn.Parameter([2.0])
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():  # the closure needs gradients all the same
        assert optimizer.step(closure).item() == 4
    assert p.item() == 1
    assert optimizer.step() is None


def test_zero_grad():
    p = with_grad(1)
    optimizer = optim.SGD([p, nn.Parameter([1.0])])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_step_changes_nothing_that_was_handed_out(kind):
    p = with_grad(1)
    optimizer = kind([p], lr=0.1)
    optimizer.step()
    graph, view, state, gradient = p * p, p.numpy(), optimizer.state_dict(), p.grad.numpy()
    before = copy.deepcopy((view, {n: t.numpy() for n, t in state["state"][0].items()}, gradient))
    optimizer.step()
    after = (view, {n: t.numpy() for n, t in state["state"][0].items()}, gradient)
    assert before == after
    p.grad = None
    graph.backward()
    assert p.grad.item() == pytest.approx(2 * view.item())  # the gradient of what was computed


def test_nothing_is_recorded():
    p = with_grad(1)
    optim.Adam([p]).step()
    assert p.is_leaf
    assert p.requires_grad


@pytest.mark.parametrize(
    ("grad", "error", "message"),
    [
        (np.ones(2, np.float32), ShapeError, r"\[Adam\] a parameter has shape \(1,\), its gradient \(2,\)"),
        (np.ones(1, np.float64), DtypeError, r"\[Adam\] a parameter has dtype float32, its gradient float64"),
    ],
)
def test_if_one_parameter_cannot_be_changed_none_is(grad, error, message):
    p, q = with_grad(1), with_grad(1)
    q.grad = mg.tensor(grad)
    optimizer = optim.Adam([p, q])
    with pytest.raises(error, match=message):
        optimizer.step()
    assert p.item() == 1
    assert optimizer.state[p]["step"].item() == 0


@pytest.mark.parametrize(
    ("kind", "lr", "grad", "expected"),
    [
        (optim.SGD, 0.1, np.inf, -np.inf),
        (optim.SGD, 1e30, 1e30, -np.inf),
        (optim.SGD, 0.1, np.nan, np.nan),
        (optim.Adam, 0.1, np.inf, np.nan),
        (optim.Adam, 0.1, 1e30, 1.0),  # its square is infinite, so the step is 0
    ],
)
def test_overflow_gives_ieee_results_without_warnings(kind, lr, grad, expected):
    p = with_grad(1, grad)
    kind([p], lr=lr).step()
    np.testing.assert_equal(p.item(), expected)


def test_more_state_is_made_when_a_hyper_parameter_needs_it():
    p = with_grad(1)
    optimizer = optim.SGD([p], lr=0.5)
    assert optimizer.state[p] == {}
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.5
    for expected in (0.0, -0.75):  # 0.5 - 0.5, then 0 - 0.5 (0.5 + 1)
        optimizer.step()
        assert p.item() == expected


# ---- state


def test_state_is_there_from_the_start():
    p = nn.Parameter(np.ones((2, 3), np.float32))
    state = optim.Adam([p], amsgrad=True).state[p]
    assert {name: t.shape for name, t in state.items()} == {
        "step": (),
        "exp_avg": (2, 3),
        "exp_avg_sq": (2, 3),
        "max_exp_avg_sq": (2, 3),
    }
    assert not any(t.numpy().any() for t in state.values())


def test_format_of_the_state():
    a, b = with_grad(1), with_grad(2)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1, momentum=0.9)
    state = optimizer.state_dict()
    assert list(state["state"]) == [0, 1]
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.5]


def test_loading_takes_hyper_parameters_too():
    source, p = optim.Adam([with_grad(1)], lr=0.3, betas=(0.5, 0.6)), with_grad(1)
    target = optim.Adam([p])
    target.load_state_dict(source.state_dict())
    assert target.param_groups[0]["lr"] == 0.3
    assert target.param_groups[0]["params"] == [p]


def test_adamw_stays_what_it_is_with_the_state_of_an_adam():
    optimizer = optim.AdamW([with_grad(1)])
    optimizer.load_state_dict(optim.Adam([with_grad(1)], weight_decay=0.5).state_dict())
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def state_of(parameters, kind=optim.Adam, **arguments):
    return kind(parameters, **arguments).state_dict()


def damaged(change):
    state = state_of([with_grad(1)])
    change(state)
    return state


BAD_STATES = {
    "groups": (state_of([{"params": with_grad(1)}] * 1 + [{"params": with_grad(1)}]), r"groups of \[1\].* \[1, 1\]"),
    "parameters": (
        state_of([with_grad(1), with_grad(1)]),
        r"expected groups of \[1\] parameters, the state has .*\[2\]",
    ),
    "another optimizer": (
        state_of([with_grad(1)], optim.SGD),
        r"\[Adam\] the state lacks the hyper-parameters betas, eps",
    ),
    "shape": (state_of([nn.Parameter([1.0, 2.0])]), r"exp_avg of parameter 0 must have shape \(1,\), got \(2,\)"),
    "value": (damaged(lambda s: s["param_groups"][0].update(lr=-1.0)), "lr must be a number, at least 0; got -1.0"),
    "no state": ({"param_groups": []}, r"expected a mapping with 'state' and 'param_groups'"),
}


@pytest.mark.parametrize(("state", "message"), BAD_STATES.values(), ids=BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(state, message):
    p = with_grad(1)
    optimizer = optim.Adam([p], lr=0.3)
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ConfigError, match=message):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert {n: t.tolist() for n, t in after["state"][0].items()} == {
        n: t.tolist() for n, t in before["state"][0].items()
    }


# ---- copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_copy_with_the_model_trains_the_copy(copied):
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def train(model, optimizer):
        optimizer.zero_grad()
        model(mg.ones((1, 2))).sum().backward()
        optimizer.step()
        return model.weight.tolist()

    train(model, optimizer)
    twin, twin_optimizer = copied((model, optimizer))
    assert twin_optimizer.param_groups[0]["params"][0] is twin.weight
    before = model.weight.tolist()
    after = train(twin, twin_optimizer)
    assert model.weight.tolist() == before
    assert train(model, optimizer) == after


# ---- mistakes

P, M = nn.Parameter([1.0]), nn.Parameter([[1.0]])
BAD = {
    "negative lr": (lambda: optim.SGD([P], lr=-0.1), ConfigError, r"\[SGD\] lr must be a number, at least 0; got -0.1"),
    "lr is no number": (lambda: optim.SGD([P], lr="0.1"), ConfigError, "lr must be a number, at least 0; got '0.1'"),
    "lr is NaN": (lambda: optim.Adam([P], lr=float("nan")), ConfigError, "got nan"),
    "lr is a boolean": (lambda: optim.Adam([P], lr=True), ConfigError, "got True"),
    "negative momentum": (lambda: optim.SGD([P], momentum=-1), ConfigError, "momentum must be a number, at least 0"),
    "infinite dampening": (lambda: optim.SGD([P], dampening=float("inf")), ConfigError, "dampening .* finite"),
    "Nesterov alone": (lambda: optim.SGD([P], nesterov=True), ConfigError, "Nesterov momentum needs momentum > 0"),
    "Nesterov, dampened": (
        lambda: optim.SGD([P], momentum=0.9, dampening=0.1, nesterov=True),
        ConfigError,
        "dampening = 0",
    ),
    "beta of one": (
        lambda: optim.Adam([P], betas=(0.9, 1.0)),
        ConfigError,
        r"betas\[1\] must be a number, in \[0, 1\)",
    ),
    "one beta": (lambda: optim.Adam([P], betas=0.9), ConfigError, "betas must be two numbers, got 0.9"),
    "negative eps": (lambda: optim.AdamW([P], eps=-1e-8), ConfigError, r"\[AdamW\] eps must be a number, at least 0"),
    "weight decay": (
        lambda: optim.AdamW([P], weight_decay=-1),
        ConfigError,
        "weight_decay must be a number, at least 0",
    ),
    "in a group": (
        lambda: optim.SGD([{"params": [P], "lr": -1}]),
        ConfigError,
        "lr must be a number, at least 0; got -1",
    ),
    "unknown in a group": (
        lambda: optim.SGD([{"params": [P], "beta": 1}]),
        ConfigError,
        r"\[SGD\] unknown hyper-parameters beta; it has lr, momentum",
    ),
    "unknown": (lambda: optim.SGD([P], foreach=True), TypeError, "foreach"),
    "nothing": (lambda: optim.SGD([]), ConfigError, r"\[SGD\] got an empty list of parameters"),
    "an empty group": (lambda: optim.SGD([{"params": []}]), ConfigError, "got an empty list of parameters"),
    "a model without parameters": (lambda: optim.SGD(nn.ReLU().parameters()), ConfigError, "got an empty list"),
    "twice": (lambda: optim.SGD([P, P]), ConfigError, r"a parameter of shape \(1,\) is given twice"),
    "twice in groups": (lambda: optim.SGD([{"params": [P]}, {"params": [P]}]), ConfigError, "is given twice"),
    "a tensor": (
        lambda: optim.SGD(P),
        DtypeError,
        r"expected parameters such as model.parameters\(\), got a Parameter",
    ),
    "a module": (lambda: optim.SGD(nn.Linear(1, 1)), DtypeError, "got a Linear"),
    "a sequential": (lambda: optim.SGD(nn.Sequential(nn.ReLU())), DtypeError, "got a ReLU"),
    "a set": (lambda: optim.SGD({P}), DtypeError, "got a set"),
    "names": (lambda: optim.SGD(nn.Linear(1, 1).named_parameters()), DtypeError, "got a tuple"),
    "integers": (
        lambda: optim.SGD([mg.tensor([1])]),
        DtypeError,
        "only floating-point tensors can be optimized, got int64",
    ),
    "computed": (lambda: optim.SGD([P * 2]), DtypeError, r"a tensor of shape \(1,\) was computed: only leaves"),
    "Muon on a vector": (lambda: optim.Muon([P]), DtypeError, r"\[Muon\] only matrices .* of shape \(1,\)"),
    "Muon's steps": (lambda: optim.Muon([M], ns_steps=100), ConfigError, "ns_steps must be a whole number from 1 to"),
    "Muon's adjustment": (
        lambda: optim.Muon([M], adjust_lr_fn="adam"),
        ConfigError,
        "adjust_lr_fn must be one of None, 'original', 'match_rms_adamw'; got 'adam'",
    ),
    "Adafactor's eps": (lambda: optim.Adafactor([P], eps=1e-3), ConfigError, "eps must be a number or None, and a num"),
    "Adafactor's d": (lambda: optim.Adafactor([P], d=0.5), ConfigError, "d must be a number, at least 1; got 0.5"),
    "Rprop's etas": (lambda: optim.Rprop([P], etas=(0.5, 0.9)), ConfigError, r"etas\[1\] must be a number, above 1"),
    "no group": (lambda: optim.SGD([P]).add_param_group([P]), ConfigError, "a mapping with the key 'params'"),
}


@pytest.mark.parametrize(("act", "error", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_a_group_that_is_refused_is_not_added():
    p, q = with_grad(1), with_grad(1)
    optimizer = optim.SGD([p])
    with pytest.raises(ConfigError, match="lr must be"):
        optimizer.add_param_group({"params": [q], "lr": -1})
    assert len(optimizer.param_groups) == 1
    assert q not in optimizer.state


def test_repr():
    text = repr(optim.SGD([{"params": [P]}, {"params": nn.Linear(1, 1).parameters(), "lr": 0.5}], lr=0.1))
    assert text == (
        "SGD(\n"
        "  1 tensors: lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, "
        "maximize=False, differentiable=False, decoupled_weight_decay=False\n"
        "  2 tensors: lr=0.5, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, "
        "maximize=False, differentiable=False, decoupled_weight_decay=False\n"
        ")"
    )


NAMES = [name for name, x in vars(optim).items() if isinstance(x, type) and issubclass(x, optim.Optimizer)]
LIMITED = [(name, hyper) for name in NAMES if name != "Optimizer" for hyper in getattr(optim, name).limits]


@pytest.mark.parametrize(("name", "hyper"), LIMITED, ids=str)
def test_no_hyper_parameter_may_be_nan(name, hyper):
    """Nor a text; of a tuple, each number is looked at."""
    kind, p = getattr(optim, name), nn.Parameter([[1.0]])
    default, nan = kind([p]).param_groups[0][hyper], float("nan")
    bad = [(*default[:i], nan, *default[i + 1 :]) for i in range(len(default))] if isinstance(default, tuple) else [nan]
    for value in (*bad, "0.1"):
        with pytest.raises((ConfigError, TypeError), match=rf"{hyper}.* must be .*(nan|'0\.1')"):
            kind([{"params": p, hyper: value}])


NOT_FINITE = {"nan": (np.nan, "1 NaN, 0 infinite"), "infinite": (np.inf, "0 NaN, 1 infinite")}


@pytest.mark.parametrize(("value", "message"), NOT_FINITE.values(), ids=NOT_FINITE)
def test_gradients_that_are_not_finite_are_named_where_anomalies_are_looked_for(value, message):
    p, q = with_grad(1), with_grad(1, value)
    optimizer = optim.Adam([p, q])
    with (
        mg.detect_anomaly(),
        pytest.raises(
            AnomalyError, match=rf"\[Adam\] the gradient of parameter 1, of shape \(1,\), is not finite: {message}"
        ),
    ):
        optimizer.step()
    assert p.item() == q.item() == 1
    assert optimizer.state[p]["step"].item() == 0
    optimizer.step()
    assert p.item() != 1


def test_states_of_other_shapes_are_refused_whole():
    """Adafactor's state depends on the number of dimensions."""
    matrix, vector = nn.Parameter(np.ones((2, 3))), nn.Parameter(np.ones(3))
    saved = optim.Adafactor([matrix], lr=0.5).state_dict()
    optimizer = optim.Adafactor([vector])
    with pytest.raises(ConfigError, match=r"\[Adafactor\] parameter 0, of shape \(3,\), has no row_var"):
        optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.01
