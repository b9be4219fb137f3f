"""Worlds: from what a survey found at a commit to the flows that run there. Reads texts and understands them; decides
by the rule of the last good revision; writes nothing.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Final

from msgspec import Struct, field

from segue.engine.plan import Plan
from segue.engine.revisions import newest_valid
from segue.git.blobs import BlobMissing, BlobReader, BlobTooLarge
from segue.git.sync import Survey
from segue.model.flow import Flow
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey, Revision
from segue.runtime.deployed import Deployed, Deployment
from segue.spec.catalogue import Catalogue
from segue.spec.loader import Loaded, load_flow
from segue.spec.rules.repository import Surroundings, check_repository
from segue.spec.settings import RepositorySettings
from segue.spec.ties import Ties

TEXT_BYTES_MAX: Final = 1 << 20

# Older revisions of a flow, newest first.
OlderRevisions = Callable[[FlowKey], Iterable[Revision]]


class FlowReader(Struct, frozen=True, kw_only=True):
    """Reads a revision's text from the mirror and understands it. For any thread. `files` gives the paths of the files
    that a namespace has at a commit, `secrets` are the names of those that the daemon has, `surroundings` the variables
    that its executions see beside their own."""

    reader: BlobReader
    catalogue: Catalogue
    settings: RepositorySettings = field(default_factory=RepositorySettings)
    files: Callable[[str, str], Collection[str]] | None = None
    secrets: frozenset[str] | None = None
    surroundings: Mapping[str, Any] = field(default_factory=dict)

    def text(self, revision: Revision) -> str | None:
        """The text of the file; None if it is no longer there, too large or no text."""
        try:
            return self.reader.read(revision.blob, size_max=TEXT_BYTES_MAX).decode("utf-8-sig")
        except (BlobMissing, BlobTooLarge, UnicodeDecodeError):
            return None

    def load(self, revision: Revision) -> Loaded:
        text = self.text(revision)
        if text is None:
            problem = Problem(
                path=revision.path, line=0, column=0, code="unreadable", message="The text cannot be read from Git"
            )
            return Loaded(flow=None, problems=(problem,))
        return load_flow(
            text,
            path=revision.path,
            document=revision.document,
            default_namespace=revision.key.namespace,
            catalogue=self.catalogue,
            global_defaults=self.settings.plugin_defaults,
        )

    def deployed(self, revision: Revision) -> Deployed | None:
        """The revision, ready to run; None if its text is not valid."""
        loaded = self.load(revision)
        return self.ready(revision, loaded.flow, loaded.ties) if loaded.flow is not None else None

    def ready(self, revision: Revision, flow: Flow, ties: Ties | None) -> Deployed:
        return Deployed(flow=flow, plan=Plan.of(flow, self.surroundings), revision=revision, ties=ties)


def world_of(
    survey: Survey, before: Deployment, flows: FlowReader, older: OlderRevisions, *, reuse: bool = True
) -> Deployment:
    """The world that the survey found live, which a held head is not. What did not change since `before` is taken from there, unless not to `reuse`
    (because repository-wide settings changed)."""
    live: dict[FlowKey, Deployed] = {}
    problems: dict[FlowKey, tuple[Problem, ...]] = {}
    behind: set[FlowKey] = set()
    for key, standing in survey.live.items():
        wanted = standing.revision
        known = before.flows.get(key) if reuse else None
        if known is not None and known.revision.number == wanted.number:
            live[key] = known
            continue
        loaded = flows.load(wanted)
        found = tuple(loaded.problems)
        if loaded.flow is not None:
            live[key] = flows.ready(wanted, loaded.flow, loaded.ties)
        else:
            fallback = _last_good(key, wanted, known, flows, older)
            if fallback is not None:
                live[key] = fallback
                behind.add(key)
        if found:
            problems[key] = found
    return Deployment(
        commit=survey.checkpoint.head or "",
        flows=live,
        behind=frozenset(behind),
        problems=_by_place(
            (*_all_problems(survey, problems, before, reuse=reuse), *_missing(survey, live, flows, behind))
        ),
        problems_by_flow=_by_flow(survey, problems, before, reuse=reuse),
    )


def has_errors(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _missing(
    survey: Survey, live: Mapping[FlowKey, Deployed], flows: FlowReader, behind: Container[FlowKey]
) -> Iterator[Problem]:
    """What flows name that is not there at this commit. It hangs on all the rest, so it is looked at each time anew."""
    ties = {key: each.ties for key, each in live.items() if each.ties is not None}
    head, files = survey.checkpoint.head, flows.files
    around = Surroundings(
        others=frozenset(survey.live),
        files=cache(partial(files, head)) if files is not None and head is not None else None,
        secrets=None if flows.secrets is None else flows.secrets | flows.settings.secrets,
    )
    return check_repository(ties, around, only=[each for key, each in ties.items() if key not in behind])


def _last_good(
    key: FlowKey, wanted: Revision, known: Deployed | None, flows: FlowReader, older: OlderRevisions
) -> Deployed | None:
    """The newest revision before `wanted` that can run."""
    if known is not None:
        return known
    earlier = (revision for revision in older(key) if revision.number < wanted.number)
    good = newest_valid(earlier, lambda revision: flows.load(revision).flow is not None)
    return flows.deployed(good) if good is not None else None


def _by_flow(
    survey: Survey, new: Mapping[FlowKey, tuple[Problem, ...]], before: Deployment, *, reuse: bool
) -> dict[FlowKey, tuple[Problem, ...]]:
    """Problems of the flows' texts: those found now, and those found before in texts that are still the head's."""
    kept = {}
    if reuse:
        for key, problems in before.problems_by_flow.items():
            standing = survey.live.get(key)
            known = before.flows.get(key)
            if standing and known and known.revision.number == standing.revision.number:
                kept[key] = problems
    return kept | dict(new)


def _all_problems(
    survey: Survey, new: Mapping[FlowKey, tuple[Problem, ...]], before: Deployment, *, reuse: bool
) -> tuple[Problem, ...]:
    of_flows = _by_flow(survey, new, before, reuse=reuse)
    found = [*survey.problems, *(problem for problems in of_flows.values() for problem in problems)]
    return tuple(found)


def _by_place(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.path, problem.line, problem.column)))
