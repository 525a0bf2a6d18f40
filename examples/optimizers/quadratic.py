"""What optimizers do to a quadratic, measured, beside what theory says they do.

Near a minimum every smooth loss is a quadratic, and there each direction of its Hessian goes its own way: gradient
descent multiplies the distance along an eigenvector of eigenvalue l by 1 - lr l in each step. What else is known about
rates, momentum, batches and Adam's first steps follows from such one-line recurrences. For each prediction here,
`predicted_...` is the formula and `measured_...` is what `mg.optim` does; they share no code.
"""

from collections.abc import Callable

import numpy as np

import minigrad as mg
from minigrad import nn, optim


class Quadratic:
    """f(x) = x'Hx / 2, with eigenvalues `spectrum` (n,) in directions that are drawn: no coordinate is special."""

    def __init__(self, spectrum: np.ndarray, seed: int = 0) -> None:
        self.spectrum = np.asarray(spectrum, np.float64)
        n = len(self.spectrum)
        self.directions = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
        self.hessian = mg.tensor((self.directions * self.spectrum) @ self.directions.T)

    def loss(self, x: mg.Tensor) -> mg.Tensor:
        """f(x) of a point x (n,)."""
        return 0.5 * mg.sum(x * (self.hessian @ x))

    def start(self) -> nn.Parameter:
        """A point at distance 1 from the minimum along each eigenvector."""
        return nn.Parameter(self.directions.sum(axis=1))

    def descend(self, make: Callable, steps: int) -> np.ndarray:
        """The distances along the eigenvectors before each step of `make([x])` and at the end: (steps + 1, n)."""
        x = self.start()
        return path(x, self.loss, make([x]), steps) @ self.directions


