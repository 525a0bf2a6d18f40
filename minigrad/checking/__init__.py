"""Gradient checking that explains: `gradcheck`, its report, and hypothesis strategies (`checking.strategies`)."""

from minigrad.checking.causes import Cause
from minigrad.checking.check import gradcheck
from minigrad.checking.report import Failure, GradcheckReport

__all__ = ["Cause", "Failure", "GradcheckReport", "gradcheck"]
