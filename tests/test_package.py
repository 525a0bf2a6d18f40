"""The package as a whole: cheap to import, names that stay what they are, documentation, one-way arrows."""

import ast
import graphlib
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

ROOT = Path(__file__).parents[1] / "minigrad"
SOURCES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}

# What each part of the package may import besides itself. Two things point up: Tensor's methods call ops, and whoever
# uses tensors as a user does may take them from `minigrad`, here `__init__`.
INNER = {"errors", "dtypes", "core", "engine"}
TENSORS = INNER | {"ops", "autograd", "transforms", "recompute", "loops", "custom", "tree", "random", "devices"}
TENSORS |= {"__init__"}
LIBRARY = {"compiler", "nn", "optim", "data", "checking", "curvature", "saving"}
MAY_IMPORT = {
    "errors": set(),
    "kernels": set(),
    "allocator": set(),
    "tree": set(),
    "tables": set(),
    "dtypes": {"errors"},
    "core": {"errors", "dtypes", "engine", "ops", "__init__"},
    "engine": {"errors", "dtypes", "core", "kernels"},
    "devices": INNER | {"kernels"},
    "ops": INNER | {"kernels", "devices"},
    "random": INNER | {"kernels", "ops"},
    "autograd": INNER,
    "transforms": INNER | {"ops", "tree"},
    "recompute": INNER | {"ops", "random", "tree"},
    "custom": INNER,
    "loops": INNER | {"ops", "random", "tree"},
    "compiler": INNER | {"allocator", "kernels", "loops", "ops", "random", "recompute", "tables", "tree"},
    "nn": TENSORS | {"tables"},
    "optim": TENSORS | {"compiler", "nn"},
    "data": TENSORS,
    "saving": TENSORS,
    "checking": TENSORS,
    "curvature": TENSORS | {"optim", "plot"},
    "plot": {"errors"},
    "train": TENSORS | LIBRARY | {"plot"},
    "cli": TENSORS | LIBRARY | {"plot", "train"},
    "__main__": {"cli"},
    "__init__": TENSORS | LIBRARY | {"kernels", "allocator"},
}


def run_python(code):
    """What `code` prints as JSON in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_is_cheap():
    loaded = run_python("import sys, json, minigrad; print(json.dumps(sorted(sys.modules)))")
    roots = {name.partition(".")[0] for name in loaded}
    assert "minigrad" in roots
    late = {"numba", "llvmlite", "scipy", "joblib", "matplotlib", "safetensors", "pooch", "tqdm", "torch"}
    assert roots.isdisjoint(late)


SHADOWED = """
import importlib, json, pkgutil, minigrad

before = {}

def remember(package):
    before.update({(package, name): getattr(package, name) for name in getattr(package, "__all__", ())})

remember(minigrad)
for info in pkgutil.walk_packages(minigrad.__path__, "minigrad."):  # a package comes before its modules
    if not info.name.endswith("__main__"):
        remember(importlib.import_module(info.name))
print(json.dumps([f"{p.__name__}.{name}" for (p, name), value in before.items() if getattr(p, name) is not value]))
"""


def test_no_submodule_replaces_a_public_name():
    """Python binds a submodule in its package when it is first imported, over a function of that name."""
    assert run_python(SHADOWED) == []


def public_packages():
    names = [module.name for module in pkgutil.walk_packages(minigrad.__path__, "minigrad.") if module.ispkg]
    packages = [minigrad, *map(importlib.import_module, names)]
    return [package for package in packages if hasattr(package, "__all__")]


def is_documented(value):
    """Has a docstring of its own: an instance or a subclass does not count its class's."""
    if not callable(value) and not inspect.ismodule(value):
        return True  # a constant is documented where it is defined
    inherited = type(value).__doc__ if not inspect.isclass(value) else None
    return bool(value.__doc__) and value.__doc__ != inherited


def test_every_public_name_is_documented():
    undocumented = [
        f"{package.__name__}.{name}"
        for package in public_packages()
        for name in package.__all__
        if not is_documented(getattr(package, name))
    ]
    assert undocumented == []


