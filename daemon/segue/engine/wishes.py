"""Wishes: what a task asks for about its own execution - labels, variables, its end."""

from collections.abc import Iterator, Mapping
from typing import Any

from segue.engine.ending import EXIT
from segue.engine.scene import Scene
from segue.model.change import Change, LabelsChanged, ProgressMade, VariablesChanged
from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted, Wish


def granted(scene: Scene, wishes: tuple[Wish, ...]) -> Iterator[Change]:
    """Each kind adds up over all wishes; the last end that is asked for counts."""
    labels, variables = dict(scene.execution.labels), scene.execution.variables
    notes = scene.execution.progress.notes
    for wish in wishes:
        match wish:
            case LabelsWanted():
                labels |= wish.labels
            case VariablesWanted():
                variables = _without(_merged(variables, wish.set), wish.removed)
            case ExitWanted() if wish.state.is_final:
                notes = {**notes, EXIT: wish.state.value}
            case ExitWanted():
                pass
    if labels != scene.execution.labels:
        yield LabelsChanged(labels=labels)
    if variables is not scene.execution.variables:
        yield VariablesChanged(variables=variables)
    if notes is not scene.execution.progress.notes:
        yield ProgressMade(id=None, fields={"notes": notes})


def _merged(into: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged key by key, all the way down; anything else is replaced."""
    merged = dict(into)
    for key, value in new.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _without(variables: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if name not in names}
