"""The table of kernels: every name has two twins with one signature, and numba waits for the first use."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad.kernels as kernels


@pytest.mark.parametrize("name", kernels.MODULES)
def test_twins_have_one_signature(name):
    signatures = [inspect.signature(kernels.find(name, package)).parameters for package in ("reference", "cpu")]
    assert list(signatures[0]) == list(signatures[1])
    assert getattr(kernels, name) is kernels.find(name, "cpu")


@pytest.mark.parametrize("name", kernels.MODULES)
def test_reference_is_documented(name):
    assert kernels.find(name, "reference").__doc__


@pytest.mark.parametrize("module", sorted(set(kernels.MODULES.values())))
def test_every_kernel_has_tests(module):
    assert (Path(__file__).parent / f"test_{module}.py").exists()


def test_an_unknown_kernel_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'convolve'"):
        kernels.convolve  # noqa: B018


def test_numba_is_imported_on_first_use():
    code = "import sys, minigrad.kernels as k; assert 'numba' not in sys.modules; k.conv; assert 'numba' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
