"""Which revisions a history makes, on histories small enough to read: a commit is a dict of path -> flows in it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.engine.revisions import (
    Claim,
    Ledger,
    Plan,
    Step,
    allows_prune,
    duplicates,
    newest_valid,
    plan_history,
    plan_rewrite,
    prune_held,
)
from segue.model.revision import Author, Commit, FlowKey, Revision

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def commit(number: int, message: str = "change") -> Commit:
    return Commit(
        commit_id=f"{number:040x}",
        parents=(),
        author=Author(f"author {number}", "a@example.com"),
        authored_at=EPOCH,
        committed_at=EPOCH,
        message=message,
    )


def claims(path: str, flows: dict[str, str]) -> tuple[Claim, ...]:
    pairs = enumerate(flows.items())
    return tuple(Claim(FlowKey("n", flow), path, index, content, content) for index, (flow, content) in pairs)


def history(*commits: dict[str, dict[str, str]], start: int = 1) -> list[Step]:
    return [
        Step(commit(number), {path: claims(path, flows) for path, flows in files.items()})
        for number, files in enumerate(commits, start)
    ]


def plan(*commits: dict[str, dict[str, str]]) -> Plan:
    return plan_history(Ledger(), history(*commits))


def seen(planned: Plan) -> list[str]:
    """Revisions as words: flow, number, content or a cross for a deletion."""
    return [f"{r.key.flow_id}{r.number}{'x' if r.is_deleted else '=' + r.content}" for r in planned.revisions]


CASES = {
    "a new flow": ([{"f": {"a": "1"}}], ["a1=1"]),
    "a change": ([{"f": {"a": "1"}}, {"f": {"a": "2"}}], ["a1=1", "a2=2"]),
    "the same again": ([{"f": {"a": "1"}}, {"f": {"a": "1"}}], ["a1=1"]),
    "there and back": ([{"f": {"a": "1"}}, {"f": {"a": "2"}}, {"f": {"a": "1"}}], ["a1=1", "a2=2", "a3=1"]),
    "a move": ([{"f": {"a": "1"}}, {"f": {}, "g": {"a": "1"}}], ["a1=1"]),
    "a move with a change": ([{"f": {"a": "1"}}, {"f": {}, "g": {"a": "2"}}], ["a1=1", "a2=2"]),
    "a deletion": ([{"f": {"a": "1"}}, {"f": {}}], ["a1=1", "a2x"]),
    "a return": ([{"f": {"a": "1"}}, {"f": {}}, {"g": {"a": "1"}}], ["a1=1", "a2x", "a3=1"]),
    "a new id in the file": ([{"f": {"a": "1"}}, {"f": {"b": "1"}}], ["a1=1", "a2x", "b1=1"]),
    "two swapped ids": (
        [{"f": {"a": "1"}, "g": {"b": "2"}}, {"f": {"b": "1"}, "g": {"a": "2"}}],
        ["a1=1", "b1=2", "a2=2", "b2=1"],
    ),
    "two swapped files": ([{"f": {"a": "1"}, "g": {"b": "2"}}, {"f": {"b": "2"}, "g": {"a": "1"}}], ["a1=1", "b1=2"]),
    "two documents": ([{"f": {"a": "1", "b": "2"}}, {"f": {"a": "1", "b": "3"}}], ["a1=1", "b1=2", "b2=3"]),
    "a duplicate that loses": ([{"f": {"a": "1"}}, {"g": {"a": "2"}}], ["a1=1"]),
    "a duplicate that wins": ([{"f": {"a": "1"}}, {"e": {"a": "2"}}], ["a1=1", "a2=2"]),
    "the winner goes": ([{"e": {"a": "1"}, "f": {"a": "2"}}, {"e": {}}], ["a1=1", "a2=2"]),
    "the loser goes": ([{"e": {"a": "1"}, "f": {"a": "2"}}, {"f": {}}], ["a1=1"]),
    "twice in one file": ([{"f": {"a": "1"}}, {}, {"f": {"a": "1"}}], ["a1=1"]),
}


@pytest.mark.parametrize(("commits", "revisions"), CASES.values(), ids=CASES.keys())
def test_a_history_makes_these_revisions(commits: list[dict[str, dict[str, str]]], revisions: list[str]):
    assert seen(plan(*commits)) == revisions


def test_a_revision_says_commit_author_path_and_content():
    [revision] = plan({"flows/n/a.yaml": {"a": "blob"}}).revisions
    assert revision == Revision(
        key=FlowKey("n", "a"),
        number=1,
        commit_id=commit(1).commit_id,
        author=Author("author 1", "a@example.com"),
        committed_at=EPOCH,
        path="flows/n/a.yaml",
        blob="blob",
        document=0,
        content="blob",
    )


def test_a_deletion_is_credited_to_who_deleted_and_holds_the_last_text():
    deleted = plan({"f": {"a": "1"}}, {"f": {}}).revisions[-1]
    assert (deleted.author.name, deleted.blob, deleted.path) == ("author 2", "1", "f")


def test_what_is_live_knows_where_its_file_is_now():
    moved = plan({"f": {"a": "1"}, "h": {"b": "1"}}, {"f": {}, "g": {"a": "1"}, "h": {}})
    assert {key.flow_id: (each.revision.number, each.path) for key, each in moved.ledger.live.items()} == {
        "a": (1, "g")
    }


def test_the_second_of_two_files_with_one_flow_is_the_duplicate():
    planned = plan({"b": {"x": "1"}, "a": {"x": "2"}})
    [duplicate] = duplicates(planned.ledger)
    assert (duplicate.claim.path, duplicate.holder) == ("b", "a")


steps = st.lists(
    st.dictionaries(
        st.sampled_from("pqrs"), st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=2), max_size=3
    ),
    max_size=8,
)


@given(steps, st.integers(0, 8))
def test_numbers_do_not_depend_on_when_we_looked(commits: list[dict[str, dict[str, str]]], cut: int):
    whole = plan(*commits)
    before = plan(*commits[:cut])
    after = plan_history(before.ledger, history(*commits[cut:], start=min(cut, len(commits)) + 1))
    assert before.revisions + after.revisions == whole.revisions
    assert after.ledger == whole.ledger


@given(steps)
def test_numbers_count_up_by_one_and_each_revision_differs_from_the_last(commits: list[dict[str, dict[str, str]]]):
    last: dict[FlowKey, Revision] = {}
    for revision in plan(*commits).revisions:
        before = last.get(revision.key)
        assert revision.number == (before.number + 1 if before else 1)
        assert before is None or (before.content, before.is_deleted) != (revision.content, revision.is_deleted)
        last[revision.key] = revision


@given(steps)
def test_what_is_live_is_what_the_files_claim(commits: list[dict[str, dict[str, str]]]):
    ledger = plan(*commits).ledger
    assert set(ledger.live) == {claim.key for each in ledger.files.values() for claim in each}


@given(steps, steps)
def test_a_rewrite_ends_with_the_new_world_and_keeps_what_was(
    old: list[dict[str, dict[str, str]]], new: list[dict[str, dict[str, str]]]
):
    before, fresh = plan(*old), plan(*new)
    rewritten = plan_rewrite(before.ledger, commit(99), fresh.ledger.files, {})
    assert rewritten.ledger.files == fresh.ledger.files
    assert {key: each.revision.content for key, each in rewritten.ledger.live.items()} == {
        key: each.revision.content for key, each in fresh.ledger.live.items()
    }
    for revision in rewritten.revisions:
        known = before.ledger.standings.get(revision.key)
        assert known is None or revision.number == known.revision.number + 1


def test_a_rewrite_credits_who_made_the_change():
    before = plan({"f": {"a": "1"}, "g": {"b": "1"}})
    credit = {("f", "2"): commit(7), ("g", None): commit(8)}
    rewritten = plan_rewrite(
        before.ledger, commit(9), {"f": claims("f", {"a": "2"}), "h": claims("h", {"c": "1"})}, credit
    )
    assert [(r.key.flow_id, r.author.name) for r in rewritten.revisions] == [
        ("a", "author 7"),
        ("b", "author 8"),
        ("c", "author 9"),
    ]


def test_the_newest_valid_revision_is_live_unless_a_deletion_lies_between():
    one, two, gone, back = plan({"f": {"a": "1"}}, {"f": {"a": "2"}}, {"f": {}}, {"f": {"a": "3"}}).revisions
    assert newest_valid([two, one], lambda each: each is one) is one
    assert newest_valid([back, gone, two, one], lambda each: each is not back) is None
    assert newest_valid([back, gone, two, one], lambda _: True) is back
    assert newest_valid([], lambda _: True) is None


def keys(count: int, prefix: str = "f") -> set[FlowKey]:
    return {FlowKey("n", f"{prefix}{number}") for number in range(count)}


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        (keys(1), keys(0), True),
        (keys(9), keys(0), True),
        (keys(9), keys(1), False),
        (keys(10), keys(5), False),
        (keys(10), keys(4), True),
        (keys(0), keys(0), False),
        (keys(0), keys(5), False),
        (keys(1), keys(1, "g"), False),
        (keys(10), keys(10, "g"), True),
    ],
)
def test_retiring_all_or_most_flows_is_held(before: set[FlowKey], after: set[FlowKey], *, held: bool):
    assert (prune_held(before, after, allowed=False) is not None) == held
    assert prune_held(before, after, allowed=True) is None


def test_a_trailer_allows_to_prune():
    assert allows_prune([commit(1), commit(2, "Clean up\n\nSegue-Allow-Prune: true")])
    assert not allows_prune([commit(1, "Segue-Allow-Prune: true"), commit(2, "x\n\nSegue-Allow-Prune: no")])
