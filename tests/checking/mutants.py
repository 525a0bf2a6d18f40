"""Gradient rules made wrong, mechanically, to see whether the checker notices.

A mutant is a rule with one change: its result scaled, negated, zeroed, transposed or replaced by the cotangent; or, in
its source or in that of a private function it calls, one term dropped or one argument exchanged for another.
"""

import ast
import copy
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import minigrad as mg
from minigrad.engine import Primitive

Definition = ast.Lambda | ast.FunctionDef


@dataclass(frozen=True)
class Mutant:
    """A changed rule. change: what was changed, or what the changed line reads now."""

    change: str
    rule: Callable


@dataclass(frozen=True)
class Site:
    """A rule in the registry. argument: the name of the input it belongs to; "" for one rule for all inputs."""

    op: Primitive
    argument: str
    rule: Callable

    @property
    def name(self) -> str:
        return f"{self.op.name}, {self.argument}" if self.argument else self.op.name

    @property
    def joint(self) -> bool:
        return not self.argument

    @contextmanager
    def replaced_by(self, rule: Callable) -> Iterator[None]:
        """Let the primitive use another rule inside a block."""
        kept = self.op.rules, self.op.joint_rule
        try:
            if self.joint:
                self.op.joint_rule = rule
            else:
                i = input_names(self.op).index(self.argument)
                self.op.rules = (*kept[0][:i], rule, *kept[0][i + 1 :])
            yield
        finally:
            self.op.rules, self.op.joint_rule = kept


def sites(op: Primitive) -> list[Site]:
    """The rules of a primitive."""
    if op.joint_rule is not None:
        return [Site(op, "", op.joint_rule)]
    return [Site(op, name, rule) for name, rule in zip(input_names(op), op.rules) if rule is not None]


def input_names(op: Primitive) -> list[str]:
    """The inputs of a primitive; its keyword parameters are no inputs."""
    parameters = inspect.signature(op.reference).parameters.values()
    return [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]


def mutants(site: Site) -> list[Mutant]:
    """All changes of one rule."""
    found = [*result_mutants(site), *source_mutants(site.rule, tensor_names(site))]
    for name, helper in private_helpers(site.rule):
        for mutant in source_mutants(helper, arguments(definition(helper))):
            rule = in_scope(site.rule, **{name: mutant.rule})
            found.append(Mutant(f"in {name}: {mutant.change}", rule))
    return list({mutant.change: mutant for mutant in found}.values())


# ---- changes of the result


def transpose(c):
    """The last two axes exchanged, where they are of one length."""
    return mg.matrix_transpose(c) if c.ndim >= 2 and c.shape[-1] == c.shape[-2] else c


CHANGES = {
    "scaled by 1.001": lambda c, g: c * 1.001,
    "negated": lambda c, g: -c,
    "zeroed": lambda c, g: mg.zeros_like(c),
    "transposed": lambda c, g: transpose(c),
    "replaced by g": lambda c, g: g,
}


def result_mutants(site: Site) -> Iterator[Mutant]:
    """The rule with its result changed; of a rule for all inputs, one cotangent at a time."""
    for name, change in CHANGES.items():
        if not site.joint:
            yield Mutant(name, result_changed(site.rule, change))
            continue
        for i in range(named_inputs(site.op) or 2):
            yield Mutant(f"cotangent {i} {name}", cotangent_changed(site.rule, change, i))


def result_changed(rule: Callable, change: Callable) -> Callable:
    return lambda g, *args, **params: change(rule(g, *args, **params), g)


def cotangent_changed(rule: Callable, change: Callable, i: int) -> Callable:
    def mutated(needs, g, *args, **params):
        cotangents = list(rule(needs, g, *args, **params))
        if i < len(cotangents) and cotangents[i] is not None:
            cotangents[i] = change(cotangents[i], g[0] if isinstance(g, tuple) else g)
        return cotangents

    return mutated


# ---- changes of the source


