"""Filters of lists: what pages and API ask for, in the words of the store's queries.

Which list knows which field, and how it compares, says `web.filters`; how rows are found, `store.reads`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from segue.model.execution import Kind
from segue.model.order import LogLevel
from segue.store.reads import logs
from segue.store.reads import search as searching
from segue.store.reads.matching import Match, Op, equals, within
from segue.web.ports.lists import AnyOf, Field, Filter, Wanted
from segue.web.ports.logs import LogSearch

F = TypeVar("F")


def filters_of(wanted: Iterable[Wanted]) -> searching.Filters:
    """The store's filters of what was asked for; which comparisons there can be says `web.filters`."""
    wanted = tuple(wanted)
    return replace(_all_of(searching.Filters, _filter, wanted), iterations=_iterations(wanted))


def log_filters_of(wanted: Iterable[Wanted]) -> logs.LogFilters:
    return _all_of(logs.LogFilters, _log_filter, wanted)


def filters_of_log_search(search: LogSearch) -> logs.LogFilters:
    return logs.LogFilters(
        execution_id=search.execution_id,
        after_id=search.after,
        before_id=search.before,
        level_min=search.min_level,
        task_id=search.task_id,
        task_run_id=search.task_run_id,
        attempt=search.attempt,
        trigger_id=search.trigger_id,
        namespaces=(within(search.namespace),) if search.namespace else (),
        flows=(equals(search.flow_id),) if search.flow_id else (),
        text=search.text or None,
        since=search.since,
        before=search.until,
    )


def _iterations(wanted: Sequence[Wanted]) -> searching.Iterations:
    """Who asks by kind, for certain executions or for what others started means iterations of loops as well; nobody else
    sees them."""
    named = tuple(_named(wanted))
    if _NO_ITERATIONS in wanted:
        return searching.Iterations.LEFT_OUT
    kinds = {value for each in named if each.field is Field.KIND and each.op is Op.EQUALS for value in each.values}
    if kinds == {Kind.LOOP.value} and all(each in wanted for each in named if each.field is Field.KIND):
        return searching.Iterations.ALONE
    is_meant = any(each.field in _NAMING_ITERATIONS and "MAIN" not in each.values for each in named)
    return searching.Iterations.TOO if is_meant else searching.Iterations.LEFT_OUT


def _named(wanted: Iterable[Wanted]) -> Iterator[Filter]:
    for each in wanted:
        if isinstance(each, AnyOf):
            for alternative in each.alternatives:
                yield from _named(alternative)
        else:
            yield each


def _all_of(kind: Callable[..., F], read: Callable[[Filter], dict[str, Any]], wanted: Iterable[Wanted]) -> F:
    parts: dict[str, Any] = {}
    for each in wanted:
        if isinstance(each, AnyOf):
            alternatives = tuple(_all_of(kind, read, alternative) for alternative in each.alternatives)
            _add(kind, parts, "any_of", (alternatives,))
            continue
        for name, value in read(each).items():
            _add(kind, parts, name, value)
    return kind(**parts)


def _add(kind: Callable[..., F], parts: dict[str, Any], name: str, value: Any) -> None:
    """Put one more filter to the others, all of which have to hold."""
    if name not in parts:
        parts[name] = value
    elif name in _ALL_OF:
        parts[name] += value
    elif name.endswith(("_from", "since")):
        parts[name] = max(parts[name], value)
    elif name.endswith("before"):
        parts[name] = min(parts[name], value)
    else:  # a second one of what there can be one of: a choice with nothing else to choose
        _add(kind, parts, "any_of", ((kind(**{name: value}),),))


_ALL_OF: Final = frozenset(
    {"namespaces", "flows", "states", "labels", "labels_absent", "labels_of", "columns", "any_of"}
)


