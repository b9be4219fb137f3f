"""The flow tests of a commit: read, looked at together with the flows there, and which of them a change concerns."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from segue.git.blobs import BlobReader
from segue.git.suite_files import Touched, suite_files
from segue.model.flow_test import Suite
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.runtime.deployed import Deployed, Deployment
from segue.runtime.worlds import FlowReader
from segue.spec.flow_tests import LoadedSuite, duplicate_suites, load_suites, wrong_with
from segue.spec.rules.subject import Subject
from segue.spec.ties import Ties


class LookedAt(Struct, frozen=True, kw_only=True):
    """A suite beside the flows of its commit. `suite` is None if it cannot be run, and `problems` say why."""

    loaded: LoadedSuite
    suite: Suite | None
    problems: tuple[Problem, ...] = ()


def loaded_at(git_dir: Path, reader: BlobReader, commit: str) -> tuple[LoadedSuite, ...]:
    """All suites of a commit as they are written. Raises GitError, BlobMissing."""
    return tuple(
        loaded
        for file in suite_files(git_dir, reader, commit)
        if file.text is not None
        for loaded in load_suites(file.text, path=file.path, default_namespace=file.namespace)
    )


def looked_at(
    loaded: Iterable[LoadedSuite], world: Deployment, flows: FlowReader, *, among: Iterable[LoadedSuite] | None = None
) -> tuple[LookedAt, ...]:
    """The same beside the flows of their commit, where they are `among` others. A suite whose flow is broken has no flow
    to be looked at with."""
    wanted = tuple(loaded)
    keys = {each.suite.flow for each in wanted if each.suite is not None}
    subjects = {key: found for key in keys if (found := _subject(world, flows, key)) is not None}
    known = frozenset(world.flows) | world.behind | frozenset(world.problems_by_flow)
    duplicates = tuple(duplicate_suites(wanted if among is None else among))
    looked = []
    for each in wanted:
        twice = (problem for problem in duplicates if problem.path == each.path)
        problems = (*each.problems, *twice, *wrong_with(each, known, subjects))
        is_broken = any(problem.severity is Severity.ERROR for problem in problems)
        looked.append(LookedAt(loaded=each, suite=None if is_broken else each.suite, problems=problems))
    return tuple(looked)


def _subject(world: Deployment, flows: FlowReader, key: FlowKey) -> Subject | None:
    deployed = world.flows.get(key)
    return flows.load(deployed.revision).subject if deployed is not None else None


def concerned(
    suites: Iterable[LoadedSuite],
    before: Mapping[FlowKey, Deployed],
    after: Mapping[FlowKey, Deployed],
    touched: Touched,
) -> Iterator[LoadedSuite]:
    """Suites that a change may have turned: it is of their own text, of their flow or one that it runs, or of files
    that those can read."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}
    for each in suites:
        reached = _reached(each.suite.flow, after) if each.suite is not None else set()
        if (
            touched.is_everything
            or each.path in touched.tests
            or changed & reached
            or any(_holds_files_of(namespace, reached) for namespace in touched.namespaces)
        ):
            yield each


def _reached(start: FlowKey, flows: Mapping[FlowKey, Deployed]) -> set[FlowKey]:
    """The flow and all that it runs by a name that stands there, however far down."""
    reached, waiting = {start}, [start]
    while waiting:
        deployed = flows.get(waiting.pop())
        ties: Ties | None = deployed.ties if deployed is not None else None
        for call in ties.calls if ties is not None else ():
            if call.key not in reached:
                reached.add(call.key)
                waiting.append(call.key)
    return reached


def _holds_files_of(namespace: str | None, flows: Iterable[FlowKey]) -> bool:
    return namespace is None or any(key.namespace == namespace for key in flows)
