"""Functions: those that are pure, in a table; those that reach outside, by what they ask."""

import pytest
from segue.expression.errors import ExpressionError
from segue.expression.functions import FUNCTIONS
from segue.expression.outside import Closed
from segue.expression.template import Scope, compile_template

from tests.unit.expression.rendering import render, value

TASKS = {"one": {"state": "FAILED"}, "each": {"a": {"state": "SUCCESS"}, "b": {"state": "FAILED"}}}
LOOP = {
    "outputs": {"t": {"x": {"1": {"value": "x1"}, "2": {"value": "x2"}}}, "each": {"x": {"own": 1}}, "seq": {"k": 5}},
    "taskrun": {"value": "2", "iteration": 1},
    "task": {"id": "t"},
    "parents": [{"task": {"id": "each"}, "taskrun": {"value": "x"}}, {"task": {"id": "seq"}}],
    "parent": {"task": {"id": "each"}, "taskrun": {"value": "x"}},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("now()", "2024-05-15T10:30:45.123456Z"),
        ("now(format='iso_local_date')", "2024-05-15"),
        ("now(timeZone='Asia/Tokyo', format='HH:mm XXX')", "19:30 +09:00"),
        ("fromJson('{\"a\": [1, 2.5, null]}').a[1]", 2.5),
        ("json('[1]')[0]", 1),
        ("fromJson(null)", None),
        (
            "yaml('a: yes\nb: 2024-01-01\nc: 12:30\nd: 0b1\ne: 1.5\nf: ~')",
            {"a": "yes", "b": "2024-01-01", "c": "12:30", "d": "0b1", "e": 1.5, "f": None},
        ),
        ("fromIon('{a:1, b:[x, \"y\", null.int]}')", {"a": 1, "b": ["x", "y", None]}),
        ("fromIon('{a:1}\n{a:2}', allRows=true)", [{"a": 1}, {"a": 2}]),
        ("render('{{ x }}')", "v"),
        ("render(twice)", "v"),
        ("renderOnce(twice)", "{{ x }}"),
        ("render(twice, recursive=false)", "{{ x }}"),
        ("render(12)", "12"),
        ("uuid() | length", 36),
        ("id() | length", 22),
        ("ksuid() | length", 27),
        ("nanoId() | length", 21),
        ("nanoId(length=5, alphabet='a')", "aaaaa"),
        ("randomInt(3, 4)", 3),
        ("range(1, 3)", [1, 2, 3]),
        ("range(1, 6, 2)", [1, 3, 5]),
        ("range(3, 1, -1)", [3, 2, 1]),
        ("range('a', 'c')", ["a", "b", "c"]),
        ("max(1, 3.5, 2)", 3.5),
        ("min(1, 3.5, 2)", 1),
        (
            "tasksWithState('failed')",
            [{"taskId": "one", "state": "FAILED"}, {"taskId": "each", "state": "FAILED", "value": "b"}],
        ),
        ("currentEachOutput(outputs.t).value", "x2"),
        ("parentOutput()", {"own": 1}),
        ("parentOutput(0)", {"k": 5}),
        ("iterationOutput()", "x1"),
        ("iterationOutput('t', 1)", "x2"),
        ("loopOutputs([{'outputs': {'a': 1}}, {}], 'a')", [1, None]),
        ("fetchContext().x", "v"),
        ("fromJson(printContext()).x", "v"),
        ("fileURI('a/b.txt')", "kestra:///company/team/_files/a/b.txt"),
        ("fileURI('/a.txt', 'other.ns')", "kestra:///other/ns/_files/a.txt"),
        ("isWeekend('2024-05-18')", True),
        ("dayOfWeek('2025-01-06T00:30:00+02:00')", "MONDAY"),
        ("dayOfMonth('2024-05-15')", 15),
        ("monthOfYear('2024-05-15')", 5),
        ("hourOfDay('2025-01-06T14:30:00+02:00')", 14),
        ("isDayWeekInMonth('2024-05-13', 'monday', 'SECOND')", True),
        ("isDayWeekInMonth('2024-05-27', 'MONDAY', 'last')", True),
        ("isLastWorkingDay('2024-05-31')", True),
        ("isLastWorkingDay('2024-05-30', 'THURSDAY MONDAY')", True),
        ("isDateBetween('2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z', '2026-01-01T03:00:00+02:00')", True),
    ],
)
def test_a_function_gives(expression, expected):
    names = {"x": "v", "twice": "{{ '{{ x }}' }}", "tasks": TASKS, "flow": {"namespace": "company.team"}, **LOOP}
    assert value(expression, **names) == expected


