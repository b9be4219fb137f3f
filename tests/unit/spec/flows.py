"""Short ways to read a flow in tests, with every type of the language counted as there to run."""

from textwrap import dedent

from msgspec.structs import replace
from segue.model.flow import Flow
from segue.model.problem import Problem
from segue.spec.catalogue import BUILT_IN, Catalogue
from segue.spec.loader import Loaded, load_flow

EVERYTHING = Catalogue(replace(entry, available=True) for entry in BUILT_IN)

LOG = "  - {id: log, type: core.log.Log, message: hi}"


def load(text: str, **around: object) -> Loaded:
    return load_flow(dedent(text), path="flow.yaml", **{"catalogue": EVERYTHING, **around})  # type: ignore[arg-type]


def flow_of(text: str, **around: object) -> Flow:
    loaded = load(text, **around)
    assert loaded.flow is not None, "\n".join(map(str, loaded.problems))
    return loaded.flow


def problems_of(text: str, **around: object) -> tuple[Problem, ...]:
    return load(text, **around).problems


def with_head(body: str) -> str:
    """A flow's text of the part that matters."""
    return "id: x\nnamespace: a.b\n" + dedent(body)


def with_task(task: str) -> str:
    """A flow of one task, given as the lines below its dash."""
    lines = dedent(task).strip().splitlines()
    return with_head("tasks:\n  - " + "\n    ".join(lines) + "\n")


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]
