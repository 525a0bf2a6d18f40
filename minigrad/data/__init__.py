"""Data sets, files, batches and transformations, all in memory.

A data source (`digits`, `mnist`, `load`) returns a Dataset; `random_split` and `standardize` turn data sets into data
sets; a DataLoader turns one into batches of tensors.
"""

from minigrad.data.bundled import digits
from minigrad.data.files import load
from minigrad.data.loader import DataLoader
from minigrad.data.mnist_files import mnist
from minigrad.data.partition import random_split
from minigrad.data.record import Dataset
from minigrad.data.tensor_dataset import TensorDataset
from minigrad.data.transforms import RandomShift, Standardizer, standardize

__all__ = [
    "Dataset", "digits", "mnist", "load",
    "TensorDataset", "DataLoader", "random_split",
    "Standardizer", "standardize", "RandomShift",
]  # fmt: skip
