"""Averages of weights, named as in `torch.optim.swa_utils`: moving averages, Polyak's average, SWA.

>>> model = nn.Linear(2, 1)
>>> optimizer = optim.SGD(model.parameters(), lr=0.1)
>>> average = optim.swa_utils.AveragedModel(model)
>>> for _ in range(5):
...     optimizer.zero_grad()
...     F.mse_loss(model(mg.ones((1, 2))), mg.ones((1, 1))).backward()
...     optimizer.step()
...     average.update_parameters(model)
>>> average(mg.ones((1, 2))).shape
(1, 1)
"""

from minigrad.optim.swa_utils.averaged_model import AveragedModel, get_ema_avg_fn, get_swa_avg_fn
from minigrad.optim.swa_utils.running import update_bn
from minigrad.optim.swa_utils.swa_lr import SWALR

__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_swa_avg_fn", "update_bn"]
