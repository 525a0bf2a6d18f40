"""The table of operations: one row each, with a NumPy, SciPy or textbook reference. See `rows` for what a row says."""

import itertools
import math

import numpy as np
import scipy.special
from hypothesis import strategies as st

import minigrad as mg
from minigrad import ops
from minigrad.checking import strategies as mgst
from tests.ops.rows import Case, array_of, at_least, cases, indices, one_axis, positive, real, reduction, row

MIDDLE = real(-0.9, 0.9)
NONZERO = real(away_from=(0.0,))
DISTINCT = real(separated=True)
STEPS = real(away_from=tuple(np.arange(-3, 3.5, 0.5)))  # away from the jumps of floor and round
anywhere = (real(), real())


def by_digamma_series(x):
    """Recurrence up to 12 and beyond, then the asymptotic series (Abramowitz & Stegun 6.3.18)."""
    x = np.asarray(x, float)
    shift = sum(1 / (x + k) for k in range(12))
    z = x + 12
    bernoulli = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12]
    return np.log(z) - 1 / (2 * z) - sum(b / z ** (2 * i + 2) for i, b in enumerate(bernoulli)) - shift


def by_hurwitz_zeta(x, order):
    return (-1.0) ** (order + 1) * math.factorial(order) * scipy.special.zeta(order + 1, x)


ARITHMETIC = [
    row(mg.add, inputs=anywhere, reference=np.add, integers="int32", specials=2),
    row(mg.subtract, inputs=anywhere, reference=np.subtract, integers="int32", specials=2),
    row(mg.multiply, inputs=anywhere, reference=np.multiply, integers="int32", specials=2),
    row(mg.divide, inputs=(real(), NONZERO), reference=np.divide, integers="float32", specials=2),
    row(mg.negative, reference=np.negative, integers="int32", specials=1),
    row(mg.positive, reference=np.positive, integers="int32", specials=1),
    row(mg.square, reference=np.square, integers="int32", specials=1),
    row(mg.reciprocal, inputs=NONZERO, reference=np.reciprocal, specials=1),
    row(mg.pow, inputs=(positive, real()), reference=np.power, specials=2),
    row(
        lambda x, n: x**n,
        name="pow of a negative base",
        inputs=real(away_from=(0.0,)),
        options=lambda shape: st.fixed_dictionaries({"n": st.sampled_from([-2, -1, 0, 1, 2, 3, 3.0])}),
        reference=lambda x, n: np.power(x, float(n)),
    ),
    row(lambda x: x**2, name="pow 2", reference=np.square, integers="int32"),
    row(lambda x: 2.0**x, name="pow of a scalar base", reference=lambda x: np.power(2.0, x)),
    row(mg.floor_divide, inputs=(STEPS, real(0.9, 1.1)), reference=np.floor_divide, integers="int32", specials=2),
    row(mg.remainder, inputs=(STEPS, real(0.99, 1.01)), reference=np.remainder, integers="int32", specials=2),
    row(mg.hypot, inputs=(NONZERO, real()), reference=np.hypot, integers="float32", specials=2),
    row(mg.logaddexp, inputs=anywhere, reference=np.logaddexp, specials=2),
    row(mg.logaddexp2, inputs=anywhere, reference=np.logaddexp2, specials=2, rtol=1e-12),
]

