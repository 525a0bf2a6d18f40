"""Every optimizer over its arguments: a new one is its rows here."""

import itertools

import numpy as np


def grid(name, **values):
    """Rows (name, arguments) for every combination of the values."""
    return [(name, dict(zip(values, row))) for row in itertools.product(*values.values())]


SWITCH = [False, True]
DECAY = [0.0, 0.1]

ROWS = [
    ("SGD", {}),
    *grid("SGD", lr=[0.1], weight_decay=DECAY, maximize=SWITCH),
    *grid("SGD", lr=[0.01], momentum=[0.9], dampening=[0.0, 0.3], weight_decay=DECAY, maximize=SWITCH),
    *grid("SGD", lr=[0.01], momentum=[0.9], nesterov=[True], weight_decay=DECAY, maximize=SWITCH),
    ("Adam", {}),
    *grid(
        "Adam",
        lr=[0.05],
        betas=[(0.9, 0.999), (0.0, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=DECAY,
        amsgrad=SWITCH,
        maximize=SWITCH,
    ),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    *grid("AdamW", lr=[0.05], weight_decay=DECAY, amsgrad=SWITCH, maximize=SWITCH),
    ("ASGD", {}),
    *grid("ASGD", lr=[0.1], lambd=[0.0, 0.01], t0=[5, 1e6], alpha=[0.5], weight_decay=DECAY, maximize=SWITCH),
    ("Adagrad", {}),
    *grid("Adagrad", lr=[0.1], lr_decay=[0.0, 0.1], weight_decay=DECAY, maximize=SWITCH),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-2}),
    ("Adadelta", {}),
    *grid("Adadelta", lr=[0.5], rho=[0.0, 0.8], eps=[1e-3], weight_decay=DECAY, maximize=SWITCH),
    ("RMSprop", {}),
    *grid(
        "RMSprop",
        lr=[0.05],
        alpha=[0.9],
        eps=[1e-4],
        momentum=[0.0, 0.9],
        weight_decay=DECAY,
        centered=SWITCH,
        maximize=SWITCH,
    ),
    ("Adamax", {}),
    *grid("Adamax", lr=[0.05], betas=[(0.0, 0.5), (0.8, 0.9)], eps=[1e-3], weight_decay=DECAY, maximize=SWITCH),
    ("NAdam", {}),
    *grid(
        "NAdam",
        lr=[0.05],
        momentum_decay=[0.0, 0.01],
        weight_decay=DECAY,
        decoupled_weight_decay=SWITCH,
        maximize=SWITCH,
    ),
    ("RAdam", {}),
    *grid(
        "RAdam",
        lr=[0.05],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        weight_decay=DECAY,
        decoupled_weight_decay=SWITCH,
        maximize=SWITCH,
    ),
    ("Rprop", {}),
    *grid("Rprop", lr=[0.01, 0.1], etas=[(0.5, 1.2), (0.4, 1.5)], step_sizes=[(0.005, 0.2)], maximize=SWITCH),
    ("Lion", {}),
    *grid("Lion", lr=[0.01], betas=[(0.9, 0.99), (0.0, 0.5)], weight_decay=DECAY, maximize=SWITCH),
    ("Adafactor", {}),
    *grid("Adafactor", lr=[0.05], beta2_decay=[-0.5], eps=[(1e-3, 0.1)], d=[1.5], weight_decay=DECAY, maximize=SWITCH),
    ("Muon", {}),
    *grid(
        "Muon", lr=[0.05], weight_decay=DECAY, momentum=[0.0, 0.9], nesterov=SWITCH, adjust_lr_fn=["match_rms_adamw"]
    ),
    ("Muon", {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 2, "eps": 1.0, "adjust_lr_fn": "original"}),
    ("ProximalSGD", {}),
    *grid("ProximalSGD", lr=[0.1], l1=[0.3], momentum=[0.0, 0.9], weight_decay=DECAY, sign_step=SWITCH),
]

NAMES = list(dict.fromkeys(name for name, _ in ROWS))
RICH = [[row for row in ROWS if row[0] == name][-1] for name in NAMES]
CORNERS = [*((name, {}) for name in NAMES), *RICH]
"""What is too dear for all rows: the last row of each, in which most arguments differ from the defaults, and these."""


def ids(rows):
    """What pytest calls the rows."""
    return [f"{name}-{','.join(f'{k}={v}' for k, v in arguments.items())}" for name, arguments in rows]


SHAPES = [(3, 4), (), (5,)]
START = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(SHAPES)]


def shapes(name):
    """Which of the parameters an optimizer takes, by index."""
    return [0] if name == "Muon" else [0, 1, 2]


def gradient(step, i):
    """A gradient that does not depend on the parameter, with zeros and missing ones; None: no gradient."""
    if i == 1 and step % 3 == 0:
        return None
    g = np.random.default_rng((step, i)).standard_normal(START[i].shape)
    return g * (np.abs(g) > 0.3)