def test_every_public_function_and_class_has_an_example():
    without = {
        f"{package.__name__}.{name}"
        for package in public_packages()
        for name in package.__all__
        if callable(getattr(package, name)) and ">>>" not in getattr(package, name).__doc__
    }
    assert {name for name in without if not name.endswith("Error")} == NO_EXAMPLE


# what is not made by a user, and the command's steps, which train and write files
NO_EXAMPLE = {
    "minigrad.checking.Cause", "minigrad.compiler.Jitted",
    *(f"minigrad.train.{name}" for name in ("train", "resume", "predict", "Prediction", "Config", "Display")),
}  # fmt: skip


def test_public_names_are_listed_once():
    assert {"minigrad", "minigrad.nn", "minigrad.nn.functional", "minigrad.optim", "minigrad.data"} <= {
        package.__name__ for package in public_packages()
    }
    for package in public_packages():
        assert len(package.__all__) == len(set(package.__all__)), package.__name__


# ---- layering, read from the sources


class Imports(ast.NodeVisitor):
    """The modules and names of ours that a file imports, and the underscore names it takes from them."""

    def __init__(self, module, is_package):
        self.package = module if is_package else module.rpartition(".")[0]
        self.imported, self.private, self.aliases = set(), set(), set()

    def visit_If(self, node):
        """Imports for type annotations only are no dependency."""
        if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node):
        for alias in node.names:
            self.add(alias.name, alias.asname)

    def visit_ImportFrom(self, node):
        base = self.package.rsplit(".", node.level - 1)[0] if node.level else ""
        source = ".".join(filter(None, [base, node.module]))
        for alias in node.names:
            self.add(f"{source}.{alias.name}", alias.asname or alias.name)

    def add(self, name, bound):
        if name.partition(".")[0] != "minigrad":
            return
        self.imported.add(name)
        self.aliases.add(bound or "minigrad")
        self.check_private(name)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.aliases:
            self.check_private(f"{node.value.id}.{node.attr}")

    def check_private(self, name):
        last = name.rpartition(".")[2]
        if last.startswith("_") and not last.startswith("__"):
            self.private.add(name)


def imports_of(path):
    parts = ["minigrad", *Path(path).with_suffix("").parts]
    is_package = parts[-1] == "__init__"
    visitor = Imports(".".join(parts[:-1] if is_package else parts), is_package)
    visitor.visit(SOURCES[path])
    return visitor


def part_of(name):
    """minigrad.nn.functional.relu -> nn;  minigrad itself, or one of its public names -> __init__."""
    part = name.split(".")[1] if "." in name else "__init__"
    return part if part in MAY_IMPORT else "__init__"


def test_the_table_itself_has_no_cycle():
    upward = ("core", "__init__")
    arrows = {part: allowed - {"__init__"} for part, allowed in MAY_IMPORT.items() if part not in upward}
    assert set(graphlib.TopologicalSorter(arrows).static_order()) >= arrows.keys()  # raises CycleError


@pytest.mark.parametrize("path", SOURCES)
def test_arrows_go_one_way(path):
    part = Path(path).parts[0].removesuffix(".py")
    assert part in MAY_IMPORT, f"minigrad.{part} is new: give it a row in MAY_IMPORT"
    allowed = MAY_IMPORT[part] | {part}
    assert {name for name in imports_of(path).imported if part_of(name) not in allowed} == set()


@pytest.mark.parametrize("path", SOURCES)
def test_no_module_takes_a_private_name(path):
    assert imports_of(path).private == set()


@pytest.mark.parametrize(
    ("source", "imported", "private"),
    [
        ("from minigrad.ops import add", {"minigrad.ops.add"}, set()),
        ("from ..ops import _add", {"minigrad.ops._add"}, {"minigrad.ops._add"}),
        ("from . import loss", {"minigrad.nn.loss"}, set()),
        ("import minigrad.ops as o\no._add", {"minigrad.ops"}, {"o._add"}),
        ("def f():\n    import minigrad", {"minigrad"}, set()),
        ("if TYPE_CHECKING:\n    from minigrad import cli", set(), set()),
        ("import numpy as np\nnp._core", set(), set()),
    ],
)
def test_imports_are_read_right(source, imported, private):
    visitor = Imports("minigrad.nn.linear", is_package=False)
    visitor.visit(ast.parse(source))
    assert (visitor.imported, visitor.private) == (imported, private)
