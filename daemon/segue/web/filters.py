"""Filters of lists, in every spelling of Kestra's clients: `filters[field][OP]=value` and `filters[labels][OP][key]=value`,
groups of them (`filters[or][0][field][OP]`, one level within another), and the flat parameters of 1.x.

What can be filtered by, and how, is a table for each list. What a table does not have is refused: a filter that is
passed over would find too much, and what is found may be killed or deleted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from starlette.datastructures import QueryParams

from segue.expression.errors import ExpressionError
from segue.expression.java_regex import compiled
from segue.model.order import LogLevel
from segue.model.state import State
from segue.store.reads.matching import Match, Op
from segue.web.answers import Refused
from segue.web.dates import iso, moment, span
from segue.web.ports.lists import AnyOf, Field, Filter, Wanted

Ops = frozenset[Op]
Known = Mapping[Field, Ops]

_IS: Final[Ops] = frozenset({Op.EQUALS})
_ONE_OF: Final[Ops] = frozenset({Op.EQUALS, Op.NOT_EQUALS, Op.IN, Op.NOT_IN})
_TEXT: Final[Ops] = _ONE_OF | {Op.STARTS_WITH, Op.ENDS_WITH, Op.CONTAINS, Op.NOT_CONTAINS, Op.PREFIX}
_MAY_LACK: Final[Ops] = frozenset({Op.IS_NULL, Op.IS_NOT_NULL})
_NAME: Final[Ops] = _TEXT | {Op.REGEX}
_TIME: Final[Ops] = frozenset(
    {Op.EQUALS, Op.GREATER_THAN, Op.LESS_THAN, Op.GREATER_THAN_OR_EQUAL_TO, Op.LESS_THAN_OR_EQUAL_TO}
)
_SEARCHED: Final[Ops] = frozenset({Op.EQUALS, Op.CONTAINS})
_LABELS: Final[Ops] = _ONE_OF | {Op.CONTAINS}

EXECUTIONS: Final[Known] = {
    Field.Q: _SEARCHED,
    Field.ID: _TEXT,
    Field.NAMESPACE: _NAME,
    Field.FLOW_ID: _NAME,
    Field.FLOW_REVISION: _ONE_OF,
    Field.STATE: _ONE_OF,
    Field.LABELS: _LABELS,
    Field.START_DATE: _TIME,
    Field.END_DATE: _TIME,
    Field.TRIGGER_ID: _TEXT | _MAY_LACK,
    Field.TRIGGER_EXECUTION_ID: _TEXT | _MAY_LACK,
    Field.PARENT_ID: _TEXT | _MAY_LACK,
    Field.CHILD: _IS,
    Field.KIND: _ONE_OF,
}
FLOWS: Final[Known] = {
    Field.Q: _SEARCHED,
    Field.NAMESPACE: _NAME,
    Field.FLOW_ID: _NAME,
    Field.ID: _NAME,
    Field.LABELS: _LABELS,
    Field.ENABLED: _IS,
    Field.UPDATED: _TIME,
}
TRIGGERS: Final[Known] = {
    Field.Q: _SEARCHED,
    Field.NAMESPACE: _NAME,
    Field.FLOW_ID: _NAME,
    Field.TRIGGER_ID: _NAME,
    Field.TYPE: _NAME,
    Field.TRIGGER_STATE: _ONE_OF,
    Field.ENABLED: _IS,
    Field.LOCKED: _IS,
    Field.LAST_FIRED: _TIME | _MAY_LACK,
    Field.NEXT_FIRE: _TIME | _MAY_LACK,
    Field.UPDATED: _TIME | _MAY_LACK,
}
LOGS: Final[Known] = {
    Field.Q: _SEARCHED,
    Field.NAMESPACE: _NAME,
    Field.FLOW_ID: _NAME,
    Field.LEVEL: frozenset({Op.EQUALS, Op.GREATER_THAN_OR_EQUAL_TO, Op.IN, Op.NOT_IN, Op.NOT_EQUALS}),
    Field.START_DATE: _TIME,
    Field.END_DATE: _TIME,
    Field.EXECUTION_ID: _TEXT | _MAY_LACK,
    Field.TRIGGER_ID: _TEXT | _MAY_LACK,
    Field.TASK_ID: _TEXT | _MAY_LACK,
    Field.TASK_RUN_ID: _TEXT | _MAY_LACK,
    Field.ATTEMPT: _ONE_OF,
}
KEYS: Final[Known] = {
    Field.Q: _SEARCHED,
    Field.NAMESPACE: _NAME,
    Field.CREATED: _TIME,
    Field.UPDATED: _TIME,
    Field.EXPIRES: _TIME | _MAY_LACK,
}
NAMESPACES: Final[Known] = {Field.Q: _SEARCHED, Field.NAMESPACE: _NAME, Field.ID: _NAME}

_BRACKETS: Final = re.compile(r"filters((?:\[(?:and|or)\]\[\d+\]){0,2})\[(\w+)\]\[(\w+)\](?:\[(.+)\])?")
_PLACE: Final = re.compile(r"\[(and|or)\]\[(\d+)\]")
_SPELLINGS: Final = {"query": Field.Q, "flow_id": Field.FLOW_ID, "flow": Field.FLOW_ID, "minLevel": Field.LEVEL}
_DATES: Final = frozenset(
    {
        Field.START_DATE,
        Field.END_DATE,
        Field.UPDATED,
        Field.CREATED,
        Field.EXPIRES,
        Field.LAST_FIRED,
        Field.NEXT_FIRE,
    }
)
_FLAGS: Final = frozenset({Field.ENABLED, Field.LOCKED})
# What Kestra's clients send and all that there is here meets.
_MET_BY_ALL: Final = frozenset({"scope", "existingOnly"})
# The flat parameters of Kestra 1.x: how each compares.
_FLAT: Final[Mapping[str, tuple[Field, Op]]] = {
    "q": (Field.Q, Op.CONTAINS),
    "namespace": (Field.NAMESPACE, Op.PREFIX),
    "flowId": (Field.FLOW_ID, Op.EQUALS),
    "executionId": (Field.EXECUTION_ID, Op.EQUALS),
    "triggerId": (Field.TRIGGER_ID, Op.EQUALS),
    "triggerExecutionId": (Field.TRIGGER_EXECUTION_ID, Op.EQUALS),
    "parentId": (Field.PARENT_ID, Op.EQUALS),
    "childFilter": (Field.CHILD, Op.EQUALS),
    "kind": (Field.KIND, Op.EQUALS),
    "labels": (Field.LABELS, Op.EQUALS),
    "taskId": (Field.TASK_ID, Op.EQUALS),
    "taskRunId": (Field.TASK_RUN_ID, Op.EQUALS),
    "attempt": (Field.ATTEMPT, Op.EQUALS),
    "minLevel": (Field.LEVEL, Op.GREATER_THAN_OR_EQUAL_TO),
    "level": (Field.LEVEL, Op.GREATER_THAN_OR_EQUAL_TO),
    "startDate": (Field.START_DATE, Op.GREATER_THAN_OR_EQUAL_TO),
    "endDate": (Field.START_DATE, Op.LESS_THAN_OR_EQUAL_TO),
}

# Where a filter stands: in which groups, by their kind and its number in them.
_Place = tuple[tuple[str, int], ...]


def read(query: QueryParams, now: datetime, known: Known) -> tuple[Wanted, ...]:
    """All that has to hold. Raises `Refused` for a filter that the list does not know."""
    placed = list(_read(query, now, known))
    return (*(each for place, each in placed if not place), *_joined([each for each in placed if each[0]]))


def _read(query: QueryParams, now: datetime, known: Known) -> Iterator[tuple[_Place, Filter]]:
    states = [one for each in query.getlist("state") if each for one in each.split(",")]
    if states and Field.STATE in known:
        yield (), _checked(Filter(Field.STATE, Op.IN, tuple(states)))
    for name, value in query.multi_items():
        if name.startswith("filters"):
            yield from _bracketed(name, value, now, known)
        elif name == "timeRange" and value:
            yield (), _since(value, now, known)
        elif name in _FLAT and value and _FLAT[name][0] in known:
            field, op = _FLAT[name]
            yield (), _checked(Filter(field, op, (value,)))


def _bracketed(name: str, value: str, now: datetime, known: Known) -> Iterator[tuple[_Place, Filter]]:
    parts = _BRACKETS.fullmatch(name)
    if parts is None:
        raise Refused(422, f"Unknown filter `{name}`: expected `filters[field][OP]`")
    groups, field_name, op_name, key = parts.groups()
    place = tuple((kind, int(number)) for kind, number in _PLACE.findall(groups))
    if field_name in _MET_BY_ALL:
        return
    if field_name == "timeRange":
        yield place, _since(value, now, known)
        return
    field = _SPELLINGS.get(field_name) or (Field(field_name) if field_name in set(Field) else None)
    if field is None or field not in known:
        raise Refused(422, f"Unknown filter `{name}`: this list can be filtered by {', '.join(sorted(known))}")
    if op_name not in known[field]:
        raise Refused(422, f"Unknown filter `{name}`: `{field}` compares by {', '.join(sorted(known[field]))}")
    op = Op(op_name)
    values = tuple(value.split(",")) if op in {Op.IN, Op.NOT_IN} else (value,)
    if field is Field.LABELS and key is not None:
        values = tuple(f"{key}:{each}" for each in values)
    yield place, _checked(Filter(field, op, values))


def _since(value: str, now: datetime, known: Known) -> Filter:
    back = span(value)
    if back is None:
        raise Refused(422, f"Invalid parameter `timeRange`: `{value}` is not an ISO 8601 duration")
    field = next((each for each in (Field.START_DATE, Field.LAST_FIRED, Field.UPDATED) if each in known), None)
    if field is None:
        raise Refused(422, "Unknown filter `timeRange`: this list knows no time to compare with")
    return Filter(field, Op.GREATER_THAN_OR_EQUAL_TO, (iso(now - back),))


def _joined(placed: Sequence[tuple[_Place, Filter]]) -> Iterator[Wanted]:
    """Filters in groups as what has to hold: of a group `or` one of its members, each member whole."""
    outer = sorted(placed, key=lambda each: each[0][0])
    alternatives: list[tuple[Filter, ...]] = []
    for (kind, _), members in groupby(outer, key=lambda each: each[0][0]):
        unit = [(place[1:], filter_) for place, filter_ in members]
        is_choice = any(place and place[0][0] == "or" for place, _ in unit)
        parts = [(filter_,) for _, filter_ in unit] if is_choice else [tuple(filter_ for _, filter_ in unit)]
        if kind == "or":
            alternatives += parts
        elif is_choice:
            yield AnyOf(tuple(parts))
        else:
            yield from parts[0]
    if alternatives:
        yield AnyOf(tuple(alternatives))


def _checked(wanted: Filter) -> Filter:
    """With its values as the list has them; raises `Refused` for those that can be none."""
    if wanted.op in _MAY_LACK:
        return Filter(wanted.field, wanted.op, ())
    match wanted.field:
        case Field.Q:
            return Filter(Field.Q, Op.CONTAINS, wanted.values)
        case Field.STATE:
            return Filter(wanted.field, wanted.op, _words(wanted, State))
        case Field.LEVEL:
            op = Op.GREATER_THAN_OR_EQUAL_TO if wanted.op is Op.EQUALS else wanted.op
            return Filter(wanted.field, op, _words(wanted, LogLevel))
        case Field.LABELS:
            for each in wanted.values:
                key, colon, _ = each.partition(":")
                if not key or not colon:
                    raise Refused(422, f"Invalid label `{each}`: expected `key:value`")
        case Field.ATTEMPT | Field.FLOW_REVISION:
            for value in wanted.values:
                if not (value.isascii() and value.isdigit()):
                    raise Refused(422, f"Invalid parameter `{wanted.field}`: `{value}` is not a whole number")
        case each if each in _DATES:
            return Filter(wanted.field, wanted.op, tuple(map(_date(wanted.field), wanted.values)))
        case each if each in _FLAGS:
            return Filter(wanted.field, wanted.op, tuple(value.lower() for value in wanted.values))
    if wanted.op is Op.REGEX:
        _check_pattern(wanted)
    return wanted


def _words(wanted: Filter, words: Any) -> tuple[str, ...]:
    for value in wanted.values:
        if value.upper() not in words.__members__:
            kind = f"one of {', '.join(words)}" if wanted.field is Field.LEVEL else "a state"
            raise Refused(422, f"Invalid parameter `{wanted.field}`: `{value}` is not {kind}")
    return tuple(str(words[value.upper()]) for value in wanted.values)


def _date(field: Field) -> Callable[[str], str]:
    def read_date(text: str) -> str:
        at = moment(text)
        if at is None:
            raise Refused(422, f"Invalid parameter `{field}`: `{text}` is not an ISO 8601 date")
        return iso(at)

    return read_date


def _check_pattern(wanted: Filter) -> None:
    try:
        compiled(wanted.values[0])
    except ExpressionError as error:
        raise Refused(422, f"Invalid parameter `{wanted.field}`: {error}") from error


# Lists that live in memory.

# What something has for a field: a text (times as ISO 8601, flags as true or false), several, labels, or nothing.
Look = Callable[[Field], str | Iterable[str] | Mapping[str, str] | datetime | bool | None]


def holds(wanted: Iterable[Wanted], look: Look) -> bool:
    return all(
        any(all(_holds(one, look) for one in each) for each in want.alternatives)
        if isinstance(want, AnyOf)
        else _holds(want, look)
        for want in wanted
    )


def _holds(wanted: Filter, look: Look) -> bool:
    match = Match(wanted.op, wanted.values)
    match look(wanted.field):
        case None:
            return match.holds(None)
        case bool() as flag:
            return match.holds(str(flag).lower())
        case datetime() as at:
            return match.holds(iso(at))
        case str() as text:
            return match.holds(text)
        case Mapping() as labels:
            return label_holds(wanted, labels)
        case texts:
            return any(match.holds(text) for text in texts)


def label_holds(wanted: Filter, labels: Mapping[str, str]) -> bool:
    pairs = [(key, value) for key, _, value in (each.partition(":") for each in wanted.values)]
    match wanted.op:
        case Op.CONTAINS:
            return any(value.lower() in labels[key].lower() for key, value in pairs if key in labels)
        case Op.NOT_EQUALS | Op.NOT_IN:
            return not any(labels.get(key) == value for key, value in pairs)
    return any(labels.get(key) == value for key, value in pairs)
