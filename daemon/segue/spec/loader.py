"""The text of a flow file -> the flow, or the Problems that keep it from being one. Never raises for what a user can
write."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.model.flow import Flow, PluginDefault
from segue.model.problem import Problem, Severity
from segue.spec.build import flow_of
from segue.spec.catalogue import BUILT_IN, Catalogue
from segue.spec.document import Document, read_documents
from segue.spec.finding import Finding, placed
from segue.spec.plugin_defaults import defaults_written
from segue.spec.reading import Reader
from segue.spec.rules.check import check
from segue.spec.rules.outline import Outline
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import templates_in
from segue.spec.ties import Ties, ties_of


class Loaded(Struct, frozen=True, kw_only=True):
    """The flow unless a problem is an error; all problems, warnings too, by line; the mapping as written; and what
    the flow has to do with others, and the flow as its rules read it, if it could be read so far."""

    flow: Flow | None
    problems: tuple[Problem, ...]
    source: Mapping[str, Any] | None = None
    ties: Ties | None = None
    subject: Subject | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(each for each in self.problems if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(each for each in self.problems if each.severity is Severity.WARNING)


class Surroundings(Struct, frozen=True, kw_only=True):
    """What is known beside the text. `default_namespace` stands in for a missing one, `folder_namespace` is what the
    folder says, `global_defaults` are the plugin defaults of the whole repository (a flow's own win over them).
    `refuse_broken_expressions` makes errors, not warnings, of expressions that can only fail; `looks_ahead` warns of
    what only Kestra 2.0 refuses."""

    path: str
    catalogue: Catalogue = BUILT_IN
    default_namespace: str | None = None
    folder_namespace: str | None = None
    global_defaults: tuple[PluginDefault, ...] = ()
    refuse_broken_expressions: bool = False
    looks_ahead: bool = False


def load_flow(
    text: str | bytes,
    *,
    path: str,
    document: int = 0,
    default_namespace: str | None = None,
    catalogue: Catalogue = BUILT_IN,
    folder_namespace: str | None = None,
    global_defaults: tuple[PluginDefault, ...] = (),
    refuse_broken_expressions: bool = False,
    looks_ahead: bool = False,
) -> Loaded:
    """The flow in one document of a file (`document` counts from 0, empty ones too)."""
    around = Surroundings(
        path=path,
        catalogue=catalogue,
        default_namespace=default_namespace,
        folder_namespace=folder_namespace,
        global_defaults=global_defaults,
        refuse_broken_expressions=refuse_broken_expressions,
        looks_ahead=looks_ahead,
    )
    documents = read_documents(text)
    wanted = next((each for each in documents if each.index == document), None)
    if wanted is None:  # YAML that breaks off earlier, or a file that has become shorter
        wanted = next((each for each in documents[-1:] if each.findings), Document(None, None))
    return load_document(wanted, around)


def load_flows(text: str | bytes, around: Surroundings) -> tuple[Loaded, ...]:
    """A flow for each document of the text that is not empty; at least one."""
    documents = read_documents(text) or (Document(None, None),)
    return tuple(load_document(document, around) for document in documents)


_TELLING: Final = (frozenset({"id", "tasks"}), frozenset({"id", "namespace"}), frozenset({"namespace", "tasks"}))


def resembles_flow(document: Document) -> bool:
    """Is it meant to be a flow: other YAML may lie about in the same folders."""
    return isinstance(document.value, dict) and any(keys <= document.value.keys() for keys in _TELLING)


def load_document(document: Document, around: Surroundings) -> Loaded:
    raw = document.value
    if document.findings:
        return Loaded(
            flow=None,
            problems=placed(document.findings, document, around.path),
            source=raw if isinstance(raw, dict) else None,
        )
    if not isinstance(raw, dict):
        message = "the file is empty" if raw is None else "a flow is a map with `id`, `namespace` and `tasks`"
        finding = Finding(where=(), code="not-a-flow", message=message)
        return Loaded(flow=None, problems=placed((finding,), document, around.path))
    return _load_mapping(raw, document, around)


def _load_mapping(raw: dict[str, Any], document: Document, around: Surroundings) -> Loaded:
    whole = raw
    if raw.get("namespace") is None and around.default_namespace is not None:
        whole = {**raw, "namespace": around.default_namespace}
    written = whole.get("pluginDefaults", whole.get("taskDefaults"))
    own_defaults = defaults_written(written, around.catalogue)
    reader = Reader(around.catalogue, (*around.global_defaults, *own_defaults))
    read = reader.flow(whole)
    everything = tuple(read.walk())
    subject = Subject(
        flow=read,
        everything=everything,
        catalogue=around.catalogue,
        templates=templates_in(read, everything),
        outline=Outline.of(read),
        folder_namespace=around.folder_namespace,
        refuse_broken_expressions=around.refuse_broken_expressions,
        looks_ahead=around.looks_ahead,
    )
    findings = (*reader.findings, *check(subject))
    is_draft = _is_kept(whole, findings)
    problems = placed(map(_noted, findings) if is_draft else findings, document, around.path)
    is_broken = any(each.severity is Severity.ERROR for each in problems)
    return Loaded(
        flow=None if is_broken else _draft_of(whole) if is_draft else flow_of(read, own_defaults),
        problems=problems,
        source=raw,
        ties=ties_of(subject, document, around.path),
        subject=subject,
    )


# Drafts: kept even when they are not right, for nothing runs them.

_NAMES: Final = frozenset({("id",), ("namespace",)})


def _is_kept(raw: Mapping[str, Any], findings: Iterable[Finding]) -> bool:
    """Is it a draft that is not right yet, but says which flow it is."""
    wrong = [each for each in findings if each.severity is Severity.ERROR]
    is_named = all(key in raw for (key,) in _NAMES) and not any(each.where[:1] in _NAMES for each in wrong)
    return raw.get("draft") is True and bool(wrong) and is_named


def _noted(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING)


def _draft_of(raw: Mapping[str, Any]) -> Flow:
    """What is known of it: its name, and that nothing starts it."""
    description = raw.get("description")
    return Flow(
        namespace=str(raw["namespace"]),
        id=str(raw["id"]),
        tasks=(),
        description=description if isinstance(description, str) else "",
        draft=True,
    )
