"""Convolution and its gradients: the reference against PyTorch and its own definition, the numba twin against it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minigrad.kernels import threads
from minigrad.kernels.cpu import conv as cpu
from minigrad.kernels.cpu import conv_plan
from minigrad.kernels.reference import conv as reference
from tests.kernels.geometry import Geometry, geometries
from tests.kernels.parity import values

DTYPES = [np.float32, np.float64]


@dataclass
class Problem:
    """An image, a weight and a response that fit together."""

    x: np.ndarray
    w: np.ndarray
    g: np.ndarray
    geometry: Geometry
    groups: int

    def arrays(self):
        return self.x, self.w, self.g

    def run(self, module, name, x, w, g):
        """The kernel `name` of `module` on the two of x, w, g that it reads."""
        spatial, window, *motion = astuple(self.geometry)
        if name == "conv":
            return module.conv(x, w, *motion, self.groups)
        if name == "conv_input_grad":
            return module.conv_input_grad(g, w, spatial, *motion, self.groups)
        return module.conv_weight_grad(x, g, window, *motion, self.groups)


#: kernel -> how many products are added up for one element of its result
TERMS = {
    "conv": lambda p: p.w[:1].size,
    "conv_input_grad": lambda p: p.w[:, :1].size // p.groups,
    "conv_weight_grad": lambda p: p.g[:, :1].size,
}


@st.composite
def problems(draw, dtype, geometry=None, empty=(None, None, None, "batch", "channels", "filters")):
    """Problems in drawn strides; at most one of the sizes in `empty` is 0."""
    geometry = draw(geometries()) if geometry is None else draw(geometry)
    names = ("batch", "channels", "filters")
    sizes = {name: draw(st.integers(1, 3)) for name in names} | {draw(st.sampled_from(empty)): 0}
    shapes = problem_shapes(*(sizes[name] for name in names), geometry, groups := draw(st.integers(1, 3)))
    return Problem(*(draw(values(shape, dtype, special=False)) for shape in shapes), geometry, groups)


def problem_shapes(batch, channels, filters, geometry, groups):
    """The shapes of x, w and g; channels and filters are those of one group."""
    yield batch, groups * channels, *geometry.spatial
    yield groups * filters, channels, *geometry.window
    yield batch, groups * filters, *geometry.out


def fixed_problem(geometry, batch=2, channels=3, filters=4, groups=2, dtype=np.float32):
    """A problem without chance."""
    rng = np.random.default_rng(0)
    shapes = problem_shapes(batch, channels, filters, geometry, groups)
    return Problem(*(rng.normal(size=shape).astype(dtype) for shape in shapes), geometry, groups)


def plane(spatial=(17, 12), stride=(1, 1), dilation=(1, 2)):
    """A 2-D geometry of several blocks."""
    return Geometry(spatial, (3, 2), stride, ((1, 2), (0, 1)), dilation)


@contextmanager
def cut_into_blocks(elements, thin):
    """Small blocks, and shared columns for few channels, so that small problems take the paths of large ones."""
    conv_plan.plan_for.cache_clear()
    with mock.patch.multiple(conv_plan, BLOCK=elements, THIN=thin):
        yield
    conv_plan.plan_for.cache_clear()


def assert_matches_reference(name, problem):
    """The error is that of a sum: its length times epsilon times the sum of absolute products."""
    before = [array.copy() for array in problem.arrays()]
    got = problem.run(cpu, name, *problem.arrays())
    exact = problem.run(reference, name, *(array.astype(np.float64) for array in before))
    size = problem.run(reference, name, *(np.abs(array.astype(np.float64)) for array in before))
    assert got.dtype == before[0].dtype
    assert got.shape == exact.shape
    assert got.flags.c_contiguous
    assert got.flags.writeable
    bound = (TERMS[name](problem) + 1) * np.finfo(got.dtype).eps * size + 1e-300
    np.testing.assert_array_less(np.abs(got - exact), bound)
    for array, copy in zip(problem.arrays(), before, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert not np.shares_memory(got, array)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), block=st.sampled_from([1, 20, 2**16]), thin=st.sampled_from([1, 16]))
def test_cpu_matches_reference(name, dtype, data, block, thin):
    problem = data.draw(problems(dtype))
    with cut_into_blocks(block, thin):
        assert_matches_reference(name, problem)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)])
@pytest.mark.parametrize("dilation", [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)])
@pytest.mark.parametrize("thin", [1, 10**6])
def test_every_path_of_the_cpu_kernels(name, stride, dilation, thin):
    """Whole and shared columns, several blocks in a plane, each stride and dilation on its own axis."""
    problem = fixed_problem(Geometry((6, 8, 7), (2, 3, 2), stride, ((1, 0), (2, 1), (0, 1)), dilation))
    with cut_into_blocks(200, thin):
        assert_matches_reference(name, problem)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("thin", [1, 10**6])
def test_products_in_several_pieces(name, thin):
    """Sizes beyond one piece of a matrix product in every direction."""
    problem = fixed_problem(plane((13, 12)), batch=1, channels=140, filters=135, groups=1)
    with cut_into_blocks(2**20, thin):
        assert_matches_reference(name, problem)


@pytest.mark.parametrize("name", TERMS)
def test_zero_strides_are_read_like_a_copy(name):
    problem = fixed_problem(plane())
    broadcast = [np.broadcast_to(array.reshape(-1)[0], array.shape) for array in problem.arrays()]
    copies = [np.array(array) for array in broadcast]
    np.testing.assert_array_equal(problem.run(cpu, name, *broadcast), problem.run(cpu, name, *copies))


@pytest.mark.parametrize("module", [reference, cpu])
@given(data=st.data())
def test_gradients_are_adjoints(module, data):
    """<conv(x, w), g> = <x, conv_input_grad(g, w)> = <w, conv_weight_grad(x, g)>, exactly on small integers."""
    problem = data.draw(problems(np.float64))
    x, w, g = (np.round(array) for array in problem.arrays())
    form = np.sum(problem.run(module, "conv", x, w, g) * g)
    assert np.sum(problem.run(module, "conv_input_grad", x, w, g) * x) == form
    assert np.sum(problem.run(module, "conv_weight_grad", x, w, g) * w) == form


@given(problems(np.float64, geometries(symmetric=True), empty=[None]))
def test_reference_matches_torch(problem):
    torch = pytest.importorskip("torch")
    geometry = problem.geometry
    assume(0 not in geometry.spatial)
    x, w, g = (torch.from_numpy(np.array(array)).requires_grad_() for array in problem.arrays())
    function = getattr(torch.nn.functional, f"conv{len(geometry.spatial)}d")
    padding = tuple(low for low, _ in geometry.padding)
    out = function(x, w, None, geometry.stride, padding, geometry.dilation, problem.groups)
    expected = [out, *torch.autograd.grad(out, (x, w), g)]
    for name, value in zip(TERMS, expected, strict=True):
        got = problem.run(reference, name, *problem.arrays())
        np.testing.assert_allclose(got, value.detach().numpy(), rtol=1e-12, atol=1e-12, strict=True)


def test_by_hand():
    x, w, g = np.array([[[1.0, 2, 3, 4]]]), np.array([[[1.0, 10]]]), np.array([[[1.0, 100]]])
    for module in (reference, cpu):
        motion = (2,), ((1, 0),), (1,), 1
        np.testing.assert_array_equal(module.conv(x, w, *motion), [[[10, 32]]])
        np.testing.assert_array_equal(module.conv_input_grad(g, w, (4,), *motion), [[[10, 100, 1000, 0]]])
        np.testing.assert_array_equal(module.conv_weight_grad(x, g, (2,), *motion), [[[200, 301]]])


@pytest.fixture
def restore_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


@pytest.mark.parametrize("stride", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("thin", [1, 16])
@pytest.mark.parametrize("name", TERMS)
@pytest.mark.usefixtures("restore_threads")
def test_threads_change_no_bit(name, thin, stride):
    problem = fixed_problem(plane(stride=stride), batch=5)
    results = []
    for count in (1, 2, 3):
        threads.set_num_threads(count)
        with cut_into_blocks(300, thin):
            results.append(problem.run(cpu, name, *problem.arrays()))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.usefixtures("restore_threads")
def test_concurrent_calls_agree():
    """One caller gets the threads, the others run on their own."""
    threads.set_num_threads(2)
    problem = fixed_problem(plane((40, 40)), batch=16)
    expected = problem.run(cpu, "conv_weight_grad", *problem.arrays())
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(problem.run, cpu, "conv_weight_grad", *problem.arrays()) for _ in range(24)]
        for call in calls:
            np.testing.assert_array_equal(call.result(), expected)


FORKED = """
import os
import numpy as np
from minigrad import kernels
from minigrad.kernels import threads

threads.set_num_threads(2)
x, w = np.ones((4, 2, 8, 8)), np.ones((3, 2, 3, 3))
def total():
    return kernels.conv(x, w, (1, 1), ((0, 0), (0, 0)), (1, 1), 1).sum()
before = total()
child = os.fork()
if child == 0:
    os._exit(0 if total() == before else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_runs_in_a_forked_child():
    assert subprocess.run([sys.executable, "-c", FORKED], check=False, timeout=120).returncode == 0


def test_blas_threads_are_restored():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    problem = fixed_problem(plane())
    problem.run(cpu, "conv", *problem.arrays())
    before = threadpoolctl.threadpool_info()
    problem.run(cpu, "conv", *problem.arrays())
    assert threadpoolctl.threadpool_info() == before
