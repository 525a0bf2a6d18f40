"""checkpoint: trade time for memory by computing a part of the forward pass twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import engine, random
from minigrad.core import Tensor
from minigrad.errors import GraphError
from minigrad.tree import leaves, tree_map
