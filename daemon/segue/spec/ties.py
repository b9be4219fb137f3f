"""Ties: what a flow has to do with the rest of its repository - what it declares for those who call it, and which flows,
files and secrets it names. Gathered when the flow is read, with the places, so that whoever knows all flows of a commit
can tell what is missing there without reading any text again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from segue.expression.uses import Called, Hole
from segue.model.revision import FlowKey
from segue.spec.catalogue import PREFIX
from segue.spec.document import Document
from segue.spec.fields import has_expression
from segue.spec.finding import Path, path_text
from segue.spec.nested import Role
from segue.spec.reading import Object
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import Template

_CALLS: Final = ("core.flow.Subflow", "core.flow.ForEachItem")
_FLOW_TRIGGER: Final = PREFIX + "core.trigger.Flow"
_EXECUTION_FLOW: Final = PREFIX + "core.condition.ExecutionFlow"
_SCHEME: Final = "nsfile://"
# Expressions that the text of the flow itself answers.
_OWN: Final[Mapping[str, str]] = {"flow.namespace": "namespace", "flow.id": "id"}
_READERS: Final = frozenset({"read", "fileURI", "fileSize", "isFileEmpty"})


class Place(Struct, frozen=True):
    """Where in the file it stands; `is_certain` if nothing keeps the flow from coming to it."""

    line: int
    column: int
    where: str
    is_certain: bool = True


class Call(Struct, frozen=True, kw_only=True):
    """A task that runs another flow. `inputs` are the names that it gives, with their places; None if only running
    tells. `outputs` are the names it reads of what comes back."""

    task_id: str
    key: FlowKey
    place: Place
    inputs: Mapping[str, Place] | None
    outputs: Mapping[str, Place] = field(default_factory=dict)


class Upstream(Struct, frozen=True):
    """A flow, or all of a namespace, whose executions a trigger waits for."""

    namespace: str | None
    flow_id: str | None
    place: Place


class NamedFile(Struct, frozen=True):
    """A namespace file."""

    namespace: str
    path: str
    place: Place


class NamedSecret(Struct, frozen=True):
    name: str
    place: Place


class Ties(Struct, frozen=True, kw_only=True):
    """`inputs` by full id: must a caller give it."""

    path: str
    key: FlowKey
    inputs: Mapping[str, bool] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()
    calls: tuple[Call, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    files: tuple[NamedFile, ...] = ()
    secrets: tuple[NamedSecret, ...] = ()


def ties_of(subject: Subject, document: Document, path: str) -> Ties:
    raw = subject.flow.raw
    gatherer = _Gatherer(subject, document)
    return Ties(
        path=path,
        key=FlowKey(str(raw.get("namespace")), str(raw.get("id"))),
        inputs=dict(_inputs(subject.flow.under("inputs"))),
        outputs=frozenset(str(each.get("id")) for each in _maps(raw.get("outputs"))),
        calls=tuple(gatherer.calls()),
        upstream=tuple(gatherer.upstream()),
        files=tuple(gatherer.files()),
        secrets=tuple(gatherer.secrets()),
    )


def _inputs(inputs: tuple[Object, ...], prefix: str = "") -> Iterator[tuple[str, bool]]:
    for each in inputs:
        raw, inner = each.raw, each.under("inputs")
        if inner:
            yield from _inputs(inner, f"{prefix}{each.id}.")
            continue
        has_value = raw.get("defaults") is not None or raw.get("autoSelectFirst") is True
        yield prefix + each.id, raw.get("required") is not False and not has_value and "dependsOn" not in raw


def _maps(given: Any) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


class _Gatherer:
    def __init__(self, subject: Subject, document: Document) -> None:
        self._subject = subject
        self._document = document
        self._namespace = str(subject.flow.raw.get("namespace"))

    def calls(self) -> Iterator[Call]:
        for task in self._subject.tasks(*_CALLS):
            namespace, flow_id = self._plain(task.raw.get("namespace")), self._plain(task.raw.get("flowId"))
            spot = self._subject.outline.by_place.get(task.where)
            if namespace is None or flow_id is None or (spot is not None and spot.is_disabled):
                continue
            yield Call(
                task_id=task.id,
                key=FlowKey(namespace, flow_id),
                place=self._place((*task.where, "flowId")),
                inputs=self._given(task),
                outputs=dict(self._outputs_read(task.id)),
            )

    def _given(self, task: Object) -> Mapping[str, Place] | None:
        given = task.raw.get("inputs")
        if given is None:
            return {}
        if not isinstance(given, dict) or any(has_expression(name) for name in given):
            return None
        return {str(name): self._place((*task.where, "inputs", name), at_key=True) for name in given}

    def _outputs_read(self, task_id: str) -> Iterator[tuple[str, Place]]:
        for template in self._subject.templates:
            for use in template.examined.uses:
                match use.path:
                    case ("outputs", str(read), "outputs", str(name), *_) if read == task_id and not use.is_guarded:
                        yield name, self._inside(template, use.line, use.column, is_conditional=use.is_conditional)

    def upstream(self) -> Iterator[Upstream]:
        for trigger in self._subject.objects(Role.TRIGGER):
            if trigger.type == _FLOW_TRIGGER and trigger.raw.get("disabled") is not True:
                for where, wanted in _waited_for(trigger):
                    namespace, flow_id = wanted.get("namespace"), wanted.get("flowId")
                    if not has_expression(namespace) and not has_expression(flow_id):
                        key = "flowId" if flow_id is not None else "namespace"
                        yield Upstream(_text(namespace), _text(flow_id), self._place((*where, key)))

    def files(self) -> Iterator[NamedFile]:
        for template, call in self._literal_calls(_READERS, "path"):
            namespace = call.given.get("namespace", self._namespace)
            path = call.given["path"]
            if isinstance(namespace, str) and "://" not in path:
                yield NamedFile(namespace, path.removeprefix("/"), self._of_call(template, call))
        for where, address in self._addresses():
            named = address.removeprefix(_SCHEME).partition("/")
            yield NamedFile(named[0] or self._namespace, named[2], self._place(where))

    def _addresses(self) -> Iterator[tuple[Path, str]]:
        for each in self._subject.objects(Role.INPUT):
            yield from _addresses_in(each.raw.get("defaults"), (*each.where, "defaults"))
        for each in self._subject.tasks():
            yield from _addresses_in(each.raw.get("inputFiles"), (*each.where, "inputFiles"))

    def secrets(self) -> Iterator[NamedSecret]:
        for template, call in self._literal_calls(frozenset({"secret"}), "key"):
            yield NamedSecret(call.given["key"].upper(), self._of_call(template, call))

    def _literal_calls(self, names: frozenset[str], argument: str) -> Iterator[tuple[Template, Called]]:
        for template in self._subject.templates:
            for call in template.examined.calls:
                given = call.given.get(argument, Hole.ANY)
                if call.name in names and isinstance(given, str):
                    yield template, call

    def _plain(self, given: object) -> str | None:
        """The text that it comes to, if the flow's own text says so."""
        if not has_expression(given):
            return _text(given)
        inside = str(given).strip().removeprefix("{{").removesuffix("}}").strip()
        return _text(self._subject.flow.raw.get(_OWN[inside])) if inside in _OWN else None

    def _of_call(self, template: Template, call: Called) -> Place:
        return self._inside(template, call.line, call.column, is_conditional=call.is_conditional)

    def _inside(self, template: Template, line: int, column: int, *, is_conditional: bool) -> Place:
        at = self._document.place_inside(template.where, line, column)
        spot = self._subject.spot_of(template)
        is_off = spot is not None and spot.is_disabled
        return Place(*at, path_text(template.where), not (is_conditional or is_off or template.is_rendered_elsewhere))

    def _place(self, where: Path, *, at_key: bool = False) -> Place:
        return Place(*self._document.place(where, at_key=at_key), path_text(where))


def _text(given: object) -> str | None:
    return None if given is None else str(given)


def _waited_for(trigger: Object) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    preconditions = trigger.raw.get("preconditions")
    flows = preconditions.get("flows") if isinstance(preconditions, dict) else None
    for index, each in enumerate(_maps(flows)):
        yield (*trigger.where, "preconditions", "flows", index), each
    for index, each in enumerate(_maps(trigger.raw.get("dependsOn"))):
        yield (*trigger.where, "dependsOn", index), each
    for condition in trigger.under("conditions"):
        if condition.type == _EXECUTION_FLOW:
            yield condition.where, condition.raw


def _addresses_in(value: Any, where: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str) and value.startswith(_SCHEME) and not has_expression(value):
        yield where, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _addresses_in(each, (*where, name))
