"""Patterns of paths."""

import pytest
from segue.tasks.globs import matcher, with_syntax
from segue.tasks.kind import TaskFailed

MATCHES = {
    "a name is about any folder": ("a.txt", ["/a.txt", "/x/y/a.txt"], ["/a.txt.gz", "/b/aa.txt"]),
    "a star stays within a name": ("/x/*.txt", ["/x/a.txt"], ["/x/y/a.txt", "/a.txt"]),
    "two stars span folders": ("**.txt", ["/a.txt", "/x/y/a.txt"], ["/a.csv"]),
    "a question mark": ("?.txt", ["/a.txt"], ["/ab.txt"]),
    "alternatives": ("*.{csv,txt}", ["/a.csv", "/a.txt"], ["/a.yml"]),
    "sets": ("[a-c].txt", ["/b.txt"], ["/d.txt"]),
    "sets of others": ("[!a-c].txt", ["/d.txt"], ["/b.txt"]),
    "an escaped star": (r"a\*.txt", ["/a*.txt"], ["/ab.txt"]),
    "a regular expression": (r"regex:/x/\d+\.txt", ["/x/12.txt"], ["/x/a.txt", "/y/x/1.txt"]),
    "as written": ("glob:**/x/*", ["/a/x/b"], ["/a/x/b/c"]),
}


@pytest.mark.parametrize(("pattern", "matched", "others"), MATCHES.values(), ids=MATCHES.keys())
def test_which_paths_a_pattern_means(pattern: str, matched: list[str], others: list[str]) -> None:
    is_meant = matcher([pattern])
    assert [path for path in (*matched, *others) if is_meant(path)] == matched


def test_a_pattern_without_syntax_is_a_glob_below_the_base() -> None:
    assert with_syntax("/**/*", "/sub/dir/") == "glob:/sub/dir/**/*"
    assert with_syntax("regex:.*", "/sub") == "regex:.*"


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(TaskFailed, match="no pattern of paths"):
        matcher(["regex:("])
