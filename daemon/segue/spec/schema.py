"""JSON Schema (draft 7) of flow files and of flow tests, from the same models that validate them, shaped for editors: a typed object is
described by `if` its type is this `then` these keys, which is what YAML language servers complete from.

pydantic gives a definition for each model; what it cannot know is put in here: references where typed objects stand,
second spellings of keys, and the keys that all objects of a role share.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import ModelSchema

from segue.spec import inputs
from segue.spec.catalogue import BUILT_IN, PREFIX, Catalogue, TypeEntry
from segue.spec.conditions import ConditionCommon
from segue.spec.fields import Spec
from segue.spec.flow import FlowSpec
from segue.spec.flow_tests import SuiteSpec
from segue.spec.flowables import DependentTask
from segue.spec.inputs import InputCommon
from segue.spec.nested import SLOT_KEYWORD, Role, Shape
from segue.spec.reading import RunnerCommon
from segue.spec.tasks import TaskCommon
from segue.spec.triggers import TriggerCommon

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_REFERENCE: Final = "#/definitions/"
_NOISE: Final = frozenset({"title", "discriminator"})

Json = dict[str, Any]

# Role of a slot -> what its objects share, and the roles of the types that may stand there.
_ROLES: Final[Mapping[Role, tuple[type[BaseModel], frozenset[Role]]]] = {
    Role.TASK: (TaskCommon, frozenset({Role.TASK, Role.FLOWABLE})),
    Role.TRIGGER: (TriggerCommon, frozenset({Role.TRIGGER})),
    Role.CONDITION: (ConditionCommon, frozenset({Role.CONDITION})),
    Role.RUNNER: (RunnerCommon, frozenset({Role.RUNNER})),
}


def flow_schema(catalogue: Catalogue = BUILT_IN) -> Json:
    """The schema of a flow file."""
    models = _models(catalogue)
    names, definitions = _definitions(models)
    flow = definitions.pop(names[FlowSpec])
    definitions[Role.DEPENDENT_TASK.value] = definitions.pop(names[DependentTask])
    for role, (shared, roles) in _ROLES.items():
        entries = [entry for entry in catalogue if entry.role in roles]
        definitions |= _typed(role, names[shared], definitions, [(_names(each), each.model) for each in entries], names)
    by_input = [((name,), model) for name, model in inputs.TYPES.items()]
    definitions |= _typed(Role.INPUT, names[InputCommon], definitions, by_input, names)
    return {
        "$schema": DRAFT,
        "title": "Segue flow",
        **flow,
        "required": [key for key in flow["required"] if key != "namespace"],  # the folder may say it
        "definitions": dict(sorted(definitions.items())),
    }


def definition_of(schema: Json, of: TypeEntry | str) -> Json:
    """The part of a flow's schema that describes one type, or the inputs of a type."""
    role, name = (Role.INPUT, of) if isinstance(of, str) else (of.role, of.name)
    whole = schema["definitions"][(Role.TASK if role is Role.FLOWABLE else role).value]
    branch = next(each for each in whole["allOf"] if name in each["if"]["properties"]["type"]["enum"])
    definition: Json = schema["definitions"][branch["then"]["$ref"].removeprefix(_REFERENCE)]
    return definition


def suite_schema() -> Json:
    """The schema of a file with flow tests."""
    names, definitions = _definitions([SuiteSpec])
    suite = definitions.pop(names[SuiteSpec])
    return {
        "$schema": DRAFT,
        "title": "Segue flow test",
        **suite,
        "required": [key for key in suite["required"] if key != "namespace"],  # the folder may say it
        "definitions": dict(sorted(definitions.items())),
    }


def _models(catalogue: Catalogue) -> list[type[BaseModel]]:
    shared = [shared for shared, _ in _ROLES.values()]
    typed = [entry.model for entry in catalogue]
    return list(dict.fromkeys([FlowSpec, DependentTask, InputCommon, *shared, *typed, *inputs.TYPES.values()]))


