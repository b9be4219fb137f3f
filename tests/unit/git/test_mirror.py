import os
import shutil
from pathlib import Path

import pytest
from segue.git.mirror import Mirror, NotARepository, RefMissing, open_mirror, repository_around
from segue.git.names import parse_source
from segue.git.runner import GitError, GitTimeout, run_git
from segue.git.transfer import Progress

from tests.support.repositories import Repository, break_object


def test_a_fetch_brings_the_head_of_the_current_branch(repository: Repository, mirror: Mirror):
    head = repository.commit_flow()
    fetched = mirror.fetch()
    assert (fetched.head, fetched.previous, fetched.is_new) == (head, None, True)
    assert mirror.head == head
    assert mirror.has_commit(head)


def test_a_fetch_of_what_has_not_moved_is_not_new(repository: Repository, mirror: Mirror):
    repository.commit_flow()
    mirror.fetch()
    assert not mirror.fetch().is_new


def test_the_head_is_known_after_opening_again(repository: Repository, mirror: Mirror):
    head = repository.commit_flow()
    mirror.fetch()
    again = open_mirror(mirror.git_dir.parent, mirror.source)
    assert again.head == head


def test_a_file_url_is_fetched_with_progress(repository: Repository, tmp_path: Path):
    head = repository.commit_flow()
    heard: list[Progress] = []
    mirror = open_mirror(tmp_path / "data", parse_source(f"file://{repository.path}"))
    assert mirror.fetch(heard.append).head == head
    assert any(progress.total for progress in heard)


def test_variables_of_ours_do_not_reach_a_fetch_by_url(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    head = repository.commit_flow()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    mirror = open_mirror(tmp_path / "data", parse_source(f"file://{repository.path}"))
    assert mirror.fetch().head == head
    assert not (tmp_path / "objects").exists()


def test_a_fetch_by_url_that_fails_says_why(tmp_path: Path):
    mirror = open_mirror(tmp_path / "data", parse_source("https://127.0.0.1:9/flows.git"))
    with pytest.raises(GitError, match="unable to access"):
        mirror.fetch()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats_are_mirrored(tmp_path: Path, object_format: str):
    repository = Repository(tmp_path / "source", object_format=object_format)
    head = repository.commit_flow()
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path))
    assert mirror.fetch().head == head
    mirror.keep([head])
    assert open_mirror(tmp_path / "data", parse_source(repository.path)).kept() == {head}


def test_a_bare_repository_is_a_source(repository: Repository, tmp_path: Path):
    head = repository.commit_flow()
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert open_mirror(tmp_path / "data", parse_source(tmp_path / "bare.git")).fetch().head == head


def test_a_linked_worktree_is_a_source_with_its_own_head(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    repository.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    linked = Repository.at(tmp_path / "linked")
    head = linked.commit_flow(message="elsewhere")
    fetched = open_mirror(tmp_path / "data", parse_source(linked.path)).fetch()
    assert fetched.head == head != repository.head


def test_a_shallow_clone_is_a_source_with_a_short_history(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    head = repository.commit_flow(message="two")
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
    assert open_mirror(tmp_path / "data", parse_source(tmp_path / "shallow")).fetch().head == head


def test_an_annotated_tag_stands_for_its_commit(repository: Repository, tmp_path: Path):
    head = repository.commit_flow()
    repository.git("tag", "-a", "-m", "first", "v1")
    repository.commit_flow(message="later")
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path, branch="v1"))
    assert mirror.fetch().head == head
    assert not mirror.fetch().is_new


def test_a_repository_without_commits_is_no_error(mirror: Mirror, repository: Repository):
    assert mirror.fetch().head is None
    head = repository.commit_flow()
    assert mirror.fetch().head == head


def test_an_unborn_branch_beside_others_is_no_error(mirror: Mirror, repository: Repository):
    repository.commit_flow()
    repository.git("symbolic-ref", "HEAD", "refs/heads/unborn")
    assert mirror.fetch().head is None


def test_a_missing_branch_is_named_with_those_there_are(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path, branch="mian"))
    with pytest.raises(RefMissing, match=r"no branch or tag 'mian'; its branches: main"):
        mirror.fetch()


def test_a_branch_that_was_deleted_leaves_the_last_head(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    repository.git("branch", "live")
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path, branch="live"))
    head = mirror.fetch().head
    repository.git("branch", "-D", "live")
    with pytest.raises(RefMissing):
        mirror.fetch()
    assert mirror.head == head
    repository.git("branch", "live")
    assert mirror.fetch().head == head


def test_a_folder_that_is_no_repository_is_told_so(tmp_path: Path):
    (tmp_path / "plain").mkdir()
    mirror = open_mirror(tmp_path / "data", parse_source(tmp_path / "plain"))
    with pytest.raises(NotARepository, match="is not a Git repository"):
        mirror.fetch()


def test_a_folder_that_is_missing_is_told_so(tmp_path: Path):
    mirror = open_mirror(tmp_path / "data", parse_source(tmp_path / "nowhere"))
    with pytest.raises(NotARepository, match="no such folder"):
        mirror.fetch()


def test_a_force_push_is_seen_and_the_old_head_is_kept(repository: Repository, mirror: Mirror):
    first = repository.commit_flow()
    old = repository.commit_flow(message="two")
    mirror.fetch()
    repository.reset(first)
    new = repository.commit_flow(message="three")
    fetched = mirror.fetch()
    assert (fetched.head, fetched.previous, fetched.is_rewritten) == (new, old, True)
    assert mirror.kept() == {old}


def test_an_unrelated_history_is_a_rewrite(repository: Repository, mirror: Mirror):
    repository.commit_flow()
    mirror.fetch()
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit_flow(message="anew")
    repository.git("branch", "-M", "fresh", "main")
    assert mirror.fetch().is_rewritten


