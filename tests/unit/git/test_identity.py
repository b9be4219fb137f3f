import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from segue.git import identity
from segue.git.identity import Readable, Unreadable, document_text, read_identity

from tests.support.repositories import flow_text


def flows_in(text: str) -> list[tuple[str | None, str]]:
    found = read_identity(text.encode(), "blob")
    assert isinstance(found, Readable), found
    return [(flow.namespace, flow.flow_id) for flow in found.flows]


TASKS = "tasks:\n- id: x\n  type: y\n"
QUICK = {
    "plain": f"id: a\nnamespace: b.c\n{TASKS}",
    "quoted": f"id: 'a'\nnamespace: \"b.c\"\n{TASKS}",
    "comments": f"# id: no\nid: a # yes\nnamespace:   b.c   # too\n{TASKS}",
    "leading mark": f"# first\n---\nid: a\nnamespace: b.c\n{TASKS}",
    "windows lines": f"id: a\nnamespace: b.c\n{TASKS}".replace("\n", "\r\n"),
    "last": f"{TASKS}namespace: b.c\nid: a",
    "flow sequence": "id: a\nnamespace: b.c\ntasks: [{id: x, type: y}]\n",
    "deeper ids": f"id: a\nnamespace: b.c\ninputs:\n  - id: z\n    namespace: w\n{TASKS}",
    "text with keys": f"id: a\nnamespace: b.c\ndescription: |\n  id: z\n  tasks:\n{TASKS}",
}
SLOW = {
    "quoted keys": f"\"id\": a\n'namespace': b.c\n{TASKS}",
    "flow mapping": "{id: a, namespace: b.c, tasks: [x]}",
    "indented": "  id: a\n  namespace: b.c\n  tasks: []\n",
    "anchor": f"id: &x a\nnamespace: b.c\n{TASKS}",
    "block scalar": f"id: >-\n  a\nnamespace: b.c\n{TASKS}",
    "with byte order mark": f"\ufeffid: a\nnamespace: b.c\n{TASKS}",
    "complex key": f"? [id, x]\n: 1\nid: a\nnamespace: b.c\n{TASKS}",
    "end mark": f"id: a\nnamespace: b.c\n{TASKS}...\n",
    "old line breaks": f"id: a\rnamespace: b.c\r{TASKS}",
    "directive": f"%YAML 1.2\n---\nid: a\nnamespace: b.c\n{TASKS}",
}


@pytest.mark.parametrize("text", QUICK.values(), ids=QUICK.keys())
def test_the_usual_forms_are_read_without_yaml(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "_full_identity", lambda *_: pytest.fail("YAML was asked"))
    assert flows_in(text) == [("b.c", "a")]


@pytest.mark.parametrize("text", [*QUICK.values(), *SLOW.values()], ids=[*QUICK, *SLOW])
def test_yaml_reads_every_form_the_same(text: str):
    assert flows_in(text) == [("b.c", "a")]
    full = identity._full_identity(text.encode(), "blob")
    assert isinstance(full, Readable)
    assert [(flow.namespace, flow.flow_id, flow.content) for flow in full.flows] == [("b.c", "a", "blob")]


def test_a_namespace_may_be_left_to_the_folder():
    assert flows_in(f"id: a\n{TASKS}") == [(None, "a")]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "a: b\n", "- id\n- tasks\n", "[id, a, tasks, b]", "just text", "version: '3'\nservices: {}\n"],
)
def test_yaml_without_id_and_tasks_is_no_flow(text: str):
    found = read_identity(text.encode(), "blob")
    assert found == Readable(())


@pytest.mark.parametrize(("text", "missing"), [("id: a\nnamespace: b\n", "tasks"), (TASKS, "id")])
def test_what_is_nearly_a_flow_says_what_it_lacks(text: str, missing: str):
    assert read_identity(text.encode(), "blob") == Readable((), missing)


