"""Every wrong call of the table is refused, eagerly and while a step is traced, with all that a user needs to know."""

import pytest

import minigrad as mg
from tests.compiler.running import uncompiled
from tests.nn.rows import WRONG
from tests.nn.rows.row import Draw


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_call(wrong, seed):
    act, says = wrong.draw(Draw(seed))
    for run in (act, mg.jit(act, warmup=0)):
        with uncompiled(), pytest.raises(wrong.error) as caught:
            run()
        message = str(caught.value)
        assert message.startswith(f"[{wrong.who}] ")
        for text in map(str, says):
            assert text in message
