"""Mutants that no check of values can reject: what they compute is right. Each with its proof."""

SAME = "the rule is g itself"
ZERO = "the rule is 0, and so is 0 scaled, negated or transposed"
TIE = "differs only at ties, where an extremum has no derivative"
FLOATS = "all tensors of a check are float64: only the dtype is chosen here, not a value"
POWER = "both ways are y x^(y-1), the first for Python numbers y; g, out and x are always tensors"
SHORT = "takes the long way more often, which also comes to x - y, as only one of the two can be infinite"
ZEROS = "only shape and dtype are read, which g, out and x share where y is a number"

UNCHANGED = ["add, x", "add, y", "subtract, x", "remainder, x", "broadcast, x", "cast, x"]
STEPS = ["floor_divide, x", "floor_divide, y", "sign, x", "floor, x", "ceil, x", "trunc, x", "round, x"]
EXTREMA = [("maximum, x", "x"), ("maximum, y", "y"), ("minimum, x", "x"), ("minimum, y", "y")]
IN_SHARE = [
    "in _share: return g * where(equal(g, other), 0.5, where(equal(mine, out), 1.0, 0.0))",
    "in _share: return g * where(equal(mine, g), 0.5, where(equal(mine, out), 1.0, 0.0))",
]

EQUIVALENT = {
    **{(site, "replaced by g"): SAME for site in UNCHANGED},
    **{(site, change): ZERO for site in STEPS for change in ("scaled by 1.001", "negated", "zeroed", "transposed")},
    **{(site, f"_share(g, {mine}, g, out)"): TIE for site, mine in EXTREMA},
    **{(site, change): TIE for site, _ in EXTREMA for change in IN_SHARE},
    **{(site, "return tied * kept(g, x, axes)"): TIE for site in ("reduce_max, x", "reduce_min, x")},
    **{
        (site, f"tied = el.cast(el.equal(x, kept(out, x, axes)), dtype={other}.dtype)"): FLOATS
        for site in ("reduce_max, x", "reduce_min, x")
        for other in ("g", "out")
    },
    ("cast, x", "cast(g, dtype=g.dtype)"): FLOATS,
    ("cast, x", "cast(g, dtype=out.dtype)"): FLOATS,
    **{("pow, x", f"if not isinstance({other}, Tensor):"): POWER for other in ("g", "out", "x")},
    **{("pow, x", f"return g * (y * x ** (y - 1)) if y != 0 else zero({other})"): ZEROS for other in ("out", "x")},
    ("pow, y", "g * out * log(where(equal(out, 0), 1.0, x))"): (
        "x^y is 0 just where x is, but for 0^0, where there is no derivative by y"
    ),
    ("relu, x", "select(less_equal(x, 0), 0.0, g)"): "max(x, 0) <= 0 just where x <= 0",
    **{
        (site, "in _difference: return where(logical_and(equal(x, y), isinf(y)), 0.0, x - y)"): (
            "where x = y, one is infinite just where the other is"
        )
        for site in ("logaddexp, x", "logaddexp, y")
    },
    **{
        (site, f"in _difference: if any((not isinstance(v, Tensor) and math.isfinite(v) for v in ({v}, {v}))):"): SHORT
        for site in ("logaddexp, x", "logaddexp, y")
        for v in ("x", "y")
    },
}
"""By rule and change: the proof."""
