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


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


def rank_of(package: str) -> int:
    return next(rank for rank, members in enumerate(RANKS) if package in members)


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module or ""
            if node.module == "segue":
                yield from (f"segue.{alias.name}" for alias in node.names if not alias.name.startswith("__"))


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_imports_go_down_only(module: Path) -> None:
    own = module.relative_to(PACKAGE).parts[0]
    if own.endswith(".py"):
        return
    for imported in imports_of(ast.parse(module.read_text())):
        parts = imported.split(".")
        if parts[0] != "segue" or len(parts) == 1 or parts[1] == own:
            continue
        allowed = rank_of(parts[1]) < rank_of(own) or parts[1] in SIDEWAYS.get(own, set())
        assert allowed, f"{own} may not import {imported}"


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_the_core_does_no_input_or_output_and_reads_no_clock(module: Path) -> None:
    if module.relative_to(PACKAGE).parts[0] not in PURE:
        return
    tree = ast.parse(module.read_text())
    touched = {imported.split(".")[0] for imported in imports_of(tree)} & BANNED_IN_PURE
    assert not touched, f"imports {touched}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS:
            owner = ast.unparse(node.func.value)
            assert owner.split(".")[-1] not in {"datetime", "date", "time"}, f"line {node.lineno} reads the clock"


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_imports_stand_at_the_top_and_types_are_imported_for_real(module: Path) -> None:
    tree = ast.parse(module.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert not inner, f"line {inner[0].lineno}: an import inside a function"
        assert not (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"), "a TYPE_CHECKING block"


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_nothing_is_named_for_a_drawer_or_a_rank(module: Path) -> None:
    assert module.stem not in BANNED_NAMES
    assert not BANNED_NAMES & set(module.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(BANNED_CLASS_ENDINGS), f"line {node.lineno}: class {node.name}"


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_every_module_opens_by_saying_what_lives_in_it(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text())), "no module docstring"


def test_no_module_knows_that_it_is_tested() -> None:
    for module in MODULES:
        assert "pytest" not in module.read_text(), module
