"""Losses as modules: they hold the arguments, `minigrad.nn.functional` has the mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.core import Tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import choice, fraction, number, size
from minigrad.nn.functional.loss.shared import REDUCTIONS
from minigrad.nn.module import Module


class Loss(Module):
    """What losses share: a function of `minigrad.nn.functional`, and arguments of the same names for it.

    Weights, which are tensors or None, are buffers.
    """

    function: ClassVar[Callable[..., Tensor]]
    reductions: ClassVar[tuple[str, ...]] = REDUCTIONS
    arguments: tuple[str, ...] = ()

    def __init__(self, reduction: str = "mean") -> None:
        choice(type(self).__name__, "reduction", reduction, self.reductions)
        self.hold(reduction=reduction)

    def hold(self, **arguments: Any) -> None:
        """Keep arguments for the function."""
        self.arguments = (*self.arguments, *arguments)
        for name, value in arguments.items():
            if name in WEIGHTS:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        return type(self).function(*inputs, **named, **{name: getattr(self, name) for name in self.arguments})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.arguments if name not in WEIGHTS)


WEIGHTS = ("weight", "pos_weight")

# ---- one of several classes


class CrossEntropyLoss(Loss):
    """-log softmax(x)_y: see `F.cross_entropy`.

    >>> nn.CrossEntropyLoss()(mg.tensor([[0.0, 0.0]]), mg.tensor([1]))
    tensor(0.693147)
    """

    function = staticmethod(F.cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        super().__init__(reduction)
        self.hold(weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing)


class NLLLoss(Loss):
    """-x_y, for log-probabilities x: see `F.nll_loss`.

    >>> nn.NLLLoss()(mg.tensor([[-1.0, -2.0]]), mg.tensor([1]))
    tensor(2.)
    """

    function = staticmethod(F.nll_loss)

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.hold(weight=weight, ignore_index=ignore_index)


class CTCLoss(Loss):
    """-log of the probability of a label sequence, over all alignments: see `F.ctc_loss`.

    >>> log_probs = F.log_softmax(mg.zeros((3, 1, 2)), dim=2)
    >>> nn.CTCLoss()(log_probs, mg.tensor([[1]]), (3,), (1,))
    tensor(0.287682)
    """

    function = staticmethod(F.ctc_loss)

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        size("CTCLoss", "blank", blank)
        super().__init__(reduction)
        self.hold(blank=blank, zero_infinity=zero_infinity)


class HingeLoss(Loss):
    """The sum over the wrong classes j of max(0, margin + x_j - x_y)^p: see `F.hinge_loss`.

    >>> nn.HingeLoss()(mg.tensor([[3.0, 2.5, 5.0]]), mg.tensor([0]))
    tensor(3.5)
    """

    function = staticmethod(F.hinge_loss)

    def __init__(self, margin: float = 1.0, p: int = 1, reduction: str = "mean") -> None:
        choice("HingeLoss", "p", p, (1, 2))
        number("HingeLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(margin=margin, p=p)


class SquaredHingeLoss(Loss):
    """The sum over the wrong classes j of max(0, margin + x_j - x_y)^2: see `F.squared_hinge_loss`.

    >>> nn.SquaredHingeLoss()(mg.tensor([[3.0, 2.5, 5.0]]), mg.tensor([0]))
    tensor(9.25)
    """

    function = staticmethod(F.squared_hinge_loss)

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        number("SquaredHingeLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(margin=margin)


class MultiMarginLoss(Loss):
    """The mean over the classes of the hinge: see `F.multi_margin_loss`.

    >>> nn.MultiMarginLoss()(mg.tensor([[3.0, 2.5, 5.0, 0.0]]), mg.tensor([0]))
    tensor(0.875)
    """

    function = staticmethod(F.multi_margin_loss)

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean"
    ) -> None:
        choice("MultiMarginLoss", "p", p, (1, 2))
        number("MultiMarginLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(p=p, margin=margin, weight=weight)


class RBFLoss(Loss):
    """d_y + log(exp(-j) + sum_i exp(-d_i)), LeNet-5's loss of squared distances: see `F.rbf_loss`.

    >>> nn.RBFLoss(j=2.0)(mg.tensor([[1.0, 3.0]]), mg.tensor([0]))
    tensor(0.407606)
    """

    function = staticmethod(F.rbf_loss)

    def __init__(self, j: float = 1.0, reduction: str = "mean") -> None:
        number("RBFLoss", "j", j, above=0)
        super().__init__(reduction)
        self.hold(j=j)


# ---- yes or no, once or several times


class BCELoss(Loss):
    """Binary cross-entropy of probabilities: see `F.binary_cross_entropy`.

    >>> nn.BCELoss()(mg.tensor([0.5]), mg.tensor([1.0]))
    tensor(0.693147)
    """

    function = staticmethod(F.binary_cross_entropy)

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.hold(weight=weight)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of sigmoid(x): see `F.binary_cross_entropy_with_logits`.

    >>> nn.BCEWithLogitsLoss()(mg.tensor([0.0]), mg.tensor([1.0]))
    tensor(0.693147)
    """

    function = staticmethod(F.binary_cross_entropy_with_logits)

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(reduction)
        self.hold(weight=weight, pos_weight=pos_weight)


