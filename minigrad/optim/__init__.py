"""Optimizers, named as in `torch.optim`.

>>> model = nn.Linear(2, 1)
>>> optimizer = optim.Adam(model.parameters(), lr=0.1)
>>> for _ in range(100):
...     optimizer.zero_grad()
...     loss = F.mse_loss(model(mg.tensor([[1.0, 2.0]])), mg.tensor([[3.0]]))
...     loss.backward()
...     optimizer.step()
>>> loss.item() < 1e-3
True
"""

from minigrad.optim import learned, lr_scheduler, swa_utils
from minigrad.optim.accumulation import accumulate_grad
from minigrad.optim.adafactor import Adafactor
from minigrad.optim.adagrad import Adadelta, Adagrad, RMSprop
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.adam_variants import Adamax, NAdam, RAdam
from minigrad.optim.asgd import ASGD
from minigrad.optim.freezing import frozen
from minigrad.optim.gauss_newton import GaussNewton, LevenbergMarquardt
from minigrad.optim.hutchinson import hessian_diagonal
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.learned import LSTMOptimizer
from minigrad.optim.muon import Muon
from minigrad.optim.newton import NewtonCG
from minigrad.optim.noise import GradientNoise
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.proximal import ProximalSGD
from minigrad.optim.rate_search import RateSearch, lr_find, lr_range_test
from minigrad.optim.scipy_bridge import minimize
from minigrad.optim.sgd import SGD
from minigrad.optim.sharing import Connections, connections, groups_by_connections
from minigrad.optim.signs import Lion, Rprop

__all__ = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Lion", "Muon", "NAdam",
    "Optimizer", "ProximalSGD", "RAdam", "RMSprop", "Rprop", "SGD",
    "GaussNewton", "LevenbergMarquardt", "NewtonCG", "hessian_diagonal", "minimize", "LSTMOptimizer",
    "Connections", "connections", "groups_by_connections",
    "GradientNoise", "RateSearch", "accumulate_grad", "frozen", "lr_find", "lr_range_test",
    "learned", "lr_scheduler", "swa_utils",
]  # fmt: skip
