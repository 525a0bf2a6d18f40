"""Operations with a mistake in them, made from a NumPy function and rules, outside the table of primitives."""

from minigrad.engine import Primitive


def planted(reference, *rules):
    """An operation with this gradient, right or wrong."""
    made = Primitive(reference, "elementwise", promotes=True, floats=True)
    made.defvjp(*rules)
    return made