def test_several_documents_are_told_apart():
    text = f"{flow_text('a', 'x')}---\nnot: a flow\n---\n{flow_text('b', 'x')}"
    found = read_identity(text.encode(), "blob")
    assert isinstance(found, Readable)
    assert [(flow.flow_id, flow.document) for flow in found.flows] == [("a", 0), ("b", 2)]
    assert len({flow.content for flow in found.flows} | {"blob"}) == 3


def test_a_change_next_door_leaves_a_documents_content():
    def contents(message: str) -> list[str]:
        found = read_identity(f"{flow_text('a')}---\n{flow_text('b', message=message)}".encode(), message)
        assert isinstance(found, Readable)
        return [flow.content for flow in found.flows]

    before, after = contents("one"), contents("two")
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_documents_count_as_yaml_counts_them():
    text = f"---\n---\n# nothing\n---\n{flow_text('a')}...\n---\n{flow_text('b')}"
    loaded = list(yaml.safe_load_all(text))
    found = read_identity(text.encode(), "blob")
    assert isinstance(found, Readable)
    assert [loaded[flow.document]["id"] for flow in found.flows] == ["a", "b"]


def test_one_document_can_be_taken_out_and_keeps_its_lines():
    text = f"{flow_text('a')}---\n# about b\n{flow_text('b')}"
    taken = document_text(text.encode(), 1)
    assert yaml.safe_load(taken)["id"] == "b"
    assert taken.splitlines().index("id: b") == text.splitlines().index("id: b")
    assert document_text(flow_text().encode(), 0) == flow_text()


def test_a_text_broken_after_its_id_still_says_whose_it_is():
    assert flows_in(f"id: a\nnamespace: b\n{TASKS}  broken: [\n") == [("b", "a")]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"id: {\ntasks: [\n", "yaml-syntax", 3),
        (b"\tid: a\ntasks:\n", "yaml-syntax", 1),
        (b"id: a b\nnamespace: c\ntasks: []\n", "invalid-identity", 0),
        (b"id: ../a\nnamespace: c\ntasks: []\n", "invalid-identity", 0),
        (b"id: a\nnamespace: B!\ntasks: []\n", "invalid-identity", 0),
        (b"id: [a]\ntasks: []\n", "invalid-identity", 0),
        (b"'id': a\nb: \xff\n", "not-utf-8", 2),
        (b"id: " + b"x" * 200 + b"\ntasks: []\n", "invalid-identity", 0),
        (b"---\n" * 1500, "too-many-documents", 0),
    ],
)
def test_a_text_of_nobody_is_unreadable_with_a_place(data: bytes, code: str, line: int):
    found = read_identity(data, "blob")
    assert isinstance(found, Unreadable), found
    assert found.code == code
    if line:
        assert found.line == line


@pytest.mark.parametrize(
    "data",
    [
        b"'id': a\nx: " + b"[" * 20_000,
        b"'id': a\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\ntasks: []\n",
        b"'id': a\n" + b"- " * 10_000,
    ],
    ids=["deep", "bomb", "nested"],
)
def test_hostile_yaml_is_answered_and_does_no_harm(data: bytes):
    assert isinstance(read_identity(data, "blob"), Readable | Unreadable)


@given(st.binary(max_size=200) | st.text(alphabet="id: namespace\ntasks-'\"{}[]#&*!|>", max_size=80).map(str.encode))
def test_no_text_makes_it_fail(data: bytes):
    assert isinstance(read_identity(data, "blob"), Readable | Unreadable)


@given(st.text(alphabet="idnamespctks: \r\n-'\"{}[]#abc.", max_size=120))
def test_the_quick_answer_is_the_one_that_yaml_gives(text: str):
    data = f"id: a\nnamespace: b\ntasks: []\n{text}".encode()
    quick, full = identity._quick_identity(data, "blob"), identity._full_identity(data, "blob")
    if quick is not None and isinstance(full, Readable):
        assert quick == full