FUNCTIONS = [
    row(mg.exp, reference=np.exp, integers="float32", specials=1),
    row(mg.exp2, reference=np.exp2, integers="float32", specials=1),
    row(mg.expm1, reference=np.expm1, integers="float32", specials=1),
    row(mg.log, inputs=real(0.01, 50), reference=np.log, integers="float32", specials=1),
    row(mg.log2, inputs=real(0.01, 50), reference=np.log2, integers="float32", specials=1),
    row(mg.log10, inputs=real(0.01, 50), reference=np.log10, integers="float32", specials=1),
    row(mg.log1p, inputs=real(-0.9, 50), reference=np.log1p, integers="float32", specials=1),
    row(mg.sqrt, inputs=real(0.01, 50), reference=np.sqrt, integers="float32", specials=1),
    row(mg.sigmoid, inputs=real(-300, 300), reference=scipy.special.expit, integers="float32", specials=1),
    row(
        ops.elementwise.logistic_density,
        inputs=real(-300, 300),
        reference=lambda x: scipy.special.expit(x) * scipy.special.expit(-x),
        integers="float32",
        specials=1,
    ),
    row(mg.logit, inputs=real(0.01, 0.99), reference=scipy.special.logit, specials=1, rtol=1e-12),
    row(mg.sin, reference=np.sin, integers="float32", specials=1),
    row(mg.cos, reference=np.cos, integers="float32", specials=1),
    row(mg.tan, inputs=real(-1.4, 1.4), reference=np.tan, integers="float32", specials=1),
    row(mg.asin, inputs=MIDDLE, reference=np.arcsin, integers="float32", specials=1),
    row(mg.acos, inputs=MIDDLE, reference=np.arccos, integers="float32", specials=1),
    row(mg.atan, reference=np.arctan, integers="float32", specials=1),
    row(mg.atan2, inputs=(NONZERO, real()), reference=np.arctan2, integers="float32", specials=2),
    row(mg.sinh, reference=np.sinh, integers="float32", specials=1),
    row(mg.cosh, reference=np.cosh, integers="float32", specials=1),
    row(mg.tanh, inputs=real(-300, 300), reference=np.tanh, integers="float32", specials=1),
    row(mg.asinh, reference=np.arcsinh, integers="float32", specials=1),
    row(mg.acosh, inputs=real(1.1, 50), reference=np.arccosh, integers="float32", specials=1),
    row(mg.atanh, inputs=MIDDLE, reference=np.arctanh, integers="float32", specials=1),
    row(mg.erf, reference=np.vectorize(math.erf, [float]), integers="float32", specials=1),
    row(mg.erfc, inputs=real(-3, 10), reference=np.vectorize(math.erfc, [float]), integers="float32", specials=1),
    row(mg.lgamma, inputs=real(0.1, 30), reference=np.vectorize(math.lgamma, [float]), integers="float32", rtol=1e-12),
    row(mg.digamma, inputs=real(0.1, 30), reference=by_digamma_series, rtol=1e-11),
    row(
        mg.polygamma,
        inputs=real(0.1, 30),
        options=lambda shape: st.fixed_dictionaries({"order": st.integers(1, 3)}),
        reference=by_hurwitz_zeta,
        rtol=1e-11,
    ),
    row(mg.xlogy, inputs=(real(), positive), reference=scipy.special.xlogy, specials=2, rtol=1e-12),
    row(mg.sinc, reference=np.sinc, integers="float32", rtol=1e-12),
]

PIECEWISE = [
    row(mg.abs, inputs=NONZERO, reference=np.abs, integers="int32", specials=1),
    row(ops.elementwise.relu, inputs=NONZERO, reference=lambda x: np.maximum(x, 0), integers="int32", specials=1),
    row(mg.sign, inputs=NONZERO, reference=np.sign, integers="int32", specials=1),
    row(mg.floor, inputs=STEPS, reference=np.floor, specials=1),
    row(mg.ceil, inputs=STEPS, reference=np.ceil, specials=1),
    row(mg.trunc, inputs=STEPS, reference=np.trunc, specials=1),
    row(mg.round, inputs=STEPS, reference=np.round, specials=1),
    row(mg.maximum, inputs=(real(), real(-3.1, 3.3)), reference=np.maximum, integers="int32", specials=2),
    row(mg.minimum, inputs=(real(), real(-3.1, 3.3)), reference=np.minimum, integers="int32", specials=2),
    row(mg.fmax, inputs=(real(), real(-3.1, 3.3)), reference=np.fmax, specials=2),
    row(mg.fmin, inputs=(real(), real(-3.1, 3.3)), reference=np.fmin, specials=2),
    row(
        mg.clip,
        inputs=real(away_from=(-1.0, 2.0)),
        options=lambda shape: st.fixed_dictionaries({}, optional={"min": st.just(-1), "max": st.just(2)}),
        reference=lambda x, min=None, max=None: np.clip(x, min, max),
        integers="int32",
        specials=1,
    ),
    row(mg.copysign, inputs=(NONZERO, NONZERO), reference=np.copysign, specials=2),
    row(mg.heaviside, inputs=(NONZERO, real()), reference=np.heaviside, specials=2),
    row(mg.nan_to_num, reference=np.nan_to_num, specials=1),
    row(
        lambda x, y: mg.where(x > y + 0.1, mg.sin(x), y),
        name="where",
        inputs=anywhere,
        reference=lambda x, y: np.where(x > y + 0.1, np.sin(x), y),
    ),
]

