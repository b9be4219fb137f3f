import pytest
from segue.git.layout import (
    OTHER,
    FlowFile,
    Layout,
    NamespaceFile,
    TestFile,
    folder_warning,
    is_sound_path,
    parse_ignores,
    parse_settings,
    refusal,
)
from segue.model.problem import Problem, Severity

CASES = {
    "flows/company.team/x.yaml": FlowFile("company.team"),
    "flows/company.team/x.yml": FlowFile("company.team"),
    "flows/company/team/x.yaml": FlowFile("company.team"),
    "flows/company.team/deep/er/x.yaml": FlowFile("company.team.deep.er"),
    "flows/x.yaml": FlowFile(None),
    "flows/company.team/x.YAML": OTHER,
    "flows/company.team/x.txt": OTHER,
    "flows/company.team/.x.yaml": OTHER,
    "flows/.hidden/x.yaml": OTHER,
    "flows/company.team/_drafts/x.yaml": OTHER,
    "flows/company.team/_files/a/b.py": NamespaceFile("company.team", "a/b.py"),
    "flows/company/team/_files/b.yaml": NamespaceFile("company.team", "b.yaml"),
    "flows/company.team/_files/_files/b": NamespaceFile("company.team", "_files/b"),
    "flows/_files/b": NamespaceFile(None, "b"),
    "flows/company.team/_tests/x.yaml": TestFile("company.team", "x.yaml"),
    "company.team/flows/x.yaml": FlowFile("company.team"),
    "company/flows/x.yaml": FlowFile("company"),
    "company.team/flows/child/x.yaml": FlowFile("company.team.child"),
    "company.team/files/a/b.py": NamespaceFile("company.team", "a/b.py"),
    "company.team/tests/x.yaml": TestFile("company.team", "x.yaml"),
    "company.team/x.yaml": OTHER,
    "flows/company.team/flows/x.yaml": FlowFile("company.team"),
    "flows/company.team/files/x.py": NamespaceFile("company.team", "x.py"),
    "flows/company/flows/x.yaml": FlowFile("company.flows"),
    "_flows/x.yml": FlowFile(None),
    "_flows/a/b/x.yml": FlowFile("a.b"),
    "_files/a/b.py": NamespaceFile(None, "a/b.py"),
    "README.md": OTHER,
    "docker-compose.yaml": OTHER,
    "flows": OTHER,
    ".github/flows/x.yaml": OTHER,
    "flows/../x.yaml": OTHER,
    "flows/a/.git/x.yaml": OTHER,
    "flows/a/x\n.yaml": OTHER,
}


@pytest.mark.parametrize(("path", "placed"), CASES.items(), ids=CASES.keys())
def test_a_path_says_what_the_file_is(path: str, placed: object):
    assert Layout().matcher().classify(path) == placed


def test_another_flows_folder_takes_the_place_of_flows():
    matcher = Layout(flows_folder="pipelines/live").matcher()
    assert matcher.classify("pipelines/live/a.b/x.yaml") == FlowFile("a.b")
    assert matcher.classify("pipelines/x.yaml") == OTHER
    assert matcher.classify("flows/a.b/x.yaml") == OTHER


def test_the_whole_repository_can_be_the_flows_folder():
    matcher = Layout(flows_folder=".").matcher()
    assert matcher.classify("a.b/x.yaml") == FlowFile("a.b")
    assert matcher.classify("x.yaml") == FlowFile(None)
    assert matcher.classify("a.b/flows/x.yaml") == FlowFile("a.b")


def test_a_namespace_in_the_settings_is_what_kestras_flat_folders_stand_for():
    matcher = Layout(namespace="company").matcher()
    assert matcher.classify("_flows/x.yaml") == FlowFile("company")
    assert matcher.classify("_flows/team/x.yaml") == FlowFile("company.team")
    assert matcher.classify("_files/x") == NamespaceFile("company", "x")


def test_ignored_paths_are_nothing():
    matcher = Layout(ignored=("drafts/", "*.tmp.yaml", "!flows/a/keep.tmp.yaml")).matcher()
    assert matcher.classify("flows/a/drafts/x.yaml") == OTHER
    assert matcher.classify("flows/a/x.tmp.yaml") == OTHER
    assert matcher.classify("flows/a/keep.tmp.yaml") == FlowFile("a")


def test_settings_name_folder_and_namespace_and_leave_the_rest_to_others():
    assert parse_settings("flows: pipelines/\nnamespace: company.team\nvariables: {a: 1}") == (
        "pipelines",
        "company.team",
    )
    assert parse_settings("") == ("flows", None)
    assert parse_settings("flows: ./") == (".", None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("flows: [", 1),
        ("a: 1\n b: 2\n", 2),
        ("- a\n", 1),
        ("flows: ../outside", 0),
        ("flows: 3", 0),
        ("namespace: Über", 0),
        ("a: &a [1]\nb: *a\n", 2),
        ("[" * 5000, 0),
    ],
)
def test_settings_that_cannot_be_read_are_a_problem(text: str, line: int):
    problem = parse_settings(text)
    assert isinstance(problem, Problem)
    assert problem.path == "segue.yaml"
    if line:
        assert problem.line == line


def test_ignore_patterns_leave_out_comments():
    assert parse_ignores("# no\n\ndrafts/\n!keep\n") == ("drafts/", "!keep")


def test_links_and_submodules_are_refused():
    link, submodule = refusal("flows/a/x.yaml", "120000"), refusal("flows/a/x.yaml", "160000")
    assert link is not None
    assert link.code == "symbolic-link"
    assert submodule is not None
    assert submodule.code == "submodule"
    assert refusal("flows/a/x.yaml", "100644") is None


def test_a_folder_of_another_namespace_is_a_warning():
    warning = folder_warning("flows/a/x.yaml", "a", "b")
    assert warning is not None
    assert warning.severity == Severity.WARNING
    assert folder_warning("flows/a/x.yaml", "a", "a") is None
    assert folder_warning("flows/x.yaml", None, "a") is None


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "a/../b", "./a", "a/.GIT/b", "a\0b", "a\x1b[0m", "a/", "\udcff", "x" * 2000]
)
def test_paths_that_no_file_should_have_are_not_sound(path: str):
    assert not is_sound_path(path)
