"""Learning rates that change while a model is trained, named as in `torch.optim.lr_scheduler`.

Nearly every schedule is a closed form: the learning rate is a function of the number of steps taken, not of the rate
before. So a schedule may be stepped inside a compiled step, also one in a `SequentialLR` or a `ChainedScheduler`. Three
that decide in Python say so there: `ReduceLROnPlateau`, `MultiplicativeLR`, `BatchSizeScheduler`.
"""

from minigrad.optim.lr_scheduler.base import LRScheduler
from minigrad.optim.lr_scheduler.batch_size import BatchSizeScheduler
from minigrad.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from minigrad.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from minigrad.optim.lr_scheduler.cyclic import CyclicLR
from minigrad.optim.lr_scheduler.decay import ExponentialLR, InverseLR, MultiStepLR, PowerLR, StepLR
from minigrad.optim.lr_scheduler.given import LambdaLR, MultiplicativeLR
from minigrad.optim.lr_scheduler.one_cycle import OneCycleLR
from minigrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minigrad.optim.lr_scheduler.ramp import ConstantLR, LinearLR, PolynomialLR, WarmupLR

__all__ = [
    "LRScheduler",
    "ConstantLR", "LinearLR", "PolynomialLR", "WarmupLR",
    "StepLR", "MultiStepLR", "ExponentialLR", "InverseLR", "PowerLR",
    "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR",
    "LambdaLR", "MultiplicativeLR", "ReduceLROnPlateau",
    "SequentialLR", "ChainedScheduler", "BatchSizeScheduler",
]  # fmt: skip