LOGIC = (
    [
        row(fn, inputs=(real(-2, 2),) * 2, reference=reference, smooth=False, integers="bool", specials=2)
        for fn, reference in [
            (mg.equal, np.equal),
            (mg.not_equal, np.not_equal),
            (mg.less, np.less),
            (mg.less_equal, np.less_equal),
            (mg.greater, np.greater),
            (mg.greater_equal, np.greater_equal),
            (mg.logical_and, np.logical_and),
            (mg.logical_or, np.logical_or),
            (mg.logical_xor, np.logical_xor),
            (mg.isclose, np.isclose),
        ]
    ]
    + [
        row(fn, reference=reference, smooth=False, integers="bool", specials=1)
        for fn, reference in [
            (mg.logical_not, np.logical_not),
            (mg.isnan, np.isnan),
            (mg.isinf, np.isinf),
            (mg.isfinite, np.isfinite),
        ]
    ]
    + [row(mg.signbit, reference=np.signbit, smooth=False, specials=1)]
)


def nonempty(shape):
    """Reductions over at least one element."""
    return at_least(0, side=1)


def axis_or_all(shape):
    """axis= of argmax: None or one axis."""
    axes = st.none() | (st.integers(-len(shape), len(shape) - 1) if shape else st.nothing())
    return st.fixed_dictionaries({"axis": axes, "keepdims": st.booleans()})


def corrections(shape):
    """correction= of var, below the number of elements."""
    return st.fixed_dictionaries({"axis": st.sampled_from([None, 0, -1]), "correction": st.sampled_from([0, 1, 0.5])})


def norms(shape):
    """ord= and axis= of norm."""
    orders = st.sampled_from([1, 2, 3, 2.5, 0.5, np.inf, -np.inf])
    return st.fixed_dictionaries({"ord": orders, "axis": st.sampled_from([None, *range(-len(shape), len(shape))])})


def by_norm(x, ord, axis):
    magnitudes = np.abs(x)
    if np.isinf(ord):
        return magnitudes.max(axis) if ord > 0 else magnitudes.min(axis)
    return (magnitudes**ord).sum(axis) ** (1 / ord)


def by_logsumexp(x, axis=None, keepdims=False):
    shape = np.sum(x, axis=axis, keepdims=keepdims).shape  # SciPy's is (1,) for a 0-d x with keepdims
    return np.reshape(scipy.special.logsumexp(x, axis=axis, keepdims=keepdims), shape)


REDUCTIONS = [
    row(mg.sum, options=reduction, reference=np.sum, integers="int64", specials=1, rtol=1e-12),
    row(
        mg.mean, options=reduction, shape=at_least(0, 1), reference=np.mean, integers="float32", specials=1, rtol=1e-12
    ),
    row(mg.prod, options=reduction, reference=np.prod, integers="int64", specials=1, rtol=1e-12),
    row(
        mg.max, inputs=DISTINCT, options=reduction, shape=at_least(0, 1), reference=np.max, integers="int32", specials=1
    ),
    row(
        mg.min, inputs=DISTINCT, options=reduction, shape=at_least(0, 1), reference=np.min, integers="int32", specials=1
    ),
    row(mg.var, options=corrections, shape=at_least(1, 2), reference=np.var, integers="float32", rtol=1e-12),
    row(mg.std, inputs=DISTINCT, options=corrections, shape=at_least(1, 2), reference=np.std, rtol=1e-12),
    row(mg.logsumexp, options=reduction, shape=at_least(0, 1), reference=by_logsumexp, specials=1, rtol=1e-12),
    row(
        mg.norm,
        inputs=real(0.2, 3.0, separated=True),
        options=norms,
        shape=at_least(1, 1),
        reference=by_norm,
        rtol=1e-12,
    ),
    row(mg.nansum, options=reduction, reference=np.nansum, specials=1, rtol=1e-12),
    row(mg.nanmean, options=reduction, shape=at_least(0, 1), reference=np.nanmean, rtol=1e-12),
    row(mg.argmax, options=axis_or_all, shape=at_least(0, 1), reference=np.argmax, smooth=False, integers="int64"),
    row(mg.argmin, options=axis_or_all, shape=at_least(0, 1), reference=np.argmin, smooth=False, integers="int64"),
    row(mg.any, options=reduction, reference=np.any, smooth=False, integers="bool", specials=1),
    row(mg.all, options=reduction, reference=np.all, smooth=False, integers="bool", specials=1),
    row(mg.count_nonzero, options=reduction, reference=np.count_nonzero, smooth=False, integers="int64"),
    row(mg.cumsum, options=one_axis, shape=at_least(1), reference=np.cumsum, specials=1, rtol=1e-12),
    row(mg.cumprod, options=one_axis, shape=at_least(1), reference=np.cumprod, specials=1, rtol=1e-12),
    row(mg.diff, options=one_axis, shape=at_least(1, 1), reference=np.diff, integers="int32", rtol=1e-12),
]


