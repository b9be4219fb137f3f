"""The shape of the package, held by reading its source: who may import whom, and what the core may not touch."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "daemon" / "segue"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Rank by rank, lowest first; a package may import those of lower rank, and of its own rank what SIDEWAYS names.
RANKS = [
    {"model"},
    {"spec", "expression"},
    {"engine"},
    {"git", "store", "storage", "tasks", "triggers", "workers", "web"},
    {"runtime"},
    {"cli"},
]
SIDEWAYS = {
    "spec": {"expression"},
    "tasks": {"storage"},
    "workers": {"tasks", "storage", "git"},
    "web": {"store", "storage", "git"},
}
PURE = {"model", "spec", "expression", "engine"}
BANNED_IN_PURE = {
    "os",
    "time",
    "random",
    "logging",
    "sqlite3",
    "subprocess",
    "asyncio",
    "secrets",
    "socket",
    "threading",
}
CLOCK_READS = {"now", "today", "utcnow"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
BANNED_CLASS_ENDINGS = ("Manager", "Service", "Handler", "Helper", "Impl")


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """The source of each module, by its path in the package."""
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in MODULES}


def rank_of(package: str) -> int:
    return next(rank for rank, members in enumerate(RANKS) if package in members)


def package_of(module: str) -> str:
    return module.partition("/")[0]


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module or ""
            if node.module == "segue":
                yield from (f"segue.{alias.name}" for alias in node.names if not alias.name.startswith("__"))


def may_import(own: str, imported: str) -> bool:
    first, _, rest = imported.partition(".")
    other = rest.partition(".")[0]
    if first != "segue" or other in {"", own}:
        return True
    return rank_of(other) < rank_of(own) or other in SIDEWAYS.get(own, set())


def test_imports_go_down_only(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, tree in trees.items()
        if not package_of(module).endswith(".py")
        for imported in imports_of(tree)
        if not may_import(package_of(module), imported)
    ]
    assert not wrong


def test_the_core_does_no_input_or_output(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, tree in trees.items()
        if package_of(module) in PURE
        for imported in imports_of(tree)
        if imported.partition(".")[0] in BANNED_IN_PURE
    ]
    assert not wrong


def test_the_core_reads_no_clock(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in trees.items()
        if package_of(module) in PURE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS
        if ast.unparse(node.func.value).rpartition(".")[2] in {"datetime", "date", "time"}
    ]
    assert not wrong


def test_imports_stand_at_the_top(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module}:{inner.lineno}"
        for module, tree in trees.items()
        for node in tree.body
        for function in ast.walk(node)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in function.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not wrong


def test_types_are_imported_for_real(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
    ]
    assert not wrong


def test_nothing_is_named_for_a_drawer_or_a_rank(trees: dict[str, ast.Module]) -> None:
    drawers = [module for module in trees if BANNED_NAMES & set(module.removesuffix(".py").split("/"))]
    ranks = [
        f"{module}:{node.lineno} class {node.name}"
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_CLASS_ENDINGS)
    ]
    assert (drawers, ranks) == ([], [])


def test_every_module_opens_by_saying_what_lives_in_it(trees: dict[str, ast.Module]) -> None:
    assert not [module for module, tree in trees.items() if not ast.get_docstring(tree)]


def test_no_module_knows_that_it_is_tested() -> None:
    assert not [module for module in MODULES if "pytest" in module.read_text()]
