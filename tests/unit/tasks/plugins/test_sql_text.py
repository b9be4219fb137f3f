"""SQL as text: where statements end, and where values go."""

import pytest
from segue.tasks.plugins.sql_text import UnknownParameter, bound, statements, with_marks

STATEMENTS = {
    "two": ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    "in a text": ("SELECT ';', 'it''s; '; SELECT \";\"", ["SELECT ';', 'it''s; '", 'SELECT ";"']),
    "in a comment": ("SELECT 1 -- a; b\n; /* ; */ SELECT 2", ["SELECT 1 -- a; b", "/* ; */ SELECT 2"]),
    "in dollars": (
        "CREATE FUNCTION f() AS $x$ a; $$ b; $x$; SELECT 1",
        ["CREATE FUNCTION f() AS $x$ a; $$ b; $x$", "SELECT 1"],
    ),
    "nothing": (" ; -- only words\n ;", []),
    "operators": ("SELECT 5 - 3 / 2", ["SELECT 5 - 3 / 2"]),
}


@pytest.mark.parametrize(("sql", "expected"), STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_statement_ends_at_a_semicolon_that_is_one(sql: str, expected: list[str]) -> None:
    assert statements(sql) == expected


def test_backslashes_are_escapes_where_the_database_says_so() -> None:
    assert statements(r"SELECT 'a\';' ; SELECT 2", has_backslashes=True) == [r"SELECT 'a\';'", "SELECT 2"]


def test_names_become_marks_with_their_values_in_order() -> None:
    sql = "SELECT a::int, ':a', :b, :a FROM t WHERE x LIKE '%' AND y = :b"
    assert bound(sql, {"a": 1, "b": 2}, "?") == (
        "SELECT a::int, ':a', ?, ? FROM t WHERE x LIKE '%' AND y = ?",
        [2, 1, 2],
    )
    assert bound("LIKE '%' AND y = :b", {"b": 2}, "%s") == ("LIKE '%%' AND y = %s", [2])
    with pytest.raises(UnknownParameter, match=":c"):
        bound("SELECT :c", {}, "?")


def test_question_marks_become_the_marks_of_the_database() -> None:
    assert with_marks("insert into t values (?, '?', ?) -- 5%", "%s") == "insert into t values (%s, '?', %s) -- 5%%"
