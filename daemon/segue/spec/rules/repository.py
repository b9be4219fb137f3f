"""Rules over all flows of a repository at one commit: do the flows, files and secrets exist that each of them names.

What these find depends on all the rest, so it is looked at anew at each commit; what it needs of a flow is its `Ties`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.spec.cycles import cycle_in
from segue.spec.ties import Call, Place, Ties, Upstream

_SUGGESTION_CLOSENESS: Final = 0.6
_CIRCLES_MAX: Final = 20
_CIRCLE_NAMES_MAX: Final = 6


class Surroundings(Struct, frozen=True, kw_only=True):
    """What is there beside the flows. `others` are flows that exist though nothing is known of them (their texts are
    broken); `files` gives the paths of a namespace's files, `secrets` the names that have a value; None where nobody
    knows."""

    others: frozenset[FlowKey] = frozenset()
    files: Callable[[str], Collection[str]] | None = None
    secrets: frozenset[str] | None = None
    refuse_broken: bool = False


def check_repository(
    flows: Mapping[FlowKey, Ties], around: Surroundings, *, only: Iterable[Ties] | None = None
) -> Iterator[Problem]:
    """What is missing for the flows, or for `only` these of them."""
    looked_at = list(flows.values() if only is None else only)
    known = frozenset(flows) | around.others
    for ties in looked_at:
        for call in ties.calls:
            yield from _of_call(ties, call, flows, known, around)
        for upstream in ties.upstream:
            yield from _of_upstream(ties, upstream, known)
        yield from _of_files(ties, around)
        yield from _of_secrets(ties, around)
    yield from _of_cycles(flows, looked_at)


def _problem(
    ties: Ties, place: Place, code: str, message: str, hint: str | None = None, *, fails: bool = False
) -> Problem:
    return Problem(
        path=ties.path,
        line=place.line,
        column=place.column,
        code=code,
        message=message,
        hint=hint,
        severity=Severity.ERROR if fails and place.is_certain else Severity.WARNING,
        where=place.where,
    )


# Flows that are called


def _of_call(
    ties: Ties, call: Call, flows: Mapping[FlowKey, Ties], known: frozenset[FlowKey], around: Surroundings
) -> Iterator[Problem]:
    target = flows.get(call.key)
    if target is None:
        if call.key not in known:
            message = f"the flow {call.key}, which the task '{call.task_id}' runs, is not in this repository"
            yield _problem(
                ties, call.place, "unknown-flow", message, meant_flow(call.key, known), fails=around.refuse_broken
            )
        return
    if call.inputs is not None:
        yield from _of_inputs(ties, call, call.inputs, target, around)
    for name, place in call.outputs.items():
        if name not in target.outputs:
            message = f"the flow {call.key} has no output '{name}'"
            hint = _closest(name, target.outputs) or (None if target.outputs else "it declares none")
            yield _problem(ties, place, "unknown-output", message, hint, fails=around.refuse_broken)


def _of_inputs(
    ties: Ties, call: Call, given: Mapping[str, Place], target: Ties, around: Surroundings
) -> Iterator[Problem]:
    tops = {name.partition(".")[0] for name in target.inputs}
    for name, place in given.items():
        if name not in target.inputs and name not in tops:
            message = f"the flow {call.key} declares no input '{name}'"
            yield _problem(ties, place, "unknown-input", message, _closest(name, target.inputs))
    missing = [
        name
        for name, is_needed in target.inputs.items()
        if is_needed and name not in given and name.partition(".")[0] not in given
    ]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        message = f"the task '{call.task_id}' gives no value for the required input{'s' * (len(missing) > 1)} {names}"
        hint = f"of the flow {call.key}"
        yield _problem(ties, call.place, "missing-inputs", message, hint, fails=around.refuse_broken)


def _of_cycles(flows: Mapping[FlowKey, Ties], looked_at: list[Ties]) -> Iterator[Problem]:
    """A circle is told at the call by which its first flow goes round. Flows that call themselves are told elsewhere."""
    graph = {str(key): tuple(str(call.key) for call in ties.calls if call.key != key) for key, ties in flows.items()}
    for _ in range(_CIRCLES_MAX):
        cycle = cycle_in(graph)
        if not cycle:
            return
        first = next(ties for ties in flows.values() if str(ties.key) == cycle[0])
        call = next(each for each in first.calls if str(each.key) == cycle[1])
        graph[cycle[0]] = tuple(each for each in graph[cycle[0]] if each != cycle[1])
        if any(str(ties.key) in cycle for ties in looked_at):
            message = f"flows run each other in a circle: {_shown(cycle)}"
            yield _problem(first, call.place, "cyclic-calls", message, "it ends only if a condition ends it")


def _shown(cycle: tuple[str, ...]) -> str:
    if len(cycle) <= _CIRCLE_NAMES_MAX:
        return " -> ".join(cycle)
    return " -> ".join((*cycle[:3], "...", *cycle[-2:])) + f" ({len(cycle) - 1} flows)"


# Flows that are waited for


def _of_upstream(ties: Ties, upstream: Upstream, known: frozenset[FlowKey]) -> Iterator[Problem]:
    namespace, flow_id = upstream.namespace, upstream.flow_id
    if namespace is not None and flow_id is not None:
        key = FlowKey(namespace, flow_id)
        if key not in known:
            message = f"the trigger waits for the flow {key}, which is not in this repository"
            yield _problem(ties, upstream.place, "unknown-flow", message, meant_flow(key, known))
    elif flow_id is not None and not any(each.flow_id == flow_id for each in known):
        message = f"the trigger waits for a flow '{flow_id}', and none in this repository is called so"
        hint = _closest(flow_id, {each.flow_id for each in known})
        yield _problem(ties, upstream.place, "unknown-flow", message, hint)
    elif namespace is not None and not any(f"{each.namespace}.".startswith(f"{namespace}.") for each in known):
        message = f"the trigger waits for flows of the namespace '{namespace}', which has none in this repository"
        hint = _closest(namespace, {each.namespace for each in known})
        yield _problem(ties, upstream.place, "unknown-flow", message, hint)


# Files and secrets


def _of_files(ties: Ties, around: Surroundings) -> Iterator[Problem]:
    if around.files is None:
        return
    for named in ties.files:
        there = around.files(named.namespace)
        if named.path not in there:
            message = f"the namespace {named.namespace} has no file '{named.path}'"
            hint = _closest(named.path, there) or "namespace files lie in its folder `_files`"
            yield _problem(ties, named.place, "unknown-file", message, hint, fails=around.refuse_broken)


def _of_secrets(ties: Ties, around: Surroundings) -> Iterator[Problem]:
    if around.secrets is None:
        return
    for named in ties.secrets:
        if named.name not in around.secrets:
            message = f"no environment that is known here has the secret '{named.name}'"
            hint = _closest(named.name, around.secrets) or "name it under `secrets` in segue.yaml if the daemon has it"
            yield _problem(ties, named.place, "unknown-secret", message, hint)


def meant_flow(key: FlowKey, known: Collection[FlowKey]) -> str | None:
    elsewhere = sorted(str(each) for each in known if each.flow_id == key.flow_id)
    return f"did you mean {elsewhere[0]}?" if elsewhere else _closest(str(key), map(str, known))


def _closest(name: str, known: Iterable[str]) -> str | None:
    close = get_close_matches(name, sorted(known), n=1, cutoff=_SUGGESTION_CLOSENESS)
    return f"did you mean '{close[0]}'?" if close else None
