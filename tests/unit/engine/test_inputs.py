"""Inputs: what each type takes, its rules and their words, defaults, dependencies, files."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.engine.inputs import Owner, Resolved, in_dependency_order, resolve
from segue.engine.typed import Secret, UploadedFile
from segue.expression.evaluation import Scope
from segue.expression.outside import FrozenOutside
from segue.model.flow import DependsOn, Input
from segue.model.names import ExecutionId
from segue.storage.address import parts_of

OWNER = Owner(namespace="company.team", flow_id="load", execution_id=ExecutionId("e1"))
NOW = datetime(2024, 5, 15, 10, 30, tzinfo=UTC)


def an_input(id_: str, type_: str, depends_on: DependsOn | None = None, **rest: Any) -> Input:
    known = {key: rest.pop(key) for key in ("required", "defaults") if key in rest}
    return Input(id=id_, type=type_, depends_on=depends_on, options=rest, **known)


def resolved(*inputs: Input, variables: dict[str, Any] | None = None, **given: Any) -> Resolved:
    scope = Scope(variables=variables or {}, outside=FrozenOutside(now=NOW))
    return resolve(inputs, given, scope=scope, owner=OWNER)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("STRING", "text", "text"),
        ("STRING", 1, "1"),
        ("STRING", True, "true"),
        ("STRING", {"a": [1]}, '{"a":[1]}'),
        ("INT", "-12", -12),
        ("INT", 12, 12),
        ("FLOAT", "0.5", 0.5),
        ("FLOAT", "1e3", 1000.0),
        ("FLOAT", 2, 2.0),
        ("BOOL", "on", True),
        ("BOOL", "TRUE", True),
        ("BOOLEAN", "false", False),
        ("BOOL", False, False),
        ("DATETIME", "2019-10-06T18:27:49.5+02:00", "2019-10-06T16:27:49.500Z"),
        ("DATE", "2019-10-06", "2019-10-06"),
        ("TIME", "18:27:00", "18:27"),
        ("DURATION", "P1DT0.5S", "PT24H0.5S"),
        ("JSON", '{"a": [1, null]}', {"a": [1, None]}),
        ("JSON", [1], [1]),
        ("YAML", "a: no\nb: 1", {"a": "no", "b": 1}),
        ("URI", "https://localhost:8080/x?y=1", "https://localhost:8080/x?y=1"),
        ("EMAIL", "ada@example.com", "ada@example.com"),
        ("SECRET", "hidden", Secret("hidden")),
        ("FILE", "kestra:///company/x.csv", "kestra:///company/x.csv"),
        ("FILE", "nsfile:///x.csv", "nsfile:///x.csv"),
    ],
)
def test_a_type_takes_a_value(type_: str, value: Any, expected: Any) -> None:
    found = resolved(an_input("x", type_), x=value)
    assert found.errors == ()
    assert found.values == {"x": expected}


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("INT", "1.0"),
        ("INT", "ten"),
        ("INT", True),
        ("INT", 1.5),
        ("INT", "9" * 30),
        ("INT", "١٢"),
        ("FLOAT", "NaN"),
        ("FLOAT", "1,5"),
        ("FLOAT", "1e999"),
        ("BOOL", "maybe"),
        ("DATETIME", "2019-10-06T18:27:49"),
        ("DATETIME", "2019-10-06T18:27:49+99:00"),
        ("DATETIME", "yesterday"),
        ("DATE", "2019-02-30"),
        ("TIME", "25:00:00"),
        ("DURATION", "5 minutes"),
        ("JSON", "{"),
        ("JSON", "NaN"),
        ("JSON", "[" * 100_000),
        ("YAML", "a: ["),
        ("YAML", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + "d: *c\n" * 100_000),
        ("URI", "http:/bla"),
        ("EMAIL", "ada"),
        ("FILE", "/etc/passwd"),
        ("FILE", "file:///etc/passwd"),
        ("ARRAY", "{}"),
        ("NOTHING", "x"),
    ],
)
def test_a_type_refuses_a_value_and_says_which(type_: str, value: Any) -> None:
    [error] = resolved(an_input("x", type_), x=value).errors
    assert error.startswith("x: Invalid input for `x`, ")


def test_a_yaml_bomb_is_refused_by_what_it_would_grow_to() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
    [error] = resolved(an_input("x", "YAML"), x="\n".join(lines)).errors
    assert "more than 100000 values" in error


@pytest.mark.parametrize(
    ("declared", "value", "words"),
    [
        (an_input("x", "STRING", validator=r"A\d+"), "foo", "it must match the pattern `A\\d+`, but received `foo`"),
        (an_input("x", "STRING", validator=r"a|b"), "ab", "it must match the pattern `a|b`, but received `ab`"),
        (an_input("x", "INT", min=10), "9", "it must be more than `10`, but received `9`"),
        (an_input("x", "FLOAT", max=20), "20.5", "it must be less than `20.0`, but received `20.5`"),
        (an_input("x", "DATE", before="2023-12-31"), "2024-01-01", "it must be before `2023-12-31`"),
        (an_input("x", "TIME", after="01:00:00"), "00:30:00", "it must be after `01:00:00`"),
        (an_input("x", "DATETIME", after="2023-01-01T00:00:00Z"), "2022-01-01T00:00:00Z", "it must be after"),
        (an_input("x", "DURATION", min="PT10S"), "PT1S", "It must be more than `PT10S`, but received `PT1S`"),
        (an_input("x", "SELECT", values=["a", "b"]), "c", "it must match the values `[a, b]`, but received `c`"),
        (an_input("x", "MULTISELECT", values=["a", "b"]), '["a", "c"]', "it must match the values `[a, b]`"),
        (an_input("x", "ARRAY", itemType="INT"), [1, "b"], "Unable to parse array element as `INT` on `b`"),
        (an_input("x", "FILE", allowedFileExtensions=[".csv"]), UploadedFile("x.exe", "p", 1), "File type not allowed"),
    ],
    ids=lambda value: value.type if isinstance(value, Input) else None,
)
def test_a_broken_rule_is_told_in_kestras_words(declared: Input, value: Any, words: str) -> None:
    [error] = resolved(declared, x=value).errors
    assert words in error


def test_a_secret_is_never_told() -> None:
    [error] = resolved(an_input("x", "SECRET", validator="[0-9]+"), x="hidden").errors
    assert "hidden" not in error
    assert "hidden" not in f"{Secret('hidden')!r} {Secret('hidden')}"


def test_a_custom_value_passes_where_it_is_allowed() -> None:
    assert resolved(an_input("x", "SELECT", values=["a"], allowCustomValue=True), x="c").values == {"x": "c"}


def test_the_choices_of_an_expression_count() -> None:
    declared = an_input("x", "SELECT", expression="{{ values }}")
    assert resolved(declared, variables={"values": [1, 2]}, x="2").values == {"x": "2"}
    assert resolved(declared, variables={"values": '["a"]'}, x="a").values == {"x": "a"}
    [error] = resolved(declared, variables={"values": "text"}, x="2").errors
    assert "Invalid expression result. Expected a list of strings" in error


def test_the_first_choice_is_taken_where_asked_for() -> None:
    assert resolved(an_input("x", "SELECT", values=["a", "b"], autoSelectFirst=True)).values == {"x": "a"}
    assert resolved(an_input("x", "MULTISELECT", values=["a"], autoSelectFirst=True)).values == {"x": ["a"]}


def test_a_missing_required_input_is_an_error_and_an_optional_one_null() -> None:
    assert resolved(an_input("x", "INT")).errors == (
        "x: Invalid input for `x`, missing required input, but received `null`",
    )
    assert resolved(an_input("x", "INT", required=False)).values == {"x": None}


def test_a_default_is_rendered_with_the_inputs_before_it() -> None:
    found = resolved(
        an_input("first", "STRING"),
        an_input("second", "STRING", defaults="{{ inputs.first }}-{{ vars.x }}"),
        an_input("third", "JSON", defaults={"a": ["{{ inputs.second }}"]}),
        variables={"vars": {"x": 1}},
        first="one",
    )
    assert found.values == {"first": "one", "second": "one-1", "third": {"a": ["one-1"]}}
    assert [each.is_default for each in found.inputs] == [False, True, True]


def test_a_default_that_cannot_be_rendered_is_that_inputs_error() -> None:
    [error] = resolved(an_input("x", "STRING", defaults="{{ nothing }}")).errors
    assert "Unable to find `nothing`" in error


def test_a_file_of_the_machine_may_be_a_default_but_is_never_given() -> None:
    declared = an_input("x", "FILE", defaults="file:///data/default.csv")
    assert resolved(declared).values == {"x": "file:///data/default.csv"}
    assert resolved(declared, x="file:///etc/passwd").errors


def test_dots_in_ids_make_nested_maps_both_ways() -> None:
    declared = (an_input("a.b", "INT"), an_input("a.c.d", "INT"), an_input("e", "INT"))
    expected = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert resolved(*declared, **{"a.b": 1, "a.c.d": 2, "e": 3}).values == expected
    assert resolved(*declared, a={"b": 1, "c": {"d": 2}}, e=3).values == expected


def test_an_input_is_enabled_when_all_it_depends_on_is_and_its_condition_holds() -> None:
    declared = (
        an_input("third", "STRING", DependsOn(inputs=("second",))),
        an_input("second", "STRING", DependsOn(inputs=("first",), condition="{{ inputs.first == 'yes' }}")),
        an_input("first", "STRING"),
    )
    given_all = {"first": "yes", "second": "2", "third": "3"}
    assert resolved(*declared, **given_all).values == given_all
    disabled = resolved(*declared, **(given_all | {"first": "no"}))
    assert disabled.values == {"first": "no"}
    assert [(each.input.id, each.value, each.is_enabled) for each in disabled.inputs] == [
        ("third", "3", False),
        ("second", "2", False),
        ("first", "no", True),
    ]


def test_a_condition_that_cannot_be_evaluated_disables_and_says_so() -> None:
    found = resolved(an_input("x", "STRING", DependsOn(condition="{{ nothing.at.all }}")), x="1")
    assert found.errors == ()
    assert not found.inputs[0].is_enabled
    assert "Invalid condition" in found.inputs[0].errors[0]


def test_a_form_is_nested_under_its_id() -> None:
    form = an_input("form", "FORM", inputs=(an_input("a", "INT"), an_input("b", "INT", defaults="{{ inputs.form.a }}")))
    assert resolved(form, **{"form.a": "1"}).values == {"form": {"a": 1, "b": 1}}
    assert resolved(form, form={"a": 1, "b": 2}).values == {"form": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("data.csv", "data.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.csv", "x.csv"),
        ("a:b?.csv", "a_b_.csv"),
        ("..", "file.upl"),
        ("", "file.upl"),
        ("\x00\n", "file.upl"),
        ("übung 1.csv", "%C3%BCbung%201.csv"),
        ("100%2F.csv", "100%252F.csv"),
        ("\udc80x.csv", "x.csv"),
        ("é" * 300 + ".csv", "%C3%A9" * 98 + ".csv"),
    ],
)
def test_an_upload_gets_a_safe_address_below_its_execution(name: str, stored: str) -> None:
    found = resolved(an_input("file", "FILE"), file=UploadedFile(name, "/tmp/upload", 3))
    uri = f"kestra:///company/team/load/executions/e1/inputs/file/{stored}"
    assert found.values == {"file": uri}
    assert [(each.input_id, each.uri, each.file.path) for each in found.files] == [("file", uri, "/tmp/upload")]
    assert parts_of(uri)[:-1] == ("company", "team", "load", "executions", "e1", "inputs", "file")


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3)), max_size=9, unique_by=lambda x: x[0]
    )
)
def test_every_input_is_looked_at_once_whatever_depends_on_what(edges: list[tuple[int, list[int]]]) -> None:
    inputs = [an_input(str(at), "INT", DependsOn(inputs=tuple(map(str, on))), required=False) for at, on in edges]
    ordered = in_dependency_order(inputs)
    assert sorted(each.id for each in ordered) == sorted(each.id for each in inputs)
    assert len(resolved(*inputs).inputs) == len(inputs)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TYPES = [
    "STRING",
    "INT",
    "FLOAT",
    "BOOL",
    "DATETIME",
    "DATE",
    "TIME",
    "DURATION",
    "FILE",
    "JSON",
    "YAML",
    "URI",
    "EMAIL",
    "SECRET",
    "ARRAY",
    "MULTISELECT",
    "SELECT",
]


@given(st.sampled_from(TYPES), json_values)
def test_nothing_that_is_given_ever_raises(type_: str, value: Any) -> None:
    resolved(an_input("x", type_, min=None, max=None), x=value)