def source_mutants(function: types.FunctionType, tensors: list[str]) -> Iterator[Mutant]:
    """The function with one term dropped or one argument exchanged: tensors for tensors, options for options."""
    original = definition(function)
    options = [name for name in arguments(original) if name not in tensors and name != "needs"]
    for i, node in enumerate(ast.walk(original)):
        for others in alternatives(node, tensors, options):
            mutated = copy.deepcopy(original)
            target = list(ast.walk(mutated))[i]
            swap(mutated, target, others(target))
            ast.fix_missing_locations(mutated)
            yield Mutant(changed_line(original, mutated), rebuilt(function, mutated))


def alternatives(node: ast.AST, tensors: list[str], options: list[str]) -> Iterator[Callable]:
    """Functions that make, out of a node, what could stand in its place."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for names in (tensors, options):
            if node.id in names:
                yield from (functools.partial(named, other) for other in names if other != node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield lambda n: n.operand
    if isinstance(node, ast.BinOp) and not isinstance(node.left, ast.List):  # [None] * n is no term
        yield from DROPS.get(type(node.op), ())


def named(name: str, _: ast.AST) -> ast.Name:
    return ast.Name(name, ast.Load())


def without_left(neutral: int) -> Callable:
    return lambda n: ast.BinOp(ast.Constant(neutral), n.op, n.right)


def without_right(n: ast.BinOp) -> ast.expr:
    return n.left


DROPS = {
    ast.Add: (lambda n: n.right, without_right),
    ast.Sub: (without_left(0), without_right),
    ast.Mult: (lambda n: n.right, without_right),
    ast.Div: (without_left(1), without_right),
    ast.Pow: (without_right,),
    ast.MatMult: (lambda n: n.right, without_right),
}
"""How to drop a term: what is left of the operation without its left, or its right operand."""


def swap(tree: ast.AST, target: ast.AST, replacement: ast.AST) -> None:
    """Put another node in the place of one."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, replacement)
            elif isinstance(value, list) and any(item is target for item in value):
                value[:] = [replacement if item is target else item for item in value]


def changed_line(before: Definition, after: Definition) -> str:
    """What the changed expression or statement reads now."""
    if isinstance(after, ast.Lambda):
        return ast.unparse(after.body)
    lines = zip(ast.unparse(before).splitlines(), ast.unparse(after).splitlines())
    return next((new.strip() for old, new in lines if old != new), "")


# ---- between a function and its source


def definition(function: types.FunctionType) -> Definition:
    """Where a function is written. Lambdas of one line are told apart by the columns that their code remembers."""
    spans = set(function.__code__.co_positions())
    for node in ast.walk(module_tree(function.__module__)):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            return node
        if isinstance(node, ast.Lambda) and span(node.body) in spans:
            return node
    raise LookupError(f"The source of {function} was not found.")


def span(node: ast.expr) -> tuple:
    """Where a node begins and ends, as `co_positions` says it."""
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


@functools.cache
def module_tree(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[name]))


def rebuilt(function: types.FunctionType, node: Definition) -> types.FunctionType:
    """The function that a definition makes, where the original stands."""
    scope = dict(function.__globals__)
    if isinstance(node, ast.Lambda):
        return eval(compile(ast.Expression(node), "<mutant>", "eval"), scope)
    exec(compile(ast.Module([node], []), "<mutant>", "exec"), scope)
    return scope[node.name]


def arguments(node: Definition) -> list[str]:
    """The names of the arguments of a definition, *args and **kwargs apart."""
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def tensor_names(site: Site) -> list[str]:
    """The arguments of a rule that are tensors: the cotangent, the result, the inputs."""
    names = [name for name in arguments(definition(site.rule)) if name != "needs"]
    return names[: 2 + named_inputs(site.op)]


def named_inputs(op: Primitive) -> int:
    """How many inputs a primitive has, those of *inputs apart."""
    return sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(op.reference).parameters.values())


def private_helpers(function: types.FunctionType) -> list[tuple[str, types.FunctionType]]:
    """The functions with a leading underscore that a rule calls: they are part of it."""
    names = [name for name in function.__code__.co_names if name.startswith("_")]
    found = [(name, function.__globals__.get(name)) for name in names]
    return [(name, f) for name, f in found if isinstance(f, types.FunctionType)]


def in_scope(function: types.FunctionType, **replaced: Callable) -> types.FunctionType:
    """The function with some of the globals it reads replaced."""
    scope = function.__globals__ | replaced
    made = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made