def _definitions(models: list[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], dict[str, Json]]:
    """Name of each model's definition, and all definitions, those of inner models too."""
    keyed, whole = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_REFERENCE + "{model}",
        schema_generator=_Generator,
    )
    definitions: dict[str, Json] = {name: _tidy(each) for name, each in whole["$defs"].items()}
    names = {model: str(keyed[model, "validation"]["$ref"]).removeprefix(_REFERENCE) for model in models}
    return names, definitions


class _Generator(GenerateJsonSchema):
    """pydantic's, which of several spellings of a key knows only the first."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        definition = super().model_schema(schema)
        if issubclass(schema["cls"], Spec):
            _add_spellings(definition, schema["cls"])
        return definition


def _add_spellings(definition: Json, model: type[BaseModel]) -> None:
    """The other spellings of a key stand beside the first, and where the key must be given, any of them will do."""
    properties = definition.get("properties", {})
    for field in model.model_fields.values():
        if not isinstance(field.validation_alias, AliasChoices):
            continue
        spellings = [str(each) for each in field.validation_alias.choices]
        if spellings[0] not in properties:
            continue
        for spelling in spellings[1:]:
            properties[spelling] = properties[spellings[0]]
        if spellings[0] in definition.get("required", []):
            definition["required"] = [each for each in definition["required"] if each != spellings[0]]
            definition.setdefault("allOf", []).append({"anyOf": [{"required": [each]} for each in spellings]})


def _tidy(schema: Any) -> Any:
    """Without what editors only trip over: titles, and null beside every optional key. Slots become references."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: {name: _tidy(each) for name, each in value.items()} if key == "properties" else _tidy(value)
        for key, value in schema.items()
        if key not in _NOISE and not (key == "default" and value is None)
    }
    alternatives = [each for each in result.get("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1:
        del result["anyOf"]
        result = {**alternatives[0], **result}
    elif alternatives:
        result["anyOf"] = alternatives
    slot = result.pop(SLOT_KEYWORD, None)
    return {**_reference(slot), **result} if slot else result


def _reference(slot: Json) -> Json:
    one: Json = {"$ref": _REFERENCE + slot["role"]}
    many: Json = {"type": "array", "items": one}
    match slot["shape"]:
        case Shape.ONE:
            return {"allOf": [one]}  # beside a `$ref` draft 7 ignores everything else, the description too
        case Shape.LIST:
            return many
        case Shape.MAP:
            return {"type": "object", "additionalProperties": one}
        case _:
            return {"type": "object", "additionalProperties": many}


def _names(entry: TypeEntry) -> tuple[str, ...]:
    short = entry.name.removeprefix(PREFIX)
    return tuple(dict.fromkeys((entry.name, short, *entry.aliases)))


def _typed(
    role: Role,
    shared_name: str,
    definitions: Mapping[str, Json],
    types: Sequence[tuple[tuple[str, ...], type[BaseModel]]],
    names: Mapping[type[BaseModel], str],
) -> dict[str, Json]:
    """The definition of a role, and one for each model that takes the place of pydantic's: with the shared keys."""
    shared = definitions[shared_name]
    by_model: dict[type[BaseModel], list[str]] = {}
    for spellings, model in types:
        by_model.setdefault(model, []).extend(spellings)
    branches = [
        {
            "if": {"properties": {"type": {"enum": spellings}}, "required": ["type"]},
            "then": {"$ref": _REFERENCE + names[model]},
        }
        for model, spellings in by_model.items()
    ]
    whole: Json = {
        "type": "object",
        "required": [each for each in shared.get("required", ["type"]) if each],
        "properties": {"type": {"enum": [name for spellings in by_model.values() for name in spellings]}},
        "allOf": branches,
    }
    own = {names[model]: _with_shared(definitions[names[model]], shared, shared_name) for model in by_model}
    return {role.value: whole, **own}


def _with_shared(own: Json, shared: Json, shared_name: str) -> Json:
    references = {key: {"$ref": f"{_REFERENCE}{shared_name}/properties/{key}"} for key in shared.get("properties", {})}
    rules = [*shared.get("allOf", []), *own.get("allOf", [])]
    return {
        **own,
        "properties": {**references, **own.get("properties", {})},
        "required": sorted({*shared.get("required", []), *own.get("required", [])}),
        **({"allOf": rules} if rules else {}),
    }
