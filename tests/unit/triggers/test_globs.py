"""Globs of watched folders."""

import pytest
from segue.triggers.globs import matcher


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("**/*", "a", True),
        ("**/*", "a/b/c.txt", True),
        ("*.csv", "a.csv", True),
        ("*.csv", "deep/a.csv", True),
        ("*.csv", "a.csv.tmp", False),
        ("in/*.csv", "in/a.csv", True),
        ("in/*.csv", "in/x/a.csv", False),
        ("in/**/*.csv", "in/a.csv", True),
        ("in/**/*.csv", "in/x/y/a.csv", True),
        ("in/**", "in/x/y/a.csv", True),
        ("in/**", "out/a.csv", False),
        ("./*.csv", "a.csv", True),
        ("file-?.txt", "file-1.txt", True),
        ("file-?.txt", "file-12.txt", False),
        ("file-[0-9].txt", "file-7.txt", True),
        ("file-[!0-9].txt", "file-7.txt", False),
        ("*.{csv,json}", "a.json", True),
        ("*.{csv,json}", "a.xml", False),
        ("a.b", "axb", False),
        ("[", "[", True),
        ("{", "{", True),
    ],
)
def test_a_glob_means_these_paths(glob: str, path: str, expected: bool) -> None:
    assert bool(matcher((glob,)).fullmatch(path)) is expected


def test_any_of_several_globs_is_enough() -> None:
    assert matcher(("*.a", "*.b")).fullmatch("x.b")
    assert not matcher(()).fullmatch("x")