@cases
def recurrences(draw):
    shape = draw(at_least(1))
    return Case((array_of(draw, shape, min=-1.0, max=1.0), array_of(draw, shape)))


def by_recurrence(a, b):
    out = b.copy()
    for i in range(1, b.shape[-1]):
        out[..., i] = a[..., i] * out[..., i - 1] + b[..., i]
    return out


REDUCTIONS.append(row(ops.reduce.linear_recurrence, inputs=recurrences, reference=by_recurrence, rtol=1e-12))

# ---- movement


def reshaped(shape):
    n = math.prod(shape)
    options = [(n,), (1, n), (*reversed(shape),), shape]
    return st.fixed_dictionaries({"shape": st.sampled_from([*options, *([(-1,)] if n else [])])})


def permuted(shape):
    return st.fixed_dictionaries({"axes": st.permutations(range(len(shape)))})


def some_axes(shape):
    choice = st.none() | st.lists(st.integers(0, len(shape) - 1) if shape else st.nothing(), unique=True).map(tuple)
    return st.fixed_dictionaries({"axis": choice})


def widened(shape):
    return st.fixed_dictionaries({"shape": st.sampled_from([(2, *shape), shape, (0, *shape), (3, 2, *shape)])})


def rolled(shape):
    return st.fixed_dictionaries({"shift": st.integers(-5, 5), "axis": st.none() | st.integers(0, len(shape) - 1)})


def bordered(shape):
    width = st.tuples(st.integers(0, 3), st.integers(0, 3))
    return st.fixed_dictionaries(
        {"widths": st.tuples(*[width] * len(shape)), "constant_values": st.sampled_from([0, 7])}
    )


def padded(shape):
    width = st.tuples(st.integers(0, 3), st.integers(0, 3))
    modes = st.sampled_from(["edge", "reflect", "symmetric", "wrap"])
    return st.fixed_dictionaries({"widths": st.tuples(*[width] * len(shape)), "mode": modes})


def tiled(shape):
    return st.fixed_dictionaries({"repetitions": st.lists(st.integers(0, 3), max_size=4).map(tuple)})


def repeated(shape):
    return st.fixed_dictionaries({"repeats": st.integers(0, 3), "axis": st.none() | st.integers(0, len(shape) - 1)})


def offsets(shape):
    return st.fixed_dictionaries({"k": st.integers(-3, 3)})


def diagonals(shape):
    pair = st.permutations(range(len(shape))).map(lambda p: p[:2])
    return st.builds(lambda o, p: {"offset": o, "axis1": p[0], "axis2": p[1]}, st.integers(-2, 2), pair)


def two_axes(shape):
    pair = st.permutations(range(len(shape))).map(lambda p: tuple(p[:2]))
    return st.fixed_dictionaries({"k": st.integers(-4, 4), "axes": pair})


def moved(shape):
    axis = st.integers(-len(shape), len(shape) - 1)
    return st.fixed_dictionaries({"source": axis, "destination": axis})


@cases
def several(draw):
    """Arrays that differ along the axis they are joined along."""
    shape = list(draw(at_least(1)))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        shape[axis] = draw(st.integers(0, 3))
        parts.append(array_of(draw, tuple(shape)))
    return Case(tuple(parts), {"axis": axis})


@cases
def alike(draw):
    shape = draw(mgst.shapes(max_dims=2))
    parts = tuple(array_of(draw, shape) for _ in range(draw(st.integers(1, 3))))
    return Case(parts, {"axis": draw(st.integers(-len(shape) - 1, len(shape)))})


def by_reshape(x, shape):
    return np.reshape(x, shape)


def by_permute(x, axes):
    return np.transpose(x, axes)


def by_pad(x, widths, mode="constant", **options):
    return np.pad(x, widths, mode, **options)


def by_tile(x, repetitions):
    return np.tile(x, repetitions)


def cut_in_two(x, axis):
    """The halves of an axis, joined in the other order: split and concat together."""
    return mg.concat(mg.split(x, [1], axis)[::-1], axis)


def by_cut_in_two(x, axis):
    return np.concatenate(np.split(x, [1], axis)[::-1], axis)


