"""What tests that compare with PyTorch share."""

import pytest


@pytest.fixture
def torch(monkeypatch):
    """PyTorch in float64, also for the numbers in optimizers' states and inside of Muon, which would take bfloat16."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)