def path(x: nn.Parameter, loss: Callable, optimizer: optim.Optimizer, steps: int) -> np.ndarray:
    """The positions of x before each step and at the end: (steps + 1, *x.shape)."""
    positions = [x.numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(x).backward()
        optimizer.step()
        positions.append(x.numpy().copy())
    return np.array(positions)


# ---- contraction: a step multiplies the distance along an eigenvector with 1 - lr l


def predicted_contraction(spectrum: np.ndarray, lr: float) -> np.ndarray:
    """1 - lr l for each eigenvalue l."""
    return 1 - lr * np.asarray(spectrum)


def measured_contraction(problem: Quadratic, lr: float, steps: int = 10) -> np.ndarray:
    """For each eigenvector the factor r that fits x_next = r x best (least squares) in the steps of SGD."""
    x = problem.descend(lambda p: optim.SGD(p, lr), steps)
    return (x[1:] * x[:-1]).sum(axis=0) / (x[:-1] ** 2).sum(axis=0)


# ---- divergence: exactly beyond 2 / l_max


def predicted_critical_rate(spectrum: np.ndarray) -> float:
    """2 / l_max, where 1 - lr l_max = -1."""
    return 2 / float(np.max(spectrum))


def grows(problem: Quadratic, lr: float, steps: int = 500) -> bool:
    """Whether the distance to the minimum still grows in the last of the steps of SGD."""
    with np.errstate(all="ignore"):  # what leaves the range of numbers has grown
        before, after = np.linalg.norm(problem.descend(lambda p: optim.SGD(p, lr), steps)[-2:], axis=1)
        return not after < before


def measured_critical_rate(problem: Quadratic, low: float, high: float, halvings: int = 12) -> float:
    """The rate between low, where SGD converges, and high, where it does not, at which that changes (by bisection)."""
    if grows(problem, low) or not grows(problem, high):
        raise ValueError(f"expected SGD to converge at the rate {low} and to diverge at {high}; move them.")
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (low, middle) if grows(problem, middle) else (middle, high)
    return (low + high) / 2


# ---- momentum: on a slope the steps grow to the terminal velocity


def predicted_velocity(gradient: np.ndarray, lr: float, momentum: float, steps: int) -> np.ndarray:
    """-lr (1 - momentum^k) / (1 - momentum) g for k = 1, ..., steps: (steps, n). It tends to -lr / (1 - momentum) g."""
    k = np.arange(1, steps + 1)[:, None]
    return -lr * (1 - momentum**k) / (1 - momentum) * gradient


def measured_velocity(gradient: np.ndarray, lr: float, momentum: float, steps: int) -> np.ndarray:
    """The steps that SGD makes down the slope f(x) = g.x, of constant gradient g (n,): (steps, n)."""
    g, x = mg.tensor(gradient), nn.Parameter(np.zeros_like(gradient))
    return np.diff(path(x, lambda x: mg.sum(g * x), optim.SGD([x], lr, momentum), steps), axis=0)


# ---- conditioning: the number of steps until no direction is left with more than a share of its distance


def best_descent(spectrum: np.ndarray) -> dict[str, float]:
    """The rate of gradient descent at which the extreme eigenvalues contract alike: 2 / (l_min + l_max)."""
    return {"lr": 2 / float(np.min(spectrum) + np.max(spectrum))}


def best_heavy_ball(spectrum: np.ndarray) -> dict[str, float]:
    """Polyak's (1964) rate and momentum: (2 / (sqrt l_max + sqrt l_min))^2, and ((sqrt k - 1) / (sqrt k + 1))^2."""
    low, high = np.sqrt([np.min(spectrum), np.max(spectrum)])
    return {"lr": float(2 / (low + high)) ** 2, "momentum": float((high - low) / (high + low)) ** 2}


def predicted_steps(condition: float, share: float, root: bool = False) -> int:
    """The steps that the best gradient descent needs, or with `root` the best heavy ball.

    With k = l_max / l_min the distance after t steps of descent is r^t, r = (k - 1) / (k + 1): some k / 2 ln(1 / share)
    steps. For the heavy ball r = (sqrt k - 1) / (sqrt k + 1), the root of k instead of k; both roots of its recurrence
    coincide at the extreme eigenvalues, and the distance along the steepest eigenvector is (1 + (1 + r) t) r^t.
    """
    k = np.sqrt(condition) if root else condition
    r = (k - 1) / (k + 1)
    t = np.arange(100_000)
    distance = (1 + (1 + r) * t) * r**t if root else r**t
    return int(np.argmax(distance <= share))


def measured_steps(problem: Quadratic, share: float, most: int, **arguments: float) -> int:
    """After how many steps of SGD all distances along eigenvectors are down to this share; `most` if they never are."""
    left = np.abs(problem.descend(lambda p: optim.SGD(p, **arguments), most)).max(axis=1)
    return int(np.argmax(left <= share)) if left.min() <= share else most


# ---- Adam's bias correction: the first steps are as long as all others


def predicted_adam_steps(betas: tuple[float, float], steps: int, corrected: bool) -> np.ndarray:
    """The lengths of Adam's steps on a slope, in units of lr: (steps,).

    1, since the averages of g and g^2 are corrected to g and g^2. Without it (1 - beta1^k) / sqrt(1 - beta2^k): the
    square root forgets its start at 0 slower, so that the first steps are too long, by 3.2 for the usual betas.
    """
    k = np.arange(1, steps + 1)
    return np.ones(steps) if corrected else (1 - betas[0] ** k) / np.sqrt(1 - betas[1] ** k)


def measured_adam_steps(slope: float, betas: tuple[float, float], steps: int, corrected: bool) -> np.ndarray:
    """The same, of `optim.Adam` on f(x) = slope x."""
    x, lr = nn.Parameter(np.zeros(1)), 1e-3
    optimizer = optim.Adam([x], lr, betas, eps=1e-30)
    if not corrected:  # an Adam that believes to have made many steps corrects no longer
        optimizer.state[x]["step"].assign_(mg.tensor(1e9, dtype=mg.float64))
    return -np.sign(slope) * np.diff(path(x, lambda x: mg.sum(slope * x), optimizer, steps)[:, 0]) / lr


# ---- batches: the variance around the minimum falls as 1 / S


def predicted_variance(spectrum: np.ndarray, lr: float, size: int) -> np.ndarray:
    """lr l / (2 - lr l) / S: the variance along each eigenvector that x_next = (1 - lr l) x + lr l c settles at.

    c is the mean of a batch of S samples of variance 1.
    """
    steep = lr * np.asarray(spectrum)
    return steep / (2 - steep) / size


def measured_variance(
    spectrum: np.ndarray, lr: float, size: int, *, runs: int = 400, steps: int = 120, seed: int = 0
) -> np.ndarray:
    """The variance (n,) of SGD's iterates over many runs at once, in their second half.

    The loss is the mean over samples c of sum of l_i (x_i - c_i)^2 / 2. Each step of each run draws a batch of its own,
    with replacement, from 1000 samples of mean 0 and variance 1; all runs begin at the minimum.
    """
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((1000, len(spectrum)))
    samples = (samples - samples.mean(axis=0)) / samples.std(axis=0)
    curvature, x = mg.tensor(np.asarray(spectrum)), nn.Parameter(np.zeros((runs, len(spectrum))))

    def loss(x):
        # The mean of the batch has the gradient of the batch: l (x - c) is linear in c.
        batch = mg.tensor(samples[rng.integers(0, len(samples), (runs, size))].mean(axis=1))
        return 0.5 * mg.sum(curvature * (x - batch) ** 2)

    settled = path(x, loss, optim.SGD([x], lr), steps)[steps // 2 :]
    return (settled**2).mean(axis=(0, 1))