MOVEMENT = [
    row(mg.reshape, options=reshaped, reference=by_reshape, integers="int32"),
    row(mg.permute_dims, options=permuted, reference=by_permute, integers="int32"),
    row(mg.matrix_transpose, shape=at_least(2), reference=lambda x: np.swapaxes(x, -1, -2), integers="int32"),
    row(mg.moveaxis, options=moved, shape=at_least(1), reference=np.moveaxis, integers="int32"),
    row(mg.broadcast_to, options=widened, reference=np.broadcast_to, integers="int32"),
    row(
        lambda x, y: mg.broadcast_arrays(x, y)[0],
        name="broadcast_arrays",
        inputs=anywhere,
        reference=lambda x, y: np.broadcast_arrays(x, y)[0],
    ),
    row(
        mg.expand_dims,
        options=lambda s: st.fixed_dictionaries({"axis": st.integers(-len(s) - 1, len(s))}),
        reference=np.expand_dims,
        integers="int32",
    ),
    row(mg.squeeze, reference=np.squeeze, integers="int32"),
    row(mg.flatten, reference=np.ravel, integers="int32"),
    row(mg.flip, options=some_axes, reference=np.flip, integers="int32"),
    row(mg.rot90, options=two_axes, shape=at_least(2), reference=np.rot90, integers="int32"),
    row(mg.roll, options=rolled, shape=at_least(1), reference=np.roll, integers="int32"),
    row(
        lambda *xs, axis: mg.concat(xs, axis),
        name="concat",
        inputs=several,
        reference=lambda *xs, axis: np.concatenate(xs, axis),
        integers="int32",
    ),
    row(
        lambda *xs, axis: mg.stack(xs, axis),
        name="stack",
        inputs=alike,
        reference=lambda *xs, axis: np.stack(xs, axis),
        integers="int32",
    ),
    row(cut_in_two, name="split", options=one_axis, shape=at_least(1), reference=by_cut_in_two, integers="int32"),
    row(
        lambda x, axis: mg.unstack(x, axis)[-1],
        name="unstack",
        options=one_axis,
        shape=at_least(1, 1),
        reference=lambda x, axis: np.take(x, -1, axis),
        integers="int32",
    ),
    row(mg.tile, options=tiled, shape=mgst.shapes(max_dims=2), reference=by_tile, integers="int32"),
    row(mg.repeat, options=repeated, shape=at_least(1), reference=np.repeat, integers="int32"),
    row(mg.pad, options=bordered, shape=mgst.shapes(min_dims=1, max_dims=2), reference=by_pad, integers="int32"),
    row(
        mg.pad,
        name="pad with copies",
        options=padded,
        shape=mgst.shapes(1, 2, min_side=1),
        reference=by_pad,
        integers="int32",
    ),
    row(mg.tril, options=offsets, shape=at_least(2), reference=np.tril, integers="int32"),
    row(mg.triu, options=offsets, shape=at_least(2), reference=np.triu, integers="int32"),
    row(mg.diagonal, options=diagonals, shape=at_least(2), reference=np.diagonal, integers="int32"),
    row(mg.diag, options=offsets, shape=mgst.shapes(min_dims=1, max_dims=2), reference=np.diag, integers="int32"),
    row(mg.trace, shape=at_least(2), reference=np.trace, integers="int64", rtol=1e-12),
    row(lambda x: x.astype(mg.float64), name="astype", reference=lambda x: x, integers="float64"),
]

# ---- indexing


@cases
def updates_by_slice(draw):
    x = array_of(draw, draw(at_least(1, 1)))
    key = tuple(slice(draw(st.integers(0, n - 1)), None, draw(st.integers(1, 2))) for n in x.shape)
    return Case((x, array_of(draw, x[key].shape)), {"key": key})


def by_update(x, value, key):
    out = x.copy()
    out[key] = value
    return out


@cases
def placements(draw):
    shape = draw(at_least(1, 1))
    key = tuple(slice(draw(st.integers(0, n - 1)), None, draw(st.integers(1, 2))) for n in shape)
    return Case((array_of(draw, np.zeros(shape)[key].shape),), {"key": key, "shape": shape})


def by_placement(g, key, shape):
    return by_update(np.zeros(shape), g, key)


@cases
def gathers(draw):
    """Integer arrays for the first axes; they broadcast together."""
    x = array_of(draw, draw(at_least(1, 1)))
    count = draw(st.integers(1, x.ndim))
    shapes = draw(mgst.broadcastable_shapes(count, max_dims=2))
    picks = tuple(indices(draw, s, n) for s, n in zip(shapes, x.shape))
    return Case((x, *picks), {"axes": tuple(range(count))})


