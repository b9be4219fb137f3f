"""The flow tests of a commit: read, looked at together with the flows there, and which of them a change concerns."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Suites:
    """Those that can be run, and what is wrong with all."""

    suites: tuple[Suite, ...] = ()
    problems: tuple[Problem, ...] = ()


def loaded_at(git_dir: Path, reader: BlobReader, commit: str) -> tuple[LoadedSuite, ...]:
    """All suites of a commit as they are written. Raises GitError, BlobMissing."""
    return tuple(
        loaded
        for file in suite_files(git_dir, reader, commit)
        if file.text is not None
        for loaded in load_suites(file.text, path=file.path, default_namespace=file.namespace)
    )


def looked_at(loaded: Iterable[LoadedSuite], world: Deployment, flows: FlowReader) -> Suites:
    """The same beside the flows of their commit. A suite whose flow is broken has no flow to be looked at with."""
    everything = tuple(loaded)
    wanted = {each.suite.flow for each in everything if each.suite is not None}
    subjects = {key: found for key in wanted if (found := _subject(world, flows, key)) is not None}
    known = frozenset(world.flows) | world.behind | frozenset(world.problems_by_flow)
    problems: list[Problem] = [*duplicate_suites(everything)]
    suites: list[Suite] = []
    for each in everything:
        wrong = (*each.problems, *wrong_with(each, known, subjects))
        problems += wrong
        if each.suite is not None and not any(problem.severity is Severity.ERROR for problem in wrong):
            suites.append(each.suite)
    return Suites(suites=tuple(suites), problems=tuple(problems))


def _subject(world: Deployment, flows: FlowReader, key: FlowKey) -> Subject | None:
    deployed = world.flows.get(key)
    return flows.load(deployed.revision).subject if deployed is not None else None


def concerned(
    suites: Iterable[Suite], before: Mapping[FlowKey, Deployed], after: Mapping[FlowKey, Deployed], touched: Touched
) -> Iterator[Suite]:
    """Suites that a change may have turned: it is of their own text, of their flow or one that it runs, or of files
    that those can read."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}
    for suite in suites:
        reached = _reached(suite.flow, after)
        if (
            touched.is_everything
            or suite.path in touched.tests
            or changed & reached
            or any(_holds_files_of(namespace, reached) for namespace in touched.namespaces)
        ):
            yield suite


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
