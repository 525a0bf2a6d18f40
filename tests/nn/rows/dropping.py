"""Dropout: PyTorch draws other random numbers, so what is compared is evaluation."""

from tests.nn.rows.row import Call, Row


def dropout(draw):
    return Call((draw.normal(*draw.shape(0, 3)),), (draw.number(0, 0.9),), {"training": False})


def dropout_module(draw):
    return Call((draw.normal(*draw.shape(0, 3)),), (draw.number(0, 0.9),))


ROWS = [Row("Dropout", dropout_module, random=True), Row("dropout", dropout)]
