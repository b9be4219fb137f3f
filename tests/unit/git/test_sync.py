from collections.abc import Iterable
from pathlib import Path

import pytest
from segue.engine.revisions import Standing
from segue.git.blobs import BlobReader
from segue.git.mirror import Mirror, open_mirror
from segue.git.names import parse_source
from segue.git.sync import Brakes, Checkpoint, Survey, survey
from segue.model.revision import FlowKey

from tests.support.repositories import Repository, flow_text


class Follower:
    """Fetches and surveys, handing each checkpoint on to the next, as the daemon does."""

    def __init__(self, mirror: Mirror, reader: BlobReader) -> None:
        self.mirror = mirror
        self.reader = reader
        self.checkpoint = Checkpoint()
        self.revisions: list[str] = []
        self.standings: dict[FlowKey, Standing] = {}

    def look(self, brakes: Brakes | None = None) -> Survey:
        self.mirror.fetch()
        found = survey(self.mirror.git_dir, self.reader, self.mirror.head, self.checkpoint, brakes or Brakes())
        self.checkpoint = found.checkpoint
        self.revisions += words(found)
        return found

    def from_scratch(self) -> Survey:
        return survey(self.mirror.git_dir, self.reader, self.mirror.head)

    def restart(self) -> None:
        """Forget all but what a database holds."""
        assert self.checkpoint.head
        self.checkpoint = Checkpoint.restored(self.checkpoint.head, self.checkpoint.ledger.standings.values())


@pytest.fixture
def follower(mirror: Mirror, reader: BlobReader) -> Follower:
    return Follower(mirror, reader)


def words(found: Survey) -> list[str]:
    return [f"{r.key.flow_id}{r.number}{'x' if r.is_deleted else ''}" for r in found.revisions]


def live(found: Survey) -> dict[str, tuple[int, str]]:
    return {str(key): (each.revision.number, each.path) for key, each in found.live.items()}


def codes(found: Survey) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in found.problems]


def files(paths: Iterable[str]) -> dict[str, str | bytes | None]:
    return {f"flows/company.team/{name}.yaml": flow_text(name) for name in paths}


def test_a_commit_makes_its_flow_live_with_commit_and_author(repository: Repository, follower: Follower):
    head = repository.commit_flow()
    found = follower.look()
    assert live(found) == {"company.team/hello": (1, "flows/company.team/hello.yaml")}
    [revision] = found.revisions
    assert (revision.commit_id, revision.author.name) == (head, "Ada Lovelace")
    assert follower.reader.read(revision.blob).decode() == flow_text()


def test_a_repository_without_commits_has_nothing(follower: Follower):
    found = follower.look()
    assert (found.head, found.revisions, found.problems) == (None, (), ())


def test_looking_twice_finds_nothing_new(repository: Repository, follower: Follower):
    repository.commit_flow()
    follower.look()
    again = follower.look()
    assert (again.commits, again.revisions) == ((), ())
    assert len(again.live) == 1


def test_change_move_rename_delete_and_return_keep_one_row_of_numbers(repository: Repository, follower: Follower):
    repository.commit_flow()
    follower.look()
    repository.commit_flow(message="two")
    repository.move("flows/company.team/hello.yaml", "flows/company/team/renamed.yml")
    assert live(follower.look()) == {"company.team/hello": (2, "flows/company/team/renamed.yml")}
    repository.remove(["flows/company/team/renamed.yml"], "gone\n\nSegue-Allow-Prune: true")
    assert live(follower.look()) == {}
    repository.commit_flow(message="back")
    follower.look()
    assert follower.revisions == ["hello1", "hello2", "hello3x", "hello4"]
    assert follower.from_scratch().checkpoint.ledger == follower.checkpoint.ledger


def test_two_ids_swapped_in_one_commit_keep_their_numbers(repository: Repository, follower: Follower):
    repository.commit({"flows/n/a.yaml": flow_text("a", "n"), "flows/n/b.yaml": flow_text("b", "n")})
    follower.look()
    repository.commit({"flows/n/a.yaml": flow_text("b", "n"), "flows/n/b.yaml": flow_text("a", "n")})
    assert live(follower.look()) == {"n/a": (1, "flows/n/b.yaml"), "n/b": (1, "flows/n/a.yaml")}


def test_all_comes_back_from_git_alone(repository: Repository, follower: Follower):
    for number in range(6):
        repository.commit_flow(f"f{number % 3}", message=f"as of {number}")
        follower.look()
    found = follower.from_scratch()
    assert words(found) == follower.revisions
    assert found.checkpoint == follower.checkpoint


