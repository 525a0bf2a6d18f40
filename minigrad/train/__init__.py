"""Training and using classifiers, as the command line does: `minigrad train`, `minigrad predict`.

The training loop is in loop.py; the other files are what a run needs around it.
"""

from minigrad.train.config import Config
from minigrad.train.display import Display
from minigrad.train.diverged import DivergedError
from minigrad.train.models import build_model
from minigrad.train.prediction import Prediction, predict
from minigrad.train.session import resume, train

__all__ = ["train", "resume", "predict", "Prediction", "Config", "build_model", "Display", "DivergedError"]
