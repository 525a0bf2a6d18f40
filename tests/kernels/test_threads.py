"""The thread limit."""

import pytest

from minigrad.kernels import threads


def test_limit_is_read_back_and_starts_at_the_cpus_of_the_process():
    before = threads.get_num_threads()
    assert before == threads.available_threads() >= 1
    try:
        threads.set_num_threads(3)
        assert threads.get_num_threads() == 3
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize("count", [0, -1])
def test_no_thread_is_an_error(count):
    with pytest.raises(ValueError, match=r"count must be at least 1, got"):
        threads.set_num_threads(count)
