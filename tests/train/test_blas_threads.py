"""NumPy's BLAS on one thread while a run goes on."""

import pytest

from minigrad.train.blas_threads import CHOSEN_BY_USER, one_blas_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads():
    found = [pool for pool in threadpoolctl.threadpool_info() if "numpy" in pool["filepath"]]
    if not found or found[0]["internal_api"] != "openblas":
        pytest.skip("this NumPy has another BLAS than OpenBLAS")
    return found[0]["num_threads"]


@pytest.fixture
def two_threads(monkeypatch):
    for name in CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    with threadpoolctl.threadpool_limits(2):
        yield


def test_one_thread_inside_and_the_number_before_after(two_threads):
    before = threads()
    with one_blas_thread():
        assert threads() == 1
    assert threads() == before
    with pytest.raises(RuntimeError), one_blas_thread():
        raise RuntimeError
    assert threads() == before


def test_the_user_s_choice_stands(two_threads, monkeypatch):
    before = threads()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with one_blas_thread():
        assert threads() == before
