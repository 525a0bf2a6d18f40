"""The mathematics of the layers as pure functions, named and called as in `torch.nn.functional`.

>>> F.relu(F.linear(mg.ones((1, 2)), mg.ones((3, 2)), mg.zeros(3)))
tensor([[2., 2., 2.]])
"""

from minigrad.nn.functional.activation import (
    gelu,
    glu,
    gumbel_softmax,
    log_softmax,
    logsigmoid,
    mish,
    scaled_tanh,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softsign,
    tanh,
    tanh_linear,
    tanhshrink,
)
from minigrad.nn.functional.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    global_avg_pool,
    global_max_pool,
)
from minigrad.nn.functional.affine import bilinear, linear
from minigrad.nn.functional.attention import scaled_dot_product_attention
from minigrad.nn.functional.conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from minigrad.nn.functional.distance import cosine_similarity, normalize, pairwise_distance
from minigrad.nn.functional.dropping import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from minigrad.nn.functional.encoding import one_hot
from minigrad.nn.functional.folding import fold, unfold
from minigrad.nn.functional.lookup import embedding, embedding_bag
from minigrad.nn.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    ctc_loss,
    euclidean_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    poisson_nll_loss,
    rbf_loss,
    smooth_l1_loss,
    soft_margin_loss,
    squared_hinge_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from minigrad.nn.functional.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from minigrad.nn.functional.padding import pad
from minigrad.nn.functional.penalty import activation_penalty
from minigrad.nn.functional.piecewise import (
    celu,
    elu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    noisy_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    softshrink,
    threshold,
)
from minigrad.nn.functional.pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from minigrad.nn.functional.positions import sinusoidal_positions
from minigrad.nn.functional.recurrent import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from minigrad.nn.functional.resampling import interpolate
from minigrad.nn.functional.shuffling import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minigrad.nn.functional.units import maxout, rbf
from minigrad.nn.functional.unpooling import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    "linear", "bilinear", "maxout", "rbf",
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "unfold", "fold", "pad",
    "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "global_avg_pool", "global_max_pool",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "interpolate",
    "gelu", "glu", "gumbel_softmax", "log_softmax", "logsigmoid", "mish", "scaled_tanh", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softsign", "tanh", "tanh_linear", "tanhshrink",
    "celu", "elu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "noisy_relu", "prelu", "relu",
    "relu6", "rrelu", "selu", "softshrink", "threshold",
    "batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm", "local_response_norm",
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "activation_penalty",
    "embedding", "embedding_bag", "one_hot", "rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell",
    "scaled_dot_product_attention", "sinusoidal_positions", "normalize", "cosine_similarity", "pairwise_distance",
    "cross_entropy", "nll_loss", "hinge_loss", "squared_hinge_loss", "multi_margin_loss", "multilabel_margin_loss",
    "rbf_loss", "ctc_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss", "soft_margin_loss",
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "euclidean_loss",
    "kl_div", "poisson_nll_loss", "gaussian_nll_loss",
    "hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]
