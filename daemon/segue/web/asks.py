"""What callers ask for, read from queries, forms and bodies: parsed once here, trusted further in."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.requests import Request

from segue.model.execution import Breakpoint
from segue.model.order import LogLevel
from segue.model.state import State
from segue.model.task import Decision
from segue.web import filters
from segue.web.answers import Refused
from segue.web.dates import moment
from segue.web.ports.executions import Order, Search
from segue.web.ports.starts import Upload
from segue.web.settings import FORM_PARTS_MAX, FORM_VALUE_MAX, PAGE_SIZE_MAX

T = TypeVar("T")

# Parts of a form that holds inputs too, whose names are their authors' to choose.
REVIEW_COMMENT: Final = "kestra_review_comment"
REVIEW_DECISION: Final = "kestra_review_decision"
_FORMS: Final = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
_DECISIONS: Final = {
    "APPROVE": Decision.APPROVED,
    "APPROVED": Decision.APPROVED,
    "DENY": Decision.DENIED,
    "DENIED": Decision.DENIED,
}


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


def breakpoints(query: QueryParams | Mapping[str, str]) -> tuple[Breakpoint, ...] | None:
    """Of `breakpoints=task,other-task.value`; None where nothing is said of them."""
    text = query.get("breakpoints")
    if text is None:
        return None
    named = (part.strip().partition(".") for part in text.split(","))
    return tuple(Breakpoint(task_id, value or None) for task_id, _, value in named if task_id)


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
        filters=filters.read(query, now, filters.EXECUTIONS),
        order=order,
        descending=descending,
        page=number(query, "page", 1, least=1),
        size=number(query, "size", 10, least=1, most=PAGE_SIZE_MAX),
    )


def page_of(query: QueryParams, items: Sequence[T], *, size: int = 10) -> Sequence[T]:
    """The part of a list that `page` and `size` ask for."""
    page = number(query, "page", 1, least=1)
    size = number(query, "size", size, least=1, most=PAGE_SIZE_MAX)
    return items[(page - 1) * size : page * size]


def in_order(query: QueryParams, items: Sequence[T], orders: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """As `sort=name:asc` asks, the first of several above the others; names that the list does not know change
    nothing."""
    ordered = list(items)
    for each in reversed(query.getlist("sort")):
        name, _, direction = each.partition(":")
        if name in orders:
            ordered.sort(key=orders[name], reverse=direction.lower() == "desc")
    return ordered


def _order(sorts: Sequence[str]) -> tuple[Order, bool]:
    for each in sorts:
        name, _, direction = each.partition(":")
        if name in set(Order):
            return Order(name), direction.lower() == "desc"
    return Order.STARTED, True


def decision(text: str | None) -> Decision:
    """Kestra's two words for it, or what they lead to."""
    found = _DECISIONS.get((text or "").upper())
    if found is None:
        raise Refused(422, f"Invalid parameter `decision`: `{text or ''}` is not APPROVE or DENY")
    return found


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
    """Inputs from a form: one part for each, files as `Upload`. The files are gone at the end. Anything but a form is
    refused: what stands in it would be passed over."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in _FORMS and _has_body(request):
        raise Refused(415, f"Inputs are sent as a form, as `curl -F name=value` does; this is {sent or 'of no type'}")
    async with form_parts(request) as form:
        yield inputs_of(form)


@asynccontextmanager
async def form_parts(request: Request) -> AsyncIterator[FormData]:
    """A form as it was sent; its files are gone at the end."""
    form = await request.form(max_files=FORM_PARTS_MAX, max_fields=FORM_PARTS_MAX, max_part_size=FORM_VALUE_MAX)
    try:
        yield form
    finally:
        await form.close()


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


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
