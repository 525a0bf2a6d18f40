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

from minigrad.optim import lr_scheduler
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.sgd import SGD

__all__ = ["Adam", "AdamW", "Optimizer", "SGD", "lr_scheduler"]