def by_gather(x, *picks, axes):
    return x[picks]


@cases
def scatters(draw):
    """One index array into the first axis, or one each into the first two; indices repeat."""
    shape = draw(at_least(1, 1))
    count = draw(st.integers(1, min(2, len(shape))))
    n = draw(st.integers(0, 5))
    picks = tuple(indices(draw, (n,), size) for size in shape[:count])
    return Case((array_of(draw, (n, *shape[count:])), *picks), {"axes": tuple(range(count)), "shape": shape})


def by_scatter(g, *picks, axes, shape):
    out = np.zeros(shape)
    for position in range(len(g)):
        out[tuple(p[position] for p in picks)] += g[position]
    return out


@cases
def updates_by_index(draw):
    x = array_of(draw, draw(at_least(1, 1)))
    picks = np.array(sorted(draw(st.sets(st.integers(0, x.shape[0] - 1)))), np.int64)
    return Case((x, array_of(draw, (len(picks), *x.shape[1:])), picks), {"axes": (0,)})


def by_update_at(x, value, picks, axes):
    return by_update(x, value, picks)


@cases
def picks_along(draw):
    x = array_of(draw, draw(at_least(1, 1)))
    axis = draw(st.integers(0, x.ndim - 1))
    shape = (*x.shape[:axis], draw(st.integers(0, 4)), *x.shape[axis + 1 :])
    return Case((x, indices(draw, shape, x.shape[axis])), {"axis": axis})


@cases
def additions_along(draw):
    shape = draw(at_least(1, 1))
    axis = draw(st.integers(0, len(shape) - 1))
    picked = (*shape[:axis], draw(st.integers(0, 4)), *shape[axis + 1 :])
    return Case((array_of(draw, picked), indices(draw, picked, shape[axis])), {"axis": axis, "shape": shape})


def by_addition_along(g, index, axis, shape):
    out = np.zeros(shape)
    for place in np.ndindex(g.shape):
        out[(*place[:axis], index[place], *place[axis + 1 :])] += g[place]
    return out


@cases
def takes(draw):
    x = array_of(draw, draw(at_least(1, 1)))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    n = x.size if axis is None else x.shape[axis]
    return Case((x, indices(draw, draw(mgst.shapes(max_dims=2)), n)), {"axis": axis})


def by_sort(x, axis, descending):
    return -np.sort(-x, axis) if descending else np.sort(x, axis)


def by_argsort(x, axis, descending):
    return np.argsort(-x if descending else x, axis, stable=True)


def by_topk(x, k, axis, largest):
    return np.take(by_sort(x, axis, largest), np.arange(k), axis)


def sortings(shape):
    return st.fixed_dictionaries({"axis": st.integers(-len(shape), len(shape) - 1), "descending": st.booleans()})


def top(shape):
    axis = st.integers(0, len(shape) - 1)
    return axis.flatmap(
        lambda a: st.fixed_dictionaries({"k": st.integers(0, shape[a]), "axis": st.just(a), "largest": st.booleans()})
    )


INDEXING = [
    row(ops.indexing.slice_update, inputs=updates_by_slice, reference=by_update),
    row(ops.indexing.place, inputs=placements, reference=by_placement),
    row(ops.indexing.gather, inputs=gathers, reference=by_gather),
    row(ops.indexing.scatter_add, inputs=scatters, reference=by_scatter, rtol=1e-12),
    row(ops.indexing.gather_update, inputs=updates_by_index, reference=by_update_at),
    row(mg.take_along_axis, inputs=picks_along, reference=np.take_along_axis),
    row(ops.indexing.scatter_add_along, inputs=additions_along, reference=by_addition_along, rtol=1e-12),
    row(mg.take, inputs=takes, reference=np.take),
    row(lambda x: x[..., ::-1, None], name="slice", shape=at_least(1), reference=lambda x: x[..., ::-1, None]),
    row(mg.sort, inputs=DISTINCT, options=sortings, shape=at_least(1), reference=by_sort, integers="int32"),
    row(mg.argsort, options=sortings, shape=at_least(1), reference=by_argsort, smooth=False, integers="int64"),
    row(
        lambda x, **kw: mg.topk(x, **kw)[0],
        name="topk",
        inputs=DISTINCT,
        options=top,
        shape=at_least(1),
        reference=by_topk,
        integers="int32",
    ),
]

