"""Tables of vectors that are looked up by index: Embedding and EmbeddingBag."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from minigrad.core import Tensor
from minigrad.dtypes import DtypeLike
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import float_tensor, number, size
from minigrad.nn.functional.lookup import check_mode, matrix, refuse_sparse, row_number
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import zeros


class Table(Module):
    """What Embedding and EmbeddingBag share: `num_embeddings` vectors of `embedding_dim` numbers, in `weight`."""

    usual: ClassVar[dict[str, Any]] = {
        "padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False,
    }  # fmt: skip
    """The arguments that are shown unless they have this value, in PyTorch's order."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        weight: Any,
        freeze: bool,
        dtype: DtypeLike,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
    ) -> None:
        who = type(self).__name__
        self.num_embeddings = size(who, "num_embeddings", num_embeddings)
        self.embedding_dim = size(who, "embedding_dim", embedding_dim)
        padded = padding_idx is not None
        self.padding_idx = row_number(who, "padding_idx", padding_idx, num_embeddings) if padded else None
        if max_norm is not None:
            number(who, "max_norm", max_norm, at_least=0)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        refuse_sparse(who, sparse)
        self.sparse = sparse
        shape = (self.num_embeddings, self.embedding_dim)
        given = zeros(shape, dtype) if weight is None else float_tensor(who, "_weight", weight)
        if given.shape != shape:
            raise ShapeError(f"[{who}] expected a weight of shape {shape}, got {given.shape}.")
        self.weight = Parameter(given, requires_grad=not freeze)
        if weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table from N(0, 1); the row `padding_idx` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            values = self.weight.data.copy()
            values[self.padding_idx] = 0
            self.weight.assign_(values)

    def extra_repr(self) -> str:
        values = {name: getattr(self, name) for name in self.usual}
        shown = [f", {name}={value!r}" for name, value in values.items() if value != self.usual[name]]
        return f"{self.num_embeddings}, {self.embedding_dim}" + "".join(shown)


class Embedding(Table):
    """y[...] = weight[x[...]]: a trained vector for each of `num_embeddings` words, say.

    num_embeddings, embedding_dim: V vectors of D numbers.  padding_idx: a row that is not trained, and zero to begin
    with.  max_norm, norm_type, scale_grad_by_freq, sparse: see `F.embedding`.
    weight: (V, D), from N(0, 1).  Shapes: integers, any shape -> (*shape, D).

    The gradient has the shape of the table, and an optimizer goes through all of it. Where the table is large and a
    batch reads few rows, train those alone, here by gradient descent; compiled, this touches no other rows:

        rows = table.weight.detach()[ids].requires_grad_()
        loss(rows).backward()
        same = (ids[:, None] == ids).astype(rows.dtype)  # a row that occurs twice gets the gradients of both
        with mg.no_grad():
            table.weight[ids] = rows.detach() - lr * (same @ rows.grad)

    >>> table = nn.Embedding(10, 3, padding_idx=0)
    >>> table(mg.tensor([[1, 0], [4, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        dtype: DtypeLike = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, _weight, _freeze, dtype,
            padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer with these vectors, (V, D); freeze: whether they stay as they are.

        >>> nn.Embedding.from_pretrained(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))(mg.tensor(1))
        tensor([3., 4.])
        """
        vectors = matrix(cls.__name__, "embeddings", embeddings)
        rows, width = vectors.shape
        return cls(rows, width, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, vectors, freeze)

    def forward(self, input: Any) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )


class EmbeddingBag(Table):
    """The sum, mean or maximum of each bag of rows of a table: see `F.embedding_bag`.

    num_embeddings, embedding_dim: V vectors of D numbers.  mode: "sum", "mean" or "max".  include_last_offset: whether
    the offsets end with the number of indices.  padding_idx: a row left out of the bags, and zero to begin with.
    The other arguments: see `F.embedding`.
    weight: (V, D), from N(0, 1).  Shapes: integers (B, L), or (n,) with offsets (B,) -> (B, D).

    >>> bags = nn.EmbeddingBag(10, 3, mode="sum")
    >>> bags(mg.tensor([1, 2, 4, 5, 4]), offsets=mg.tensor([0, 3])).shape
    (2, 3)
    """

    usual: ClassVar[dict[str, Any]] = {
        "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "mode": "", "padding_idx": None,
    }  # fmt: skip

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        dtype: DtypeLike = None,
    ) -> None:
        check_mode("EmbeddingBag", mode, scale_grad_by_freq, sparse)
        self.mode = mode
        self.include_last_offset = include_last_offset
        super().__init__(
            num_embeddings, embedding_dim, _weight, False, dtype,
            padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer with these vectors, (V, D); freeze: whether they stay as they are.

        >>> nn.EmbeddingBag.from_pretrained(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))(mg.tensor([[0, 1]]))
        tensor([[2., 3.]])
        """
        vectors = matrix(cls.__name__, "embeddings", embeddings)
        rows, width = vectors.shape
        layer = cls(
            rows, width, max_norm, norm_type, scale_grad_by_freq, mode, sparse, vectors, include_last_offset,
            padding_idx,
        )  # fmt: skip
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """The bags' values; arguments as for `F.embedding_bag`."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip
