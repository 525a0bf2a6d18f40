"""Gradient checking that explains: `gradcheck`, its report, and hypothesis strategies (`checking.strategies`)."""

from importlib import import_module
from typing import Any

from minigrad.checking.causes import Cause
from minigrad.checking.check import gradcheck
from minigrad.checking.courses import check_cs231n, check_minitorch, check_needle, check_numpy
from minigrad.checking.property import given
from minigrad.checking.report import Failure, GradcheckReport

__all__ = [
    "Cause",
    "Failure",
    "GradcheckReport",
    "check_cs231n",
    "check_minitorch",
    "check_needle",
    "check_numpy",
    "given",
    "gradcheck",
]


def __getattr__(name: str) -> Any:
    if name == "strategies":  # imported on first use: hypothesis comes with the `test` extra
        return import_module("minigrad.checking.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