def test_following_another_branch_below_the_old_ones_name_works(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    open_mirror(tmp_path / "data", parse_source(repository.path, branch="main")).fetch()
    repository.git("branch", "-m", "main", "other")
    repository.git("branch", "main/next")
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path, branch="main/next"))
    repository.git("checkout", "--quiet", "main/next")
    head = repository.commit_flow(message="two")
    assert mirror.fetch().head == head


def test_kept_commits_can_be_released(repository: Repository, mirror: Mirror):
    one, two = repository.commit_flow(), repository.commit_flow(message="two")
    mirror.fetch()
    mirror.keep([one, two])
    mirror.keep([one])
    mirror.release([one])
    assert mirror.kept() == {two}


def test_left_over_locks_are_removed(repository: Repository, mirror: Mirror):
    repository.commit_flow()
    mirror.fetch()
    locks = [
        "packed-refs.lock",
        "refs/segue/incoming.lock",
        "refs/segue/source/main.lock",
        "config.lock",
        "shallow.lock",
    ]
    for lock in locks:
        (mirror.git_dir / lock).parent.mkdir(parents=True, exist_ok=True)
        (mirror.git_dir / lock).touch()
    head = repository.commit_flow(message="two")
    again = open_mirror(mirror.git_dir.parent, mirror.source)
    assert again.fetch().head == head


@pytest.mark.parametrize("damage", ["head", "objects", "half"])
def test_a_damaged_mirror_is_made_anew(repository: Repository, mirror: Mirror, damage: str):
    head = repository.commit_flow()
    mirror.fetch()
    if damage == "head":
        (mirror.git_dir / "HEAD").write_bytes(b"\0\0\0")
    elif damage == "objects":
        shutil.rmtree(mirror.git_dir / "objects")
        (mirror.git_dir / "objects").mkdir()
    else:
        shutil.rmtree(mirror.git_dir)
        mirror.git_dir.mkdir()
    again = open_mirror(mirror.git_dir.parent, mirror.source)
    assert again.head is None
    assert again.fetch().head == head
    assert mirror.git_dir.with_name("source.git.broken").exists()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "gone"])
def test_a_broken_object_is_damage_and_a_new_mirror_keeps_what_was_kept(
    repository: Repository, mirror: Mirror, damage: str
):
    first, second = repository.commit_flow(), repository.commit_flow(message="two")
    mirror.fetch()
    mirror.keep([first])
    assert not mirror.is_damaged()
    blob = repository.git("rev-parse", "HEAD:flows/company.team/hello.yaml").strip()
    break_object(mirror.git_dir, blob, damage)
    assert mirror.is_damaged()
    assert mirror.renew().head == second
    assert not mirror.is_damaged()
    assert mirror.kept() == {first}


def test_a_new_mirror_is_not_begun_while_the_source_does_not_answer(repository: Repository, mirror: Mirror):
    head = repository.commit_flow()
    mirror.fetch()
    repository.path.rename(repository.path.with_name("away"))
    with pytest.raises(NotARepository):
        mirror.renew()
    assert mirror.has_commit(head)


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "url"])
def test_a_fetch_that_was_cut_off_does_not_spoil_the_next(repository: Repository, tmp_path: Path, scheme: str):
    repository.commit({"flows/a/_files/big.bin": os.urandom(4_000_000)})
    mirror = open_mirror(tmp_path / "data", parse_source(f"{scheme}{repository.path}"))
    with pytest.raises(GitTimeout, match="took longer"):
        mirror.fetch(timeout=0.005)
    assert mirror.fetch().head == repository.head
    assert not list((mirror.git_dir / "objects" / "pack").glob("tmp_*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_somebody_else_is_explained(
    repository: Repository, mirror: Mirror, tmp_path: Path, monkeypatch
):
    repository.commit_flow()
    for path in (repository.path, repository.path / ".git"):
        os.chown(path, 12345, 12345)
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(GitError, match=r"belongs to another user.*safe\.directory"):
        mirror.fetch()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_that_the_user_declared_safe_is_read(repository: Repository, tmp_path: Path, monkeypatch):
    head = repository.commit_flow()
    for path in (repository.path, repository.path / ".git"):
        os.chown(path, 12345, 12345)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        f"[safe]\n\tdirectory = {repository.path}\n\tdirectory = {repository.path}/.git\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    mirror = open_mirror(tmp_path / "data2", parse_source(repository.path))
    assert mirror.fetch().head == head
    assert repository_around(repository.path) == repository.path


def test_the_sources_own_configuration_runs_nothing(repository: Repository, mirror: Mirror, tmp_path: Path):
    repository.commit_flow()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.alternateRefsCommand", "core.sshCommand"):
        repository.git("config", key, str(program))
    hooks = repository.path / ".git" / "hooks"
    hooks.mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-update", "pre-auto-gc"):
        shutil.copy(program, hooks / hook)
    mirror.fetch()
    repository_around(repository.path)
    assert not (tmp_path / "ran").exists()


def test_the_repository_around_a_folder_is_found(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    assert repository_around(repository.path / "flows" / "company.team") == repository.path
    with pytest.raises(NotARepository):
        repository_around(tmp_path)


def test_maintenance_keeps_everything(repository: Repository, mirror: Mirror):
    first = repository.commit_flow()
    old = repository.commit_flow(message="two")
    mirror.fetch()
    repository.reset(first)
    repository.commit_flow(message="three")
    mirror.fetch()
    mirror.maintain()
    assert all(mirror.has_commit(commit) for commit in (first, old, repository.head))
    assert run_git(mirror.git_dir, "fsck", "--connectivity-only") is not None