@pytest.mark.parametrize("taskrun", [{}, {"value": None}])
def test_current_each_output_of_a_task_without_a_value_is_that_of_its_iteration(taskrun):
    """In a flowable of an iteration neither the task run nor its siblings have a value of their own."""
    names = {**LOOP, "taskrun": taskrun, "outputs": {"t": {"x": {"value": "x1"}}}}
    assert value("currentEachOutput(outputs.t).value", **names) == "x1"


class Recorder(Closed):
    """An outside that answers with what it was asked."""

    def secret(self, key, namespace, subkey):
        return f"secret {key} {namespace} {subkey}"

    def kv(self, key, namespace, *, error_on_missing):
        return {"asked": [key, namespace, error_on_missing]}

    def read(self, path, namespace, revision):
        return f"read {path} {namespace} {revision}"

    def file_size(self, path, namespace):
        return 24

    def file_exists(self, path, namespace):
        return True

    def is_file_empty(self, path, namespace):
        return False

    def http(self, request):
        return request

    def subflow(self, request):
        return {"outputs": request}

    def error_logs(self):
        return [{"message": "first"}]

    def encrypt(self, key, plaintext):
        return f"{key}:{plaintext}"

    def decrypt(self, key, encrypted):
        return encrypted.removeprefix(f"{key}:")

    def public_holiday(self, day, country, subdivision):
        return (day.month, day.day, country, subdivision) == (12, 25, "FR", None)

    def free_port(self):
        return 5000


ASKING = [
    ("secret('KEY')", "secret KEY None None"),
    ("secret('KEY', namespace='ns', subkey='s')", "secret KEY ns s"),
    ("kv('k').asked", '["k",null,false]'),
    ("kv('k', 'ns', false).asked", '["k","ns",false]'),
    ("read('a.txt', namespace='ns')", "read a.txt ns None"),
    ("fileSize('a')", "24"),
    ("fileExists('a')", "true"),
    ("isFileEmpty('a')", "false"),
    ("http('https://x', method='POST', body={'a': 1}).body", '{"a":1}'),
    ("subflow('ns', 'f', inputs={'a': 1}).outputs.inputs", '{"a":1}'),
    ("errorLogs()[0].message", "first"),
    ("decrypt('k', encrypt('k', 'plain'))", "plain"),
    ("isPublicHoliday('2024-12-25', 'FR')", "true"),
    ("randomPort()", "5000"),
]


@pytest.mark.parametrize(("expression", "expected"), ASKING)
def test_a_function_that_reaches_outside_asks_there(expression, expected):
    template = compile_template("{{ " + expression + " }}")
    assert template.render(Scope(outside=Recorder())) == expected
    assert template.effects


@pytest.mark.parametrize("expression", [expression for expression, _ in ASKING])
def test_a_closed_outside_refuses(expression):
    with pytest.raises(ExpressionError, match="is not available here"):
        compile_template("{{ " + expression + " }}").render(Scope())


def test_functions_that_need_a_worker_are_marked():
    effects = {name for name, signature in FUNCTIONS.items() if signature.effect}
    assert {"secret", "kv", "read", "http", "errorLogs", "render", "subflow", "encrypt"} <= effects
    assert not effects & {"now", "uuid", "randomInt", "fromJson", "range", "fileURI"}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("nosuch()", "Function or Macro [nosuch] does not exist."),
        ("fromJson()", "The 'fromJson' function expects an argument 'json'."),
        ("fromJson(1)", "The 'fromJson' function expects an argument 'json' with type string."),
        ("fromJson('{')", "Invalid json:"),
        ("yaml('a: [')", "Invalid yaml:"),
        ("fromIon('{')", "Invalid ion:"),
        ("range(1, 2, 0)", "The increment of the range function must be different than 0"),
        ("randomInt('1', 2)", "The 'randomInt()' function expects an argument lower of type Long."),
        ("randomInt(2, 1)", "In 'randomInt()' upper is less than lower"),
        ("nanoId(1001)", "The 'nanoId()' function field 'length' must be lower than: 1000"),
        ("currentEachOutput(1)", "The 'currentEachOutput' function expects an argument 'outputs' with type map."),
        ("dayOfWeek('x')", "The 'dayOfWeek()' function could not parse 'date': x"),
        ("isDayWeekInMonth('2024-01-01', 'X', 'FIRST')", "The 'isDayWeekInMonth()' function received an invalid"),
        ("now(nope=1)", "The following named argument does not exist: nope"),
        ("uuid(1)", "The 'uuid' function takes no arguments, not 1"),
        ("parent()", "Can not use parent function if template does not extend another template."),
    ],
)
def test_a_function_says_what_is_wrong(expression, words):
    with pytest.raises(ExpressionError) as caught:
        value(expression)
    assert caught.value.message.startswith(words)


def test_rendering_oneself_for_ever_is_stopped():
    with pytest.raises(ExpressionError, match="Too many rendering attempts"):
        render("{{ render(first) }}", first="{{ second }}", second="{{ first }}")
