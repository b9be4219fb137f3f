"""What callers ask for, read from queries, forms and bodies: parsed once here, trusted further in."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.requests import Request

from segue.model.order import LogLevel
from segue.model.state import State
from segue.web.answers import Refused
from segue.web.dates import iso, moment, span
from segue.web.ports import Field, Filter, Op, Order, Search, Upload
from segue.web.settings import FORM_PARTS_MAX, FORM_VALUE_MAX, PAGE_SIZE_MAX

_FILTER: Final = re.compile(r"filters\[(\w+)\]\[(\w+)\](?:\[(.+)\])?")
_FIELD_NAMES: Final = {"query": Field.Q, "flow_id": Field.FLOW_ID, "flow": Field.FLOW_ID}
_DATES: Final = frozenset({Field.START_DATE, Field.END_DATE})
# Filters that Kestra's clients send and that all of our executions meet.
_MET_BY_ALL: Final = frozenset({"scope", "existingOnly"})


def flag(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    return query[name].lower() in {"true", "1", "yes", "on"} if name in query else default


def number(query: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int = 1 << 31) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Refused(422, f"Invalid parameter `{name}`: `{text}` is not a whole number from {least} to {most}")
    return int(text)


def optional_number(query: Mapping[str, str], name: str) -> int | None:
    return number(query, name, 0) if query.get(name) else None


def date(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    at = moment(text)
    if at is None:
        raise Refused(422, f"Invalid parameter `{name}`: `{text}` is not an ISO 8601 date")
    return at


def state(text: str | None, name: str) -> State:
    if text is None or text.upper() not in State.__members__:
        raise Refused(422, f"Invalid parameter `{name}`: `{text or ''}` is not a state")
    return State[text.upper()]


def level(query: Mapping[str, str]) -> LogLevel:
    text = next((query[name] for name in ("minLevel", "level", "filters[level][EQUALS]") if query.get(name)), "TRACE")
    if text.upper() not in LogLevel.__members__:
        raise Refused(422, f"Invalid parameter `minLevel`: `{text}` is not one of {', '.join(LogLevel)}")
    return LogLevel[text.upper()]


def labels(pairs: Iterable[str]) -> dict[str, str]:
    """From `key:value` texts."""
    found = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not key or not colon:
            raise Refused(422, f"Invalid label `{pair}`: expected `key:value`")
        found[key] = value
    return found


def labels_of_json(value: Any) -> dict[str, str]:
    """From a list of `{key, value}`, or a map."""
    if isinstance(value, dict):
        return {str(key): str(each) for key, each in value.items()}
    if isinstance(value, list) and all(isinstance(each, dict) and {"key", "value"} <= each.keys() for each in value):
        if any(each["key"] is None or each["value"] is None for each in value):
            raise Refused(422, "Invalid labels: a label needs a key and a value")
        return {str(each["key"]): str(each["value"]) for each in value}
    raise Refused(422, "Invalid labels: expected a list of {key, value}")


# Searches.


def search(query: QueryParams, now: datetime) -> Search:
    """Filters in both spellings, paging and sorting of a search for executions."""
    order, descending = _order(query.getlist("sort"))
    return Search(
        filters=tuple(_filters(query, now)),
        order=order,
        descending=descending,
        page=number(query, "page", 1, least=1),
        size=number(query, "size", 10, least=1, most=PAGE_SIZE_MAX),
    )


def filters(query: QueryParams, now: datetime) -> tuple[Filter, ...]:
    return tuple(_filters(query, now))


def _filters(query: QueryParams, now: datetime) -> Iterable[Filter]:
    states = [one for each in query.getlist("state") if each for one in each.split(",")]
    if states:
        yield _checked(Filter(Field.STATE, Op.IN, tuple(states)))
    for name, value in query.multi_items():
        match = _FILTER.fullmatch(name)
        if match:
            yield from _bracketed(match[1], match[2], match[3], value, now)
        elif value:
            yield from _flat(name, value, now)


def _bracketed(name: str, op_name: str, key: str | None, value: str, now: datetime) -> Iterable[Filter]:
    if name in _MET_BY_ALL:
        return
    if name == "timeRange":
        yield _since(value, now)
        return
    known = _FIELD_NAMES.get(name) or (Field(name) if name in set(Field) else None)
    if known is None or op_name not in Op.__members__:
        raise Refused(422, f"Unknown filter `filters[{name}][{op_name}]`")
    op = Op[op_name]
    if known is Field.LABELS and key is not None:
        value = f"{key}:{value}"
    values = tuple(value.split(",")) if op in {Op.IN, Op.NOT_IN} else (value,)
    yield _checked(Filter(known, op, values))


def _flat(name: str, value: str, now: datetime) -> Iterable[Filter]:
    """The flat parameters of Kestra 1.x; a repeated one is told of one by one."""
    match name:
        case "q":
            yield Filter(Field.Q, Op.CONTAINS, (value,))
        case "namespace":
            yield Filter(Field.NAMESPACE, Op.PREFIX, (value,))
        case "flowId" | "triggerExecutionId" | "childFilter" | "labels" | "parentId" | "triggerId" | "kind":
            yield _checked(Filter(Field(name), Op.EQUALS, (value,)))
        case "startDate":
            yield _checked(Filter(Field.START_DATE, Op.GREATER_THAN_OR_EQUAL_TO, (value,)))
        case "endDate":
            yield _checked(Filter(Field.START_DATE, Op.LESS_THAN_OR_EQUAL_TO, (value,)))
        case "timeRange":
            yield _since(value, now)


def _since(value: str, now: datetime) -> Filter:
    back = span(value)
    if back is None:
        raise Refused(422, f"Invalid parameter `timeRange`: `{value}` is not an ISO 8601 duration")
    return Filter(Field.START_DATE, Op.GREATER_THAN_OR_EQUAL_TO, (iso(now - back),))


def _checked(wanted: Filter) -> Filter:
    if wanted.field is Field.STATE and wanted.op in {Op.EQUALS, Op.NOT_EQUALS, Op.IN, Op.NOT_IN}:
        return Filter(wanted.field, wanted.op, tuple(state(value, "state") for value in wanted.values))
    if wanted.field is Field.LABELS:
        labels(wanted.values)
    if wanted.field in _DATES:
        dates = [date({wanted.field: value}, wanted.field) for value in wanted.values]
        return Filter(wanted.field, wanted.op, tuple(iso(at) for at in dates if at is not None))
    return wanted


def _order(sorts: Sequence[str]) -> tuple[Order, bool]:
    for each in sorts:
        name, _, direction = each.partition(":")
        if name in set(Order):
            return Order(name), direction.lower() == "desc"
    return Order.STARTED, True


# Bodies.


async def json_body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The body is not JSON: {error}") from error


async def text_body(request: Request) -> str:
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8: {error}") from error


@asynccontextmanager
async def form_inputs(request: Request) -> AsyncIterator[dict[str, Any]]:
    """Inputs from a form: one part for each, files as `Upload`. The files are gone at the end."""
    form = await request.form(max_files=FORM_PARTS_MAX, max_fields=FORM_PARTS_MAX, max_part_size=FORM_VALUE_MAX)
    try:
        yield inputs_of(form)
    finally:
        await form.close()


def inputs_of(form: FormData) -> dict[str, Any]:
    """A part that comes several times gives a list. A file field in which none was chosen gives nothing."""
    found: dict[str, Any] = {}
    for name, part in form.multi_items():
        if isinstance(part, UploadFile):
            if not part.filename:
                continue
            # Older clients name every part `files` and give the input's id as file name.
            key = part.filename if name == "files" else name
            found[key] = Upload(part.filename, part.file, part.size or 0)
        elif name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), part]
        else:
            found[name] = part
    return found
