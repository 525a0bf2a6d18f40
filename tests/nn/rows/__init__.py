"""The table of everything in `nn` and `nn.functional`: one row each, in the list ROWS of the file of its family.

From its row follow the comparison with PyTorch, the gradient check and the comparison of compiled with eager: see
`tests/nn/test_rows.py`. A new layer, function or loss is one row. Calls that must be refused stand beside, in WRONG.
"""

import importlib
import pkgutil


def gathered(name):
    """The rows of all files that have a list of this name."""
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(__path__, f"{__name__}.")]
    return [row for module in modules for row in getattr(module, name, ())]


ROWS = gathered("ROWS")
WRONG = gathered("WRONG")
