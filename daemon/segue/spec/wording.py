"""What pydantic reports about a model -> findings in our words, each with the path of keys as the author wrote it."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from segue.spec.fields import Spec, has_expression, keys_of
from segue.spec.finding import Finding, Path
from segue.spec.nested import slots_of

_KEYS_LISTED_MAX: Final = 12
_CLOSENESS: Final = 0.6

_WORDS: Final[Mapping[str, str]] = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a map",
    "mapping_type": "must be a map",
    "model_type": "must be a map",
    "model_attributes_type": "must be a map",
    "missing": "must not be null",
    "too_short": "must not be empty",
}
# Keys that a type must not have although relatives of it do, in Kestra's words.
_MUST_BE_NULL: Final = frozenset({"interval"})


def findings_of(
    error: ValidationError, model: type[BaseModel], raw: Mapping[str, Any], where: Path, also: Iterable[str] = ()
) -> list[Finding]:
    """The findings of a model that did not validate. `also` are keys that are fine in its place but not the model's."""
    found: dict[tuple[Path, str], Finding] = {}
    for detail in error.errors(include_url=False, include_input=True):
        if not issubclass(model, Spec) and has_expression(detail["input"]):
            continue  # a model from elsewhere is one of rendered values: what this renders to is not known yet
        finding = _finding(detail, model, raw, where, frozenset(also))
        found.setdefault((finding.where, finding.code), finding)
    return list(found.values())


def _finding(
    detail: ErrorDetails, model: type[BaseModel], raw: Mapping[str, Any], where: Path, also: frozenset[str]
) -> Finding:
    kind = detail["type"]
    path, value = _path_in(raw, detail["loc"], is_missing=kind == "missing")
    match kind:
        case "extra_forbidden":
            return _unknown_key(_model_at(model, path[:-1]), where, path, also if len(path) == 1 else frozenset())
        case "missing":
            is_list = len(path) == 1 and str(path[0]) in slots_of(model)
            message = "must not be empty" if is_list else "must not be null"
            return Finding(
                where=(*where, *path), code="missing-key", message=message, hint=_written_as(raw, path, model)
            )
        case "union_tag_not_found":
            return Finding(where=(*where, *path, "type"), code="missing-key", message="must not be null")
        case "union_tag_invalid":
            return _unknown_tag(detail, (*where, *path, "type"))
        case "literal_error":
            return _not_listed(detail, (*where, *path), value)
        case _:
            return _other(detail, (*where, *path), value)


def _path_in(raw: Any, loc: tuple[int | str, ...], *, is_missing: bool) -> tuple[Path, Any]:
    """The keys of pydantic's location that are the author's (it also names members of unions), and the value there."""
    path: list[str | int] = []
    value = raw
    for index, step in enumerate(loc):
        is_absent_key = is_missing and index == len(loc) - 1
        if isinstance(value, dict) and (step in value or is_absent_key):
            path.append(step)
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            path.append(step)
            value = value[step]
    return tuple(path), value


def _written_as(raw: Any, path: Path, model: type[BaseModel]) -> str | None:
    """The misspelt key that what is missing may stand under."""
    for step in path[:-1]:
        raw = raw[step]
    missing = str(path[-1])
    others = [key for key in raw if isinstance(key, str) and key not in keys_of(model)]
    close = difflib.get_close_matches(missing, others, 1, _CLOSENESS)
    return f"'{close[0]}' is there: did you mean '{missing}'?" if close else None


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of what stands at the path below a model's object; None where it may be one of several."""
    for key in (each for each in path if isinstance(each, str)):
        fields = (field for name, field in model.model_fields.items() if key in _spellings(name, field))
        found = {each for field in fields for each in _models_in(field.annotation)}
        if len(found) != 1:
            return None
        model = found.pop()
    return model


def _spellings(name: str, field: FieldInfo) -> frozenset[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
    return frozenset(map(str, choices))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)


def _unknown_key(model: type[BaseModel] | None, where: Path, path: Path, also: frozenset[str]) -> Finding:
    key = str(path[-1])
    if key in _MUST_BE_NULL:
        return Finding(where=(*where, *path), code="unknown-key", message="must be null", at_key=True)
    known = sorted(keys_of(model) | also) if model else []
    close = difflib.get_close_matches(key, known, 1, _CLOSENESS)
    hint = f"did you mean '{close[0]}'?" if close else None
    own = sorted(keys_of(model)) if model else []
    if hint is None and 0 < len(own) <= _KEYS_LISTED_MAX:
        hint = f"possible here: {', '.join(own)}"
    return Finding(where=(*where, *path), code="unknown-key", message=f"unknown key '{key}'", hint=hint, at_key=True)


def _unknown_tag(detail: ErrorDetails, where: Path) -> Finding:
    context = detail.get("ctx", {})
    expected = str(context.get("expected_tags", "")).replace("'", "")
    return Finding(
        where=where,
        code="unknown-type",
        message=f"Invalid type: {context.get('tag', '')}",
        hint=_did_you_mean(str(context.get("tag", "")), expected.split(", ")) or f"one of {expected}",
    )


def _not_listed(detail: ErrorDetails, where: Path, value: object) -> Finding:
    expected = str(detail.get("ctx", {}).get("expected", "")).replace("'", "")
    options = expected.replace(" or ", ", ").split(", ")
    return Finding(
        where=where,
        code="invalid-value",
        message=f"must be {expected}" if len(options) == 1 else f"must be one of {', '.join(options)}",
        hint=_did_you_mean(str(value), options),
    )


def _did_you_mean(word: str, options: Iterable[str]) -> str | None:
    listed = list(options)
    close = difflib.get_close_matches(word, listed, 1, _CLOSENESS) or [
        option for option in listed if option.lower() == word.lower()
    ]
    return f"did you mean '{close[0]}'?" if close else None


def _other(detail: ErrorDetails, where: Path, value: object) -> Finding:
    kind = detail["type"]
    if kind in {"greater_than_equal", "less_than_equal", "greater_than", "less_than"}:
        message = detail["msg"].replace("Input should", "must")
        return Finding(where=where, code="invalid-value", message=message)
    if kind in _WORDS:
        hint = None
        if has_expression(value):
            hint = "an expression cannot stand here"
        return Finding(where=where, code="invalid-value", message=_WORDS[kind], hint=hint)
    code = kind if "-" in kind else "invalid-value"
    return Finding(where=where, code=code, message=detail["msg"])
