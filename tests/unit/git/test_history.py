from datetime import UTC, datetime
from pathlib import Path

import pytest
from segue.git import history
from segue.git.history import (
    changes_between,
    file_at,
    files_at,
    first_parent_history,
    read_commit,
    read_commits,
    text_diff,
)

from tests.support.repositories import FIRST_COMMIT_AT, Repository


def git_dir(repository: Repository) -> Path:
    return repository.path / ".git"


def test_commits_come_oldest_first_with_author_times_and_message(repository: Repository):
    first = repository.commit({"a": "1"}, "One\n\nwhy\n\nReviewed-by: Eve\nSegue-Allow-Prune: true")
    second = repository.commit({"a": "2"}, "Two", author="Ünï Cødé <u@example.com>")
    one, two = first_parent_history(git_dir(repository), second)
    assert (one.commit.commit_id, two.commit.commit_id) == (first, second)
    assert one.commit.authored_at == datetime.fromtimestamp(FIRST_COMMIT_AT, UTC)
    assert one.commit.subject == "One"
    assert one.commit.has_trailer("segue-allow-prune", "true")
    assert one.commit.trailers[0] == ("Reviewed-by", "Eve")
    assert two.commit.author.name == "Ünï Cødé"
    assert two.commit.parents == (first,)
    assert not two.commit.trailers


def test_changes_say_what_became_of_each_path(repository: Repository):
    repository.commit({"a": "1", "b": "1"})
    head = repository.commit({"a": None, "b": "2", 'ünï "quoted"\ttab': "3"})
    *_, last = first_parent_history(git_dir(repository), head)
    assert {(change.status, change.path) for change in last.changes} == {
        ("D", "a"),
        ("M", "b"),
        ("A", 'ünï "quoted"\ttab'),
    }


def test_an_empty_commit_has_no_changes(repository: Repository):
    repository.commit({"a": "1"})
    head = repository.commit()
    repository.commit({"a": "2"})
    assert [len(each.changes) for each in first_parent_history(git_dir(repository), repository.head)] == [1, 0, 1]
    assert read_commit(git_dir(repository), head).commit_id == head


def test_paths_and_messages_cannot_pass_for_a_commit(repository: Repository):
    fake = "\x1e" + "a" * 40
    repository.commit({fake: "1", ":100644 100644 x y M": "2"}, f"{fake}\n\n:000000 100644 0 0 A")
    repository.commit({fake: "2"}, fake)
    commits = list(first_parent_history(git_dir(repository), repository.head))
    assert len(commits) == 2
    assert {change.path for change in commits[0].changes} == {fake, ":100644 100644 x y M"}


def test_a_merge_brings_all_it_merges_as_one_commit(repository: Repository):
    repository.commit({"a": "1"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"b": "1"}, "side one")
    repository.commit({"c": "1"}, "side two")
    repository.git("checkout", "--quiet", "main")
    repository.commit({"a": "2"}, "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    subjects = [
        (each.commit.subject, sorted(change.path for change in each.changes))
        for each in first_parent_history(git_dir(repository), repository.head)
    ]
    assert subjects == [("change", ["a"]), ("main", ["a"]), ("merge", ["b", "c"])]


def test_history_since_a_commit_leaves_out_what_was_before(repository: Repository):
    first = repository.commit({"a": "1"})
    second = repository.commit({"a": "2"})
    assert [each.commit.commit_id for each in first_parent_history(git_dir(repository), second, since=first)] == [
        second
    ]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_output_that_comes_in_pieces_is_put_together(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, size: int
):
    for number in range(5):
        repository.commit({"ünï": f"{number}"}, f"ünï {number}")
    whole = list(first_parent_history(git_dir(repository), repository.head))
    output = b"".join(history.stream_git(git_dir(repository), "log"))
    assert output
    real = history.stream_git

    def in_pieces(*arguments, **options):
        text = b"".join(real(*arguments, **options))
        return (text[at : at + size] for at in range(0, len(text), size))

    monkeypatch.setattr(history, "stream_git", in_pieces)
    assert list(first_parent_history(git_dir(repository), repository.head)) == whole


def test_many_commits_are_read_at_once_and_missing_ones_left_out(repository: Repository):
    first, second = repository.commit({"a": "1"}, message="one\n\nbody"), repository.commit({"a": "2"}, message="two")
    found = read_commits(git_dir(repository), [second, "0" * len(second), first])
    assert found == {each: read_commit(git_dir(repository), each) for each in (first, second)}
    assert read_commits(git_dir(repository), []) == {}


def test_a_commit_from_no_calendar_is_read(repository: Repository):
    repository.commit({"a": "1"})
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    text = f"tree {tree}\nauthor A <a@b> 99999999999999999 +9999\ncommitter A <a@b> 1 -9959\n\nmessage\n"
    odd = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode()).strip()
    assert read_commit(git_dir(repository), odd).subject == "message"


def test_files_of_a_commit_are_listed_with_links(repository: Repository):
    repository.commit({"a": "1", "folder/ü": "2"})
    head = repository.link("link", "/etc/passwd")
    assert {(file.path, file.mode) for file in files_at(git_dir(repository), head)} == {
        ("a", "100644"),
        ("folder/ü", "100644"),
        ("link", history.MODE_SYMLINK),
    }
    assert file_at(git_dir(repository), head, "folder/ü") is not None
    assert file_at(git_dir(repository), head, "folder") is None
    assert file_at(git_dir(repository), head, "nothing") is None


def test_any_two_commits_can_be_compared(repository: Repository):
    one = repository.commit({"a": "some text\nof lines\n", "b": "1"})
    two = repository.move("a", "moved/a")
    assert {(each.status, each.path) for each in changes_between(git_dir(repository), one, two)} == {
        ("D", "a"),
        ("A", "moved/a"),
    }
    [renamed] = changes_between(git_dir(repository), one, two, finds_renames=True)
    assert (renamed.status, renamed.old_path, renamed.path) == ("R", "a", "moved/a")


def test_a_diff_of_texts_is_unified():
    diff = text_diff("a\nb\n", "a\nc", old_name="1", new_name="2")
    assert diff == "--- 1\n+++ 2\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"


def test_texts_of_absurd_length_are_not_compared():
    assert "too long to compare" in text_diff("a\n" * 30_000, "b\n", old_name="1", new_name="2")
