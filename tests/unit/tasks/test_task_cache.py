"""Outputs that a task keeps from run to run: for the same properties, for their time, while their files are there."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from segue.expression.errors import ExpressionError
from segue.storage.local import LocalStorage
from segue.tasks import task_cache

from tests.support.pools import order_of

RENDERED = {"content": "same", "extension": ".txt"}


class Context(SimpleNamespace):
    """As much of a task's context as this takes."""

    def __init__(self, folder: Path, **order: Any) -> None:
        storage = LocalStorage(folder)
        super().__init__(
            storage=storage, open_file=storage.open, order=order_of("core.storage.Write", **order), said=[]
        )

    def log(self, _level: str, message: str) -> None:
        self.said.append(message)

    def render(self, template: str) -> str:
        if "item" in template:
            raise ExpressionError("Unable to find `item`")
        return template.replace("{{ x }}", self.order.variables["x"])


def address(folder: Path, rendered: Mapping[str, Any] = RENDERED, unrendered: str = "", **order: Any) -> str:
    context: Any = Context(folder, **order)
    return task_cache.address_of(context, rendered, {unrendered})


def kept(folder: Path, outputs: dict[str, Any], seconds: float | None = None) -> dict[str, Any] | None:
    context: Any = Context(folder)
    task_cache.keep(context, "kestra:///company/outputs.json", outputs)
    return task_cache.found(context, "kestra:///company/outputs.json", seconds)


def test_the_same_properties_in_the_same_place_have_the_same_outputs(tmp_path: Path) -> None:
    assert address(tmp_path) == address(tmp_path, dict(reversed(RENDERED.items())))


@pytest.mark.parametrize(
    "other",
    [
        {"rendered": {**RENDERED, "content": "other"}},
        {"variables": {"taskrun": {"value": "a"}}},
        {"task_id": "other"},
        {"flow_id": "other"},
    ],
)
def test_other_properties_values_tasks_and_flows_have_others(tmp_path: Path, other: dict[str, Any]) -> None:
    assert address(tmp_path, **other) != address(tmp_path)


def test_files_of_namespaces_are_those_of_the_commit(tmp_path: Path) -> None:
    def at(commit: str, **more: Any) -> str:
        return address(tmp_path, {**RENDERED, **more}, commit=commit)

    assert at("a" * 40) == at("b" * 40)
    assert at("a" * 40, namespaceFiles={}) != at("b" * 40, namespaceFiles={})


def test_what_a_task_renders_itself_counts_as_rendered_if_it_can_be(tmp_path: Path) -> None:
    def of(template: str, x: str) -> str:
        return address(tmp_path, {"format": template}, "format", variables={"x": x})

    assert of("{{ x }}", "1") != of("{{ x }}", "2")
    assert of("{{ item }}", "1") == of("{{ item }}", "2")


@pytest.mark.parametrize(("seconds", "outputs"), [(None, {"n": 1}), (3600.0, {"n": 1}), (-1.0, None)])
def test_outputs_are_found_for_their_time(tmp_path: Path, seconds: float | None, outputs: Any) -> None:
    assert kept(tmp_path, {"n": 1}, seconds) == outputs


def test_outputs_whose_files_are_gone_are_not_found(tmp_path: Path) -> None:
    assert kept(tmp_path, {"outputFiles": {"a": "kestra:///company/gone"}, "n": ["x"]}) is None