def _filter(each: Filter) -> dict[str, Any]:
    match, text = Match(each.op, each.values), each.values[0] if each.values else ""
    match each.field:
        case Field.Q:
            return {"text": text or None}
        case Field.NAMESPACE:
            return {"namespaces": (match,)}
        case Field.FLOW_ID:
            return {"flows": (match,)}
        case Field.STATE:
            return {"states": (match,)}
        case Field.LABELS:
            return _labels(each)
        case Field.START_DATE:
            return _span(each, "started_from", "started_before")
        case Field.END_DATE:
            return _span(each, "ended_from", "ended_before")
        case Field.CHILD:
            return {"is_child": text == "CHILD"}
        case Field.ID if each.op in {Op.EQUALS, Op.IN}:
            return {"ids": each.values}
        case field if each.op is Op.EQUALS and field in _DRIVING:
            return {_DRIVING[field]: text}
        case field:
            return {"columns": ((_COLUMNS[field], match),)}


_NO_ITERATIONS: Final = Filter(Field.KIND, Op.NOT_EQUALS, (Kind.LOOP.value,))
_NAMING_ITERATIONS: Final = frozenset({Field.ID, Field.KIND, Field.CHILD, Field.TRIGGER_EXECUTION_ID})
# Fields by which few executions may be found, and the columns of all that are compared row by row.
_DRIVING: Final = {
    Field.TRIGGER_ID: "trigger_id",
    Field.TRIGGER_EXECUTION_ID: "trigger_execution_id",
    Field.PARENT_ID: "parent_id",
}
_COLUMNS: Final = {
    Field.ID: searching.Column.ID,
    Field.TRIGGER_ID: searching.Column.TRIGGER_ID,
    Field.TRIGGER_EXECUTION_ID: searching.Column.TRIGGER_EXECUTION_ID,
    Field.PARENT_ID: searching.Column.PARENT_ID,
    Field.KIND: searching.Column.KIND,
    Field.FLOW_REVISION: searching.Column.REVISION,
}


def _labels(each: Filter) -> dict[str, Any]:
    pairs = tuple((key, value) for key, _, value in (pair.partition(":") for pair in each.values))
    match each.op:
        case Op.EQUALS:
            return {"labels": pairs}
        case Op.NOT_EQUALS | Op.NOT_IN:
            return {"labels_absent": pairs}
        case Op.IN:
            return {"labels_of": (tuple((key, equals(value)) for key, value in pairs),)}
        case op:
            return {"labels_of": (tuple((key, Match(op, (value,))) for key, value in pairs),)}


def _log_filter(each: Filter) -> dict[str, Any]:
    match, text = Match(each.op, each.values), each.values[0] if each.values else ""
    match each.field:
        case Field.Q:
            return {"text": text or None}
        case Field.NAMESPACE:
            return {"namespaces": (match,)}
        case Field.FLOW_ID:
            return {"flows": (match,)}
        case Field.START_DATE | Field.END_DATE:
            return _span(each, "since", "before")
        case Field.LEVEL if each.op is Op.GREATER_THAN_OR_EQUAL_TO:
            return {"level_min": LogLevel(text)}
        case Field.EXECUTION_ID if each.op is Op.EQUALS:
            return {"execution_id": text}
        case Field.ATTEMPT:  # callers count from 0
            numbers = tuple(str(int(value) + 1) for value in each.values)
            return {"columns": ((logs.Column.ATTEMPT, Match(each.op, numbers)),)}
        case field:
            return {"columns": ((_LOG_COLUMNS[field], match),)}


_LOG_COLUMNS: Final = {
    Field.LEVEL: logs.Column.LEVEL,
    Field.EXECUTION_ID: logs.Column.EXECUTION_ID,
    Field.TRIGGER_ID: logs.Column.TRIGGER_ID,
    Field.TASK_ID: logs.Column.TASK_ID,
    Field.TASK_RUN_ID: logs.Column.TASK_RUN_ID,
}


def _span(each: Filter, first: str, end: str) -> dict[str, Any]:
    """Stored times are whole microseconds, so "after" is "from one microsecond later"."""
    at, tick = datetime.fromisoformat(each.values[0]), timedelta(microseconds=1)
    match each.op:
        case Op.GREATER_THAN_OR_EQUAL_TO:
            return {first: at}
        case Op.GREATER_THAN:
            return {first: at + tick}
        case Op.LESS_THAN:
            return {end: at}
        case Op.LESS_THAN_OR_EQUAL_TO:
            return {end: at + tick}
        case _:
            return {first: at, end: at + tick}