def test_after_a_restart_it_goes_on_where_it_was(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    follower.restart()
    repository.commit({**files("c"), "flows/company.team/a.yaml": None})
    follower.look()
    assert follower.revisions == ["a1", "b1", "a2x", "c1"]
    assert follower.from_scratch().checkpoint == follower.checkpoint


def test_a_rewind_appends(repository: Repository, follower: Follower):
    first = repository.commit(files("ab"))
    repository.commit({"flows/company.team/a.yaml": flow_text("a", message="two"), **files("c")})
    follower.look()
    repository.reset(first)
    found = follower.look()
    assert found.is_rewritten
    assert words(found) == ["a3", "c2x"]
    assert all(revision.commit_id == first for revision in found.revisions)


def test_a_rewritten_history_appends_and_credits_the_right_commits(repository: Repository, follower: Follower):
    first = repository.commit(files("ab"))
    repository.commit({"flows/company.team/a.yaml": flow_text("a", message="two")})
    follower.look()
    repository.reset(first)
    by_eve = repository.commit(
        {"flows/company.team/a.yaml": flow_text("a", message="three")}, author="Eve <eve@example.com>"
    )
    repository.commit({"README.md": "hello"})
    found = follower.look()
    assert found.is_rewritten
    [revision] = found.revisions
    assert (revision.number, revision.commit_id, revision.author.name) == (3, by_eve, "Eve")


def test_a_history_that_is_rewritten_to_the_same_content_makes_no_revisions(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.git("commit", "--quiet", "--amend", "-m", "said better")
    found = follower.look()
    assert (found.is_rewritten, found.revisions) == (True, ())
    repository.commit(files("c"))
    assert not follower.look().is_rewritten


def test_an_unrelated_history_appends(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.git("rm", "-rfq", ".")
    repository.commit({**files("b"), "flows/company.team/c.yaml": flow_text("c")})
    repository.git("branch", "-M", "fresh", "main")
    found = follower.look()
    assert words(found) == ["a2x", "c1"]


def test_a_base_that_the_mirror_lost_is_a_rewrite(repository: Repository, follower: Follower, tmp_path: Path):
    repository.commit(files("ab"))
    follower.look()
    follower.restart()
    repository.git("commit", "--quiet", "--amend", "-m", "other")
    repository.commit(files("c"))
    mirror = open_mirror(tmp_path / "fresh", parse_source(repository.path))
    mirror.fetch()
    with BlobReader(mirror.git_dir) as reader:
        found = survey(mirror.git_dir, reader, mirror.head, follower.checkpoint)
    assert found.is_rewritten
    assert words(found) == ["c1"]


def test_a_merge_that_makes_another_branch_the_first_parent_is_a_rewrite(repository: Repository, follower: Follower):
    repository.commit(files("a"))
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit(files("b"))
    repository.git("checkout", "--quiet", "main")
    repository.commit(files("c"))
    follower.look()
    repository.git("checkout", "--quiet", "side")
    repository.git("merge", "--quiet", "-m", "foxtrot", "main")
    repository.git("branch", "-f", "main", "side")
    repository.git("checkout", "--quiet", "main")
    found = follower.look()
    assert found.is_rewritten
    assert words(found) == ["b1"]


def test_a_broken_file_keeps_its_flow_and_has_a_problem_with_its_place(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.commit({"flows/company.team/a.yaml": "id: a\nnamespace: {\n", **files("c")})
    found = follower.look()
    assert words(found) == ["c1"]
    assert set(live(found)) == {"company.team/a", "company.team/b", "company.team/c"}
    [problem] = found.problems
    assert (problem.path, problem.code, problem.line) == ("flows/company.team/a.yaml", "yaml-syntax", 3)
    follower.restart()
    repository.commit(files("d"))
    again = follower.look()
    assert codes(again) == [("flows/company.team/a.yaml", "yaml-syntax")]
    assert "company.team/a" in live(again)
    assert follower.from_scratch().checkpoint == follower.checkpoint


def test_a_text_that_is_no_valid_flow_has_a_number_while_it_says_whose_it_is(
    repository: Repository, follower: Follower
):
    repository.commit({"flows/n/a.yaml": "id: a\nnamespace: n\ntasks:\n  broken: [\n"})
    assert words(follower.look()) == ["a1"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("id: a\nnamespace: company.team\n", "not-a-flow"),
        ("x" * 1_100_000, "file-too-large"),
        ("'id': a\ntasks: \n  bad: [", "yaml-syntax"),
        ("id: a b\ntasks: []\n", "invalid-identity"),
    ],
    ids=["no tasks", "2 MiB", "broken", "odd id"],
)
def test_a_file_that_cannot_be_read_keeps_its_last_good_flow(
    repository: Repository, follower: Follower, content: str, code: str
):
    repository.commit(files("ab"))
    follower.look()
    repository.commit({"flows/company.team/a.yaml": content})
    found = follower.look()
    assert codes(found) == [("flows/company.team/a.yaml", code)]
    assert live(found)["company.team/a"][0] == 1
    repository.commit({"flows/company.team/a.yaml": flow_text("a", message="good again")})
    mended = follower.look()
    assert (words(mended), mended.problems) == (["a2"], ())


def test_yaml_that_becomes_something_else_retires_its_flow(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.commit({"flows/company.team/a.yaml": "services: {}\n"})
    assert words(follower.look()) == ["a2x"]


def test_other_yaml_is_no_problem(repository: Repository, follower: Follower):
    repository.commit({"flows/n/values.yaml": "a: 1\n", "flows/n/note.yaml": "id: only\n", ".github/x.yaml": "id: a"})
    assert follower.look().problems == ()


def test_two_files_with_one_flow_are_a_problem_and_the_first_counts(repository: Repository, follower: Follower):
    repository.commit({"flows/n/b.yaml": flow_text("x", "n", "b"), "flows/n/a.yaml": flow_text("x", "n", "a")})
    found = follower.look()
    assert live(found) == {"n/x": (1, "flows/n/a.yaml")}
    [problem] = found.problems
    assert (problem.path, problem.code) == ("flows/n/b.yaml", "duplicate-flow")
    assert "flows/n/a.yaml" in problem.message


def test_a_flow_in_another_namespaces_folder_is_a_warning_and_lives(repository: Repository, follower: Follower):
    repository.commit({"flows/other/a.yaml": flow_text("a", "company.team")})
    found = follower.look()
    assert list(live(found)) == ["company.team/a"]
    assert codes(found) == [("flows/other/a.yaml", "namespace-folder")]


def test_the_folder_gives_the_namespace_that_the_text_leaves_out(repository: Repository, follower: Follower):
    repository.commit({"flows/company/team/a.yaml": flow_text("a", None), "flows/b.yaml": flow_text("b", None)})
    found = follower.look()
    assert list(live(found)) == ["company.team/a"]
    assert codes(found) == [("flows/b.yaml", "missing-namespace")]


def test_several_flows_in_one_file_have_numbers_of_their_own(repository: Repository, follower: Follower):
    repository.commit({"flows/n/all.yaml": f"{flow_text('a', 'n')}---\n{flow_text('b', 'n')}"})
    repository.commit({"flows/n/all.yaml": f"{flow_text('a', 'n')}---\n{flow_text('b', 'n', 'two')}"})
    found = follower.look()
    assert words(found) == ["a1", "b1", "b2"]
    assert found.live[FlowKey("n", "b")].revision.document == 1


def test_links_and_submodules_are_problems_and_are_not_followed(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    commit = repository.head
    repository.link("flows/company.team/passwd.yaml", "/etc/passwd")
    repository.link("flows/company.team/_files/passwd", "/etc/passwd")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},flows/company.team/module.yaml")
    repository.git("commit", "--quiet", "-m", "submodule")
    found = follower.look()
    assert codes(found) == [
        ("flows/company.team/_files/passwd", "symbolic-link"),
        ("flows/company.team/module.yaml", "submodule"),
        ("flows/company.team/passwd.yaml", "symbolic-link"),
    ]
    assert len(found.live) == 2


def test_odd_paths_are_followed(repository: Repository, follower: Follower):
    repository.commit({'flows/n/ünï "quoted" \\ x.yaml': flow_text("a", "n")})
    assert live(follower.look()) == {"n/a": (1, 'flows/n/ünï "quoted" \\ x.yaml')}


def test_paths_that_are_no_text_are_left_alone(repository: Repository, follower: Follower):
    repository.commit(files("a"))
    blob = repository.git("rev-parse", "HEAD:flows/company.team/a.yaml").strip().encode()
    index = b"100644 " + blob + b"\tflows/company.team/\xff\xfe.yaml\0"
    repository.git("update-index", "-z", "--index-info", stdin=index)
    repository.git("commit", "--quiet", "-m", "odd")
    assert len(follower.look().live) == 1


def test_a_commit_that_retires_everything_is_held_until_confirmed(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.remove(["flows/company.team/a.yaml", "flows/company.team/b.yaml"])
    held = follower.look()
    assert held.held == "all 2 flows would be retired"
    assert (held.revisions, len(held.live), len(held.retired)) == ((), 2, 2)
    repository.commit({"README.md": "later"})
    assert follower.look().held
    confirmed = follower.look(Brakes(is_prune_allowed=True))
    assert (confirmed.held, words(confirmed)) == (None, ["a2x", "b2x"])
    assert follower.from_scratch().checkpoint == follower.checkpoint


STRICT = Brakes(is_rewind_allowed=False)


def test_a_history_that_is_rewritten_is_held_where_it_has_to_go_on(repository: Repository, follower: Follower):
    old = repository.commit(files("a"))
    newer = repository.commit({"flows/company.team/a.yaml": flow_text("a", message="Safe")})
    follower.look(STRICT)
    repository.reset(old)
    held = follower.look(STRICT)
    assert held.held == f"commit {old[:10]} does not descend from {newer[:10]}: the history was rewritten"
    assert (held.head, held.revisions, held.is_trailer_heard) == (old, (), False)
    repository.commit({"flows/company.team/a.yaml": flow_text("a", message="Old")}, "b\n\nSegue-Allow-Prune: true")
    assert follower.look(STRICT).held
    follower.restart()
    assert follower.look(STRICT).held
    repository.reset(newer)
    repository.commit(files("b"))
    assert words(follower.look(STRICT)) == ["b1"]


def test_what_goes_on_is_no_rewrite_whichever_way_it_was_merged(repository: Repository, follower: Follower):
    repository.commit(files("a"))
    follower.look(STRICT)
    repository.git("switch", "--quiet", "--create", "side", "HEAD")
    repository.commit(files("b"))
    repository.git("switch", "--quiet", "main")
    repository.commit(files("c"))
    follower.look(STRICT)
    repository.git("switch", "--quiet", "side")
    repository.git("merge", "--quiet", "--no-ff", "--message", "the other way round", "main")
    repository.git("branch", "--force", "main", "side")
    repository.git("switch", "--quiet", "main")
    found = follower.look(STRICT)
    assert (found.is_rewritten, found.held, sorted(live(found))) == (
        *(True, None),
        ["company.team/a", "company.team/b", "company.team/c"],
    )


def test_a_trailer_confirms_from_within_git(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    paths = ["flows/company.team/a.yaml", "flows/company.team/b.yaml"]
    repository.remove(paths, "Stop it all\n\nSegue-Allow-Prune: true")
    assert follower.look().held is None


def test_moving_the_flows_folder_by_setting_keeps_the_flows(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.git("mv", "flows", "pipelines")
    repository.commit({"segue.yaml": "flows: pipelines\n"})
    found = follower.look()
    assert (words(found), found.held) == ([], None)
    assert live(found)["company.team/a"] == (1, "pipelines/company.team/a.yaml")
    assert follower.from_scratch().checkpoint == follower.checkpoint


def test_an_ignore_file_retires_and_its_removal_brings_back(repository: Repository, follower: Follower):
    repository.commit(files("ab"))
    follower.look()
    repository.commit({".segueignore": "a.yaml\n"})
    follower.look()
    repository.remove([".segueignore"])
    follower.look()
    assert follower.revisions == ["a1", "b1", "a2x", "a3"]
    assert words(follower.from_scratch()) == follower.revisions


def test_broken_settings_leave_the_last_good_ones_in_force(repository: Repository, follower: Follower):
    repository.commit({"segue.yaml": "flows: pipelines\n", "pipelines/n/a.yaml": flow_text("a", "n")})
    follower.look()
    repository.commit({"segue.yaml": "flows: [\n"})
    found = follower.look()
    assert codes(found) == [("segue.yaml", "yaml-syntax")]
    assert list(live(found)) == ["n/a"]
    follower.restart()
    repository.commit({"pipelines/n/b.yaml": flow_text("b", "n")})
    again = follower.look()
    assert (words(again), codes(again)) == (["b1"], [("segue.yaml", "yaml-syntax")])
    repository.git("commit", "--quiet", "--amend", "-m", "rewritten")
    rewritten = follower.look()
    assert (rewritten.is_rewritten, words(rewritten), codes(rewritten)) == (True, [], codes(again))


def test_changed_namespace_files_are_told(repository: Repository, follower: Follower):
    repository.commit({"flows/n/_files/a.py": "1", "flows/n/_files/b.py": "1"})
    follower.look()
    repository.commit({"flows/n/_files/a.py": "2", "flows/n/_files/b.py": None})
    found = follower.look()
    assert {(each.namespace, each.path, each.is_deleted) for each in found.namespace_files} == {
        ("n", "a.py", False),
        ("n", "b.py", True),
    }


def test_a_history_with_sha256_ids_is_surveyed(tmp_path: Path):
    repository = Repository(tmp_path / "source", object_format="sha256")
    repository.commit_flow()
    repository.commit_flow(message="two")
    mirror = open_mirror(tmp_path / "data", parse_source(repository.path))
    mirror.fetch()
    with BlobReader(mirror.git_dir) as reader:
        assert words(survey(mirror.git_dir, reader, mirror.head)) == ["hello1", "hello2"]
