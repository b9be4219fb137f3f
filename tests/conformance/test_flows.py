"""Every flow of this repository is one: it loads, and the linter finds no error in it or in what it names."""

import shutil
from pathlib import Path
from typing import Final

import pytest
from segue.cli.flow_files import FlowFiles
from segue.model.problem import Severity
from segue.tasks import packages

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = (
    "flows",
    "examples/etl-repository/flows",
    "tests/conformance/flows",
    "tests/conformance/blueprints/flows",
    "tests/end_to_end/behaviour",
)
FILES: Final = sorted(
    str(path.relative_to(ROOT))
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.yaml")
    if path.parent.name not in {"drafts", "_tests"}  # what the example ignores, and tests of flows
)

Faults = dict[str, list[str]]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """What is wrong by file, each folder being the flows of a repository."""
    files, found = FlowFiles(packages.catalogue()), Faults()
    placed = {folder: tmp_path_factory.mktemp("repository") / "flows" for folder in FOLDERS}
    for folder, copy in placed.items():
        (copy.parent / ".git").mkdir()
        shutil.copytree(ROOT / folder, copy, ignore=shutil.ignore_patterns("drafts"))
        files.look_at(copy)
    files.look_around()
    assert files.flows == len(FILES)
    for folder, copy in placed.items():
        for problem in files.problems:
            if problem.severity is Severity.ERROR and Path(problem.path).is_relative_to(copy):
                file = f"{folder}/{Path(problem.path).relative_to(copy)}"
                found.setdefault(file, []).append(f"{problem.code} {problem.message}")
    return found


@pytest.mark.parametrize("file", FILES)
def test_a_flow_loads_without_an_error(faults: Faults, file: str) -> None:
    assert faults.get(file, []) == []


def test_there_are_as_many_as_the_shared_tables_have_to_load() -> None:
    assert len(FILES) >= 108