class SoftMarginLoss(Loss):
    """log(1 + exp(-y x)), for y = 1 or -1: see `F.soft_margin_loss`.

    >>> nn.SoftMarginLoss()(mg.tensor([0.0]), mg.tensor([-1.0]))
    tensor(0.693147)
    """

    function = staticmethod(F.soft_margin_loss)


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the binary cross-entropy: see `F.multilabel_soft_margin_loss`.

    >>> nn.MultiLabelSoftMarginLoss()(mg.tensor([[0.0, 1000.0]]), mg.tensor([[1.0, 1.0]]))
    tensor(0.346574)
    """

    function = staticmethod(F.multilabel_soft_margin_loss)

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.hold(weight=weight)


class MultiLabelMarginLoss(Loss):
    """The hinge between each right class and each wrong one: see `F.multilabel_margin_loss`.

    >>> nn.MultiLabelMarginLoss()(mg.tensor([[0.1, 0.2, 0.4, 0.8]]), mg.tensor([[3, 0, -1, 1]]))
    tensor(0.85)
    """

    function = staticmethod(F.multilabel_margin_loss)


# ---- numbers


class MSELoss(Loss):
    """(x - y)^2: see `F.mse_loss`.

    >>> nn.MSELoss()(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    function = staticmethod(F.mse_loss)


class L1Loss(Loss):
    """|x - y|: see `F.l1_loss`.

    >>> nn.L1Loss()(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(1.)
    """

    function = staticmethod(F.l1_loss)


class SmoothL1Loss(Loss):
    """(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2: see `F.smooth_l1_loss`.

    >>> nn.SmoothL1Loss()(mg.tensor([0.5, 3.0]), mg.tensor([0.0, 0.0]))
    tensor(1.3125)
    """

    function = staticmethod(F.smooth_l1_loss)

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        number("SmoothL1Loss", "beta", beta, at_least=0)
        super().__init__(reduction)
        self.hold(beta=beta)


class HuberLoss(Loss):
    """(x - y)^2 / 2 where |x - y| < delta, else delta (|x - y| - delta / 2): see `F.huber_loss`.

    >>> nn.HuberLoss(delta=2.0)(mg.tensor([0.5, 3.0]), mg.tensor([0.0, 0.0]))
    tensor(2.0625)
    """

    function = staticmethod(F.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        number("HuberLoss", "delta", delta, above=0)
        super().__init__(reduction)
        self.hold(delta=delta)


class EuclideanLoss(Loss):
    """|x - y|^2 / 2 for each sample: see `F.euclidean_loss`.

    >>> nn.EuclideanLoss()(mg.tensor([[1.0, 2.0]]), mg.tensor([[1.0, 4.0]]))
    tensor(2.)
    """

    function = staticmethod(F.euclidean_loss)


# ---- distributions


class KLDivLoss(Loss):
    """y (log y - x), from probabilities y to exp(x): see `F.kl_div`.

    >>> nn.KLDivLoss(reduction="batchmean")(mg.log(mg.tensor([[0.5, 0.5]])), mg.tensor([[1.0, 0.0]]))
    tensor(0.693147)
    """

    function = staticmethod(F.kl_div)
    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.hold(log_target=log_target)


class PoissonNLLLoss(Loss):
    """exp(x) - y x: see `F.poisson_nll_loss`.

    >>> nn.PoissonNLLLoss()(mg.tensor([0.0]), mg.tensor([3.0]))
    tensor(1.)
    """

    function = staticmethod(F.poisson_nll_loss)

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        number("PoissonNLLLoss", "eps", eps, at_least=0)
        super().__init__(reduction)
        self.hold(log_input=log_input, full=full, eps=eps)


class GaussianNLLLoss(Loss):
    """(log v + (x - y)^2 / v) / 2, of the mean x, the target y and the variance v: see `F.gaussian_nll_loss`.

    >>> nn.GaussianNLLLoss()(mg.tensor([1.0]), mg.tensor([3.0]), mg.tensor([4.0]))
    tensor(1.193147)
    """

    function = staticmethod(F.gaussian_nll_loss)

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        number("GaussianNLLLoss", "eps", eps, at_least=0)
        super().__init__(reduction)
        self.hold(full=full, eps=eps)


# ---- pairs and triples


class HingeEmbeddingLoss(Loss):
    """x where y = 1, max(0, margin - x) where y = -1: see `F.hinge_embedding_loss`.

    >>> nn.HingeEmbeddingLoss()(mg.tensor([0.25]), mg.tensor([-1.0]))
    tensor(0.75)
    """

    function = staticmethod(F.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        number("HingeEmbeddingLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(margin=margin)


class MarginRankingLoss(Loss):
    """max(0, margin - y (x1 - x2)): see `F.margin_ranking_loss`.

    >>> nn.MarginRankingLoss()(mg.tensor([1.0]), mg.tensor([3.0]), mg.tensor([1.0]))
    tensor(2.)
    """

    function = staticmethod(F.margin_ranking_loss)

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        number("MarginRankingLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(margin=margin)


class CosineEmbeddingLoss(Loss):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1: see `F.cosine_embedding_loss`.

    >>> nn.CosineEmbeddingLoss()(mg.tensor([[3.0, 0.0]]), mg.tensor([[0.0, 2.0]]), mg.tensor([1]))
    tensor(1.)
    """

    function = staticmethod(F.cosine_embedding_loss)

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        number("CosineEmbeddingLoss", "margin", margin)
        super().__init__(reduction)
        self.hold(margin=margin)


class TripletMarginLoss(Loss):
    """max(0, margin + d(a, p) - d(a, n)): see `F.triplet_margin_loss`.

    >>> nn.TripletMarginLoss()(mg.zeros((1, 2)), mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 1.0]]))
    tensor(5.00000)
    """

    function = staticmethod(F.triplet_margin_loss)

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        number("TripletMarginLoss", "margin", margin, above=0)
        number("TripletMarginLoss", "p", p, above=0)
        number("TripletMarginLoss", "eps", eps)
        super().__init__(reduction)
        self.hold(margin=margin, p=p, eps=eps, swap=swap)


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of one's own: see `F.triplet_margin_with_distance_loss`.

    >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: mg.sum(mg.abs(a - b), axis=-1))
    >>> loss(mg.zeros((1, 2)), mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 1.0]]))
    tensor(7.)
    """

    function = staticmethod(F.triplet_margin_with_distance_loss)

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        number("TripletMarginWithDistanceLoss", "margin", margin, above=0)
        super().__init__(reduction)
        self.hold(distance_function=distance_function, margin=margin, swap=swap)