# ---- products


@cases
def matmuls(draw):
    """Every kind of matmul: vectors, matrices, stacks that broadcast."""
    m, k, n = (draw(st.integers(0, 4)) for _ in range(3))
    left, right = draw(mgst.broadcastable_shapes(2, max_dims=2))
    a = draw(st.sampled_from([(k,), (m, k), (*left, m, k)]))
    b = draw(st.sampled_from([(k,), (k, n), (*right, k, n)]))
    return Case((array_of(draw, a), array_of(draw, b)))


EQUATIONS = [
    "ij,jk->ik",
    "ij,kj->ik",
    "i,i->",
    "ij->ji",
    "ii->i",
    "ii",
    "ij->",
    "...i,...i->...",
    "bij,bjk->bik",
    "ij,jk,kl->il",
    "i,j->ij",
    "ijk,jil->kl",
    "ij,i->j",
    "ijj->i",
    "a,b,c->abc",
    "bi,ij,bj->b",
]


@cases
def einsums(draw):
    equation = draw(st.sampled_from(EQUATIONS))
    sizes = {letter: draw(st.integers(0, 3)) for letter in sorted(set(equation) - set("->,."))}
    dots = draw(mgst.shapes(max_dims=2)) if "..." in equation else ()
    terms = equation.split("->")[0].split(",")
    shapes = [(*(dots if "..." in t else ()), *(sizes[c] for c in t.replace("...", ""))) for t in terms]
    return Case(tuple(array_of(draw, s) for s in shapes), {"equation": equation})


@cases
def tensordots(draw):
    shared = draw(mgst.shapes(max_dims=2))
    a, b = draw(mgst.shapes(max_dims=1)), draw(mgst.shapes(max_dims=2))
    return Case((array_of(draw, (*a, *shared)), array_of(draw, (*shared, *b))), {"axes": len(shared)})


@cases
def outers(draw):
    return Case((array_of(draw, draw(mgst.shapes(max_dims=1))), array_of(draw, draw(mgst.shapes(max_dims=1)))))


@cases
def rows_of_vectors(draw):
    shape = draw(at_least(1))
    return Case((array_of(draw, shape), array_of(draw, shape)))


PRODUCTS = [
    row(mg.matmul, inputs=matmuls, reference=np.matmul, integers="int32", rtol=1e-12),
    row(
        lambda *xs, equation: mg.einsum(equation, *xs),
        name="einsum",
        inputs=einsums,
        reference=lambda *xs, equation: np.einsum(equation, *xs),
        rtol=1e-12,
    ),
    row(mg.tensordot, inputs=tensordots, reference=np.tensordot, rtol=1e-12),
    row(mg.outer, inputs=outers, reference=np.outer, integers="int32"),
    row(mg.vecdot, inputs=rows_of_vectors, reference=lambda a, b: (a * b).sum(-1), integers="int64", rtol=1e-12),
]

# ---- windows


def window_options(g):
    return {"stride": g.stride, "padding": g.padding, "dilation": g.dilation}


def by_windows(x, window, stride, padding, dilation):
    """Every tap of every window, one strided slice each."""
    padded = np.pad(x, [(0, 0), (0, 0), *padding])
    count = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(padded.shape[2:], window, stride, dilation)]
    out = np.zeros((*x.shape[:2], *count, *window))
    for tap in itertools.product(*map(range, window)):
        start = [k * d for k, d in zip(tap, dilation)]
        part = tuple(slice(a, a + s * (t - 1) + 1, s) for a, s, t in zip(start, stride, count))
        out[(..., *tap)] = padded[(slice(None), slice(None), *part)]
    return out


def by_convolution(x, w, stride, padding, dilation, groups):
    """A sum of products over all windows."""
    dims = x.ndim - 2
    seen = by_windows(x, w.shape[2:], stride, padding, dilation)
    per_group, inputs = w.shape[0] // groups, w.shape[1]
    outs = []
    for g in range(groups):
        block, kernel = seen[:, g * inputs : (g + 1) * inputs], w[g * per_group : (g + 1) * per_group]
        axes = [1, *range(2 + dims, 2 + 2 * dims)]
        outs.append(np.moveaxis(np.tensordot(block, kernel, (axes, list(range(1, 2 + dims)))), -1, 1))
    return np.concatenate(outs, axis=1)


def adjoint(linear, like, g):
    """The transpose of a linear map applied to g, column by column."""
    out = np.zeros(like)
    for place in np.ndindex(*like):
        unit = np.zeros(like)
        unit[place] = 1.0
        out[place] = np.sum(linear(unit) * g)
    return out


