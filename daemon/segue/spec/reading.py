"""A document's mapping -> the tree of its typed objects, each completed with its plugin defaults and validated.

Every object with a `type` is validated by the model of that type alone, and what all of its role share (`id`,
`timeout`, `when` ...) by the model of the role. What is wrong is a finding; the walk goes on, so that one look shows
every fault of a flow.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field
from pydantic import BaseModel, Field, ValidationError

from segue.model.flow import PluginDefault
from segue.spec import conditions, inputs, tasks, triggers
from segue.spec.catalogue import PREFIX, Catalogue, TypeEntry
from segue.spec.fields import Spec, Text, keys_of
from segue.spec.finding import Finding, Path, warning
from segue.spec.flow import FlowSpec
from segue.spec.flowables import DependentTask
from segue.spec.nested import Role, Shape, Slot, slots_of
from segue.spec.plugin_defaults import completed
from segue.spec.wording import findings_of


class RunnerCommon(Spec):
    """What task runners share beside their type."""

    type: Text = Field(description="Where the command runs.")
    version: Text | None = Field(default=None, description="Accepted and ignored.")


_SHARED: Final[Mapping[Role, type[Spec]]] = {
    Role.TASK: tasks.TaskCommon,
    Role.TRIGGER: triggers.TriggerCommon,
    Role.CONDITION: conditions.ConditionCommon,
    Role.RUNNER: RunnerCommon,
    Role.INPUT: inputs.InputCommon,
}
_TAKES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.TASK: frozenset({Role.TASK, Role.FLOWABLE}),
    Role.TRIGGER: frozenset({Role.TRIGGER}),
    Role.CONDITION: frozenset({Role.CONDITION}),
    Role.RUNNER: frozenset({Role.RUNNER}),
}
_DEPRECATED: Final[Mapping[str, str]] = {
    PREFIX + "core.debug.Echo": "use io.kestra.plugin.core.log.Log",
    PREFIX + "core.storage.LocalFiles": "use inputFiles and outputFiles",
    PREFIX + "core.flow.EachSequential": "use io.kestra.plugin.core.flow.ForEach",
    PREFIX + "core.flow.EachParallel": "use io.kestra.plugin.core.flow.ForEach with concurrencyLimit",
}
_FILES_FROM_GIT: Final = (
    "namespace files come from Git alone: clone the repository in a task, change the files there, commit and push"
)
_FROM_GIT_ALONE: Final[Mapping[str, str]] = {
    PREFIX + "core.namespace.UploadFiles": _FILES_FROM_GIT,
    PREFIX + "core.namespace.DeleteFiles": _FILES_FROM_GIT,
    PREFIX + "core.namespace.PurgeFiles": "old versions of files are Git's history: there is nothing to purge",
    PREFIX + "core.flow.PurgeFlows": "revisions of flows are Git's history: there is nothing to purge",
}
_REMOVED: Final[Mapping[str, str]] = {
    PREFIX + "core.flow.Template": "write the tasks into a flow and call it by Subflow",
    "io.kestra.core.tasks.flows.Template": "write the tasks into a flow and call it by Subflow",
}


class Object(Struct, frozen=True, kw_only=True):
    """A typed object as read. `raw` is its mapping with defaults put in; `shared` and `own` are its models, None where
    they did not validate; `children` are the objects in it by slot (`tasks`, `cases.<key>` ...)."""

    type: str
    role: Role
    where: Path
    raw: Mapping[str, Any]
    shared: Any = None
    own: Any = None
    children: Mapping[str, tuple["Object", ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """As written, valid or not; empty if there is none."""
        given = self.raw.get("id", self.raw.get("name") if self.role is Role.INPUT else None)
        return str(given) if isinstance(given, str | int | float) else ""

    def under(self, slot: str) -> tuple["Object", ...]:
        return self.children.get(slot, ())

    def walk(self) -> Iterator["Object"]:
        """It and everything below it, parents first."""
        yield self
        for objects in self.children.values():
            for each in objects:
                yield from each.walk()


class Reader(Struct):
    """Reads objects, and keeps what is wrong with them in `findings`."""

    catalogue: Catalogue
    defaults: tuple[PluginDefault, ...]
    findings: list[Finding] = field(default_factory=list)

    def flow(self, raw: Mapping[str, Any]) -> Object:
        """The flow's own keys, and everything in it."""
        own = self._validated(FlowSpec, raw, raw, ())
        return Object(
            type="flow", role=Role.FLOWABLE, where=(), raw=raw, own=own, children=self._children(FlowSpec, raw, ())
        )

    def _children(self, model: type[BaseModel], raw: Mapping[str, Any], where: Path) -> dict[str, tuple[Object, ...]]:
        children: dict[str, tuple[Object, ...]] = {}
        slots = slots_of(model)
        for key, given in raw.items():  # as written, so that findings come in the order of the text
            slot = slots.get(key)
            if slot is None or given is None:
                continue
            for name, values in _members(slot, key, given):
                read = (self._object(slot.role, value, (*where, *step)) for step, value in values)
                children[name] = tuple(each for each in read if each is not None)
        return children

    def _object(self, role: Role, raw: object, where: Path) -> Object | None:
        if not isinstance(raw, dict):
            message = "must not be null" if raw is None else "must be a map"
            self._add(where, "invalid-value", message, hint="an entry with `id` and `type`" if raw else None)
            return None
        match role:
            case Role.DEPENDENT_TASK:
                own = self._validated(DependentTask, raw, raw, where)
                children = self._children(DependentTask, raw, where)
                return Object(type="", role=role, where=where, raw=raw, own=own, children=children)
            case Role.INPUT:
                return self._input(raw, where)
            case _:
                return self._typed(role, raw, where)

    def _typed(self, role: Role, raw: Mapping[str, Any], where: Path) -> Object:
        shared_model = _SHARED[role]
        entry = self._entry(role, raw.get("type"), where)
        if entry is None:
            shared = self._validated(shared_model, raw, _only(raw, keys_of(shared_model)), where)
            return Object(type=str(raw.get("type", "")), role=role, where=where, raw=raw, shared=shared)
        keys = keys_of(shared_model)
        whole = completed(raw, entry, keys | keys_of(entry.model), self.defaults)
        own_raw = {key: value for key, value in whole.items() if key not in keys}
        children = {
            **self._children(shared_model, whole, where),
            **self._children(entry.model, own_raw, where),
        }
        return Object(
            type=entry.name,
            role=entry.role,
            where=where,
            raw=_with_runner(whole, children),
            shared=self._validated(shared_model, whole, _only(whole, keys), where),
            own=self._validated(entry.model, whole, own_raw, where, also=keys),
            children=children,
        )

    def _entry(self, role: Role, name: object, where: Path) -> TypeEntry | None:
        """The type that the object names, if it is one that can stand here."""
        if not isinstance(name, str):
            return None  # the model of the role says that the type is missing
        entry = self.catalogue.resolve(name)
        place = (*where, "type")
        if entry is None or entry.role not in _TAKES[role]:
            self._refuse_type(role, name, place)
            return None
        if not entry.available:
            message = f"the type {entry.name} is not available here"
            self._add(place, "type-not-available", message, hint=_FROM_GIT_ALONE.get(entry.name))
        if name in entry.aliases:
            self.findings.append(
                warning(place, "replaced-type", f"{name} is replaced by {entry.name}", hint="both work")
            )
        if entry.name in _DEPRECATED:
            self.findings.append(
                warning(place, "deprecated", f"{entry.name} is deprecated", hint=_DEPRECATED[entry.name])
            )
        return entry

    def _refuse_type(self, role: Role, name: str, where: Path) -> None:
        removed = _REMOVED.get(name)
        if removed is not None:
            self._add(where, "removed-type", f"Invalid type: {name} was removed", hint=removed)
            return
        close = self.catalogue.suggest(name, _TAKES[role])
        foreign = self.catalogue.foreign_group(name)
        hint = f"nothing of {foreign} is here; further task types go in as Python packages" if foreign else None
        hint = f"did you mean {close[0]}?" if close else hint
        self._add(where, "unknown-type", f"Invalid type: {name}", hint=hint)

    def _input(self, raw: Mapping[str, Any], where: Path) -> Object:
        keys = inputs.INPUT_KEYS
        shared = self._validated(inputs.InputCommon, raw, _only(raw, keys), where)
        name = raw.get("type")
        model = inputs.TYPES.get(name) if isinstance(name, str) else None
        if model is None:
            if isinstance(name, str):
                hint = f"one of {', '.join(inputs.TYPES)}"
                self._add((*where, "type"), "unknown-type", f"Invalid type: {name}", hint=hint)
            return Object(type=str(name or ""), role=Role.INPUT, where=where, raw=raw, shared=shared)
        own_raw = {key: value for key, value in raw.items() if key not in keys}
        return Object(
            type=inputs.OLD_TYPES.get(str(name), str(name)),
            role=Role.INPUT,
            where=where,
            raw=raw,
            shared=shared,
            own=self._validated(model, raw, own_raw, where, also=keys),
            children=self._children(model, own_raw, where),
        )

    def _validated(
        self,
        model: type[BaseModel],
        whole: Mapping[str, Any],
        part: Mapping[str, Any],
        where: Path,
        also: Iterable[str] = (),
    ) -> Any:
        """The model of `part`, the keys of `whole` that are its own; None, and findings, if it does not validate."""
        try:
            return model.model_validate(part)
        except ValidationError as error:
            self.findings += findings_of(error, model, whole, where, also)
            return None

    def _add(self, where: Path, code: str, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(where=where, code=code, message=message, hint=hint))


def _only(raw: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in keys}


def _with_runner(whole: Mapping[str, Any], children: Mapping[str, tuple[Object, ...]]) -> Mapping[str, Any]:
    """With the task runner as completed by its own defaults."""
    runner = next(iter(children.get("taskRunner", ())), None)
    if runner is None or not isinstance(whole.get("taskRunner"), dict):
        return whole
    return {**whole, "taskRunner": {**runner.raw, "type": runner.type}}


Member = tuple[Path, Any]


def _members(slot: Slot, key: str, given: object) -> Iterator[tuple[str, list[Member]]]:
    """The objects in a slot: name of the list, and for each object its steps from the parent. Nothing for a value of
    the wrong shape, which the model reports."""
    match slot.shape, given:
        case Shape.ONE, dict():
            yield key, [((key,), given)]
        case Shape.LIST, list():
            yield key, [((key, index), each) for index, each in enumerate(given)]
        case Shape.MAP, dict():
            yield key, [((key, name), each) for name, each in given.items()]
        case Shape.MAP_OF_LISTS, dict():
            for name, listed in given.items():
                if isinstance(listed, list):
                    yield f"{key}.{name}", [((key, name, index), each) for index, each in enumerate(listed)]
        case _:
            return
