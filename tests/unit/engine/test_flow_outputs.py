"""Outputs of a flow: read as their types, and what becomes of an execution whose outputs are not there."""

from typing import Any

from segue.model.change import Logged
from segue.model.output import Output
from segue.model.state import State

from tests.support.engine import Player, flow

SECRET = "{{ secret('S') }}"
NOT_THERE = "{{ outputs.nobody.value }}"


def output(id: str, type: str, value: Any, **keys: Any) -> Output:  # noqa: A002
    return Output(id=id, type=type, value=value, **keys)


def ended(*outputs: Output, **keys: Any) -> Player:
    return Player(flow("a", outputs=outputs), **keys).run()


def messages(player: Player) -> list[tuple[str, str]]:
    return [(change.level, change.message) for change in player.changes if isinstance(change, Logged)]


def test_elements_of_a_list_are_of_the_type_of_items_and_without_one_as_they_are() -> None:
    player = ended(
        output("typed", "ARRAY", "{{ ['1', 2] }}", item_type="INT"), output("as_it_is", "ARRAY", "{{ ['1', 2] }}")
    )

    assert player.execution.outputs == {"typed": [1, 2], "as_it_is": ["1", 2]}


def test_an_output_that_is_null_fails_the_execution() -> None:
    player = ended(output("o", "STRING", "{{ null }}"))

    assert (player.state, player.execution.outputs) == (State.FAILED, None)
    [(level, message)] = messages(player)
    assert level == "ERROR"
    assert "Output `o`: the value is null, and the output is required" in message


def test_one_that_may_be_missing_is_null_where_it_does_not_render_and_the_others_are_there() -> None:
    missing = output("missing", "STRING", NOT_THERE, required=False)
    player = ended(missing, output("null", "INT", "{{ null }}", required=False), output("o", "INT", "{{ 1 + 1 }}"))

    assert (player.state, player.execution.outputs) == (State.SUCCESS, {"missing": None, "null": None, "o": 2})
    [(level, message)] = messages(player)
    assert level == "WARN"
    assert message.startswith("The output `missing`, which may be missing, is: Unable to find `nobody`")


def test_one_that_may_be_missing_has_to_be_of_its_type_all_the_same() -> None:
    assert ended(output("o", "INT", "five", required=False)).state is State.FAILED


def test_a_worker_is_asked_for_each_that_may_be_missing_by_itself() -> None:
    declared = (output("o", "STRING", SECRET), output("m", "STRING", SECRET, required=False))
    player = ended(*declared, answers={"outputs": {"o": "x"}, "outputs.m": {"m": "y"}})

    assert (player.state, player.execution.outputs) == (State.SUCCESS, {"o": "x", "m": "y"})