@cases
def convolutions(draw):
    g = draw(mgst.windows(max_dims=2))
    groups, per_group, inputs = (draw(st.integers(1, 2)) for _ in range(3))
    x = array_of(draw, (draw(st.integers(0, 2)), groups * inputs, *g.spatial))
    w = array_of(draw, (groups * per_group, inputs, *g.window))
    return Case((x, w), {**window_options(g), "groups": groups})


@cases
def input_convolutions(draw):
    g = draw(mgst.windows(max_dims=2))
    inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    response, w = array_of(draw, (1, outputs, *g.out)), array_of(draw, (outputs, inputs, *g.window))
    return Case((response, w), {**window_options(g), "spatial": g.spatial, "groups": 1})


@cases
def weight_convolutions(draw):
    g = draw(mgst.windows(max_dims=2))
    inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    x, response = array_of(draw, (2, inputs, *g.spatial)), array_of(draw, (2, outputs, *g.out))
    return Case((x, response), {**window_options(g), "kernel": g.window, "groups": 1})


def by_input_convolution(g, w, spatial, **options):
    return adjoint(lambda x: by_convolution(x, w, **options), (g.shape[0], w.shape[1], *spatial), g)


def by_weight_convolution(x, g, kernel, **options):
    return adjoint(lambda w: by_convolution(x, w, **options), (g.shape[1], x.shape[1], *kernel), g)


@cases
def window_cases(draw):
    g = draw(mgst.windows(max_dims=2))
    return Case((array_of(draw, (1, draw(st.integers(0, 2)), *g.spatial)),), {**window_options(g), "window": g.window})


@cases
def fold_cases(draw):
    g = draw(mgst.windows(max_dims=2))
    return Case((array_of(draw, (1, 2, *g.out, *g.window)),), {**window_options(g), "spatial": g.spatial})


def by_fold(cols, spatial, **options):
    window = cols.shape[2 + len(spatial) :]
    return adjoint(lambda x: by_windows(x, window, **options), (*cols.shape[:2], *spatial), cols)


@cases
def pools(draw):
    """Windows without padding, whose maxima are distinct."""
    size, window = draw(st.tuples(*[st.integers(3, 5)] * 2)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    starts = tuple(tuple(range(0, n - k + 1, draw(st.integers(1, 2)))) for n, k in zip(size, window))
    counts = tuple((k,) * len(s) for k, s in zip(window, starts))
    x = array_of(draw, (1, 2, *size), separated=True)
    return Case((x,), {"starts": starts, "counts": counts, "dilation": (1, 1)})


def by_max_indices(x, starts, counts, dilation):
    out = np.zeros((*x.shape[:2], *map(len, starts)), np.int64)
    for i, j in itertools.product(range(len(starts[0])), range(len(starts[1]))):
        top, left = starts[0][i], starts[1][j]
        block = x[:, :, top : top + counts[0][i], left : left + counts[1][j]]
        at = block.reshape(*x.shape[:2], -1).argmax(-1)
        out[:, :, i, j] = (top + at // block.shape[3]) * x.shape[3] + left + at % block.shape[3]
    return out


WINDOWS = [
    row(ops.conv.convolve, inputs=convolutions, reference=by_convolution, rtol=1e-12),
    row(ops.conv.convolve_input, inputs=input_convolutions, reference=by_input_convolution, rtol=1e-12),
    row(ops.conv.convolve_weight, inputs=weight_convolutions, reference=by_weight_convolution, rtol=1e-12),
    row(ops.pool.windows, inputs=window_cases, reference=by_windows),
    row(ops.pool.fold_windows, inputs=fold_cases, reference=by_fold, rtol=1e-12),
    row(ops.pool.max_indices, inputs=pools, reference=by_max_indices, smooth=False),
]

TABLE = ARITHMETIC + FUNCTIONS + PIECEWISE + LOGIC + REDUCTIONS + MOVEMENT + INDEXING + PRODUCTS + WINDOWS

TESTED_ELSEWHERE = {
    "random_uniform": "tests/test_random.py",
    "random_normal": "tests/test_random.py",
    "random_bernoulli": "tests/test_random.py",
    "random_randint": "tests/test_random.py",
    "random_permutation": "tests/test_random.py",
    "recomputed": "tests/test_transforms.py",
    "checked_index": "tests/compiler/test_jit.py",
}
