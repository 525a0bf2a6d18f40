"""The exceptions minigrad raises.

Each is a subclass of the builtin one would expect, so `except ValueError` still works.
A message says who raised it, what was expected, what came, and the way out:

    [conv2d] weight expects 16 input channels, input has 3: input (32, 3, 28, 28), weight (8, 16, 3, 3), groups=1.
"""


class MinigradError(Exception):
    """Base class of every error that minigrad raises on purpose."""


class ShapeError(MinigradError, ValueError):
    """Shapes do not fit the operation."""


class DtypeError(MinigradError, TypeError):
    """A dtype does not fit the operation."""


class GraphError(MinigradError, RuntimeError):
    """The autodiff graph cannot answer: it was freed, never recorded, or does not reach an input."""


class TracingError(MinigradError, RuntimeError):
    """A compiled function asked for something that only running it can tell."""


class AnomalyError(MinigradError, RuntimeError):
    """`detect_anomaly` met the first NaN or infinity."""


class DataError(MinigradError, ValueError):
    """A data set cannot be used for training: missing columns, NaN, bad labels, a damaged file."""


class ConfigError(MinigradError, ValueError):
    """A hyper-parameter or a model description is out of range or cannot be read."""


class GradcheckError(MinigradError, AssertionError):
    """A gradient is wrong; the message is the report of the check."""
