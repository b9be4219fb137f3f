"""Settings of a repository."""

import pytest
from segue.model.flow import PluginDefault
from segue.spec.settings import RepositorySettings, load_settings


def settings_of(text: str) -> RepositorySettings:
    loaded = load_settings(text)
    assert loaded.settings is not None, loaded.problems
    return loaded.settings


def test_an_empty_file_says_nothing() -> None:
    assert settings_of("# nothing yet\n") == RepositorySettings()


def test_plugin_defaults_are_for_the_full_name() -> None:
    found = settings_of("pluginDefaults: [{type: core.log, values: {level: WARN}}]")
    assert found.plugin_defaults == (PluginDefault(type="io.kestra.plugin.core.log", values={"level": "WARN"}),)


def test_an_environment_has_the_variables_of_all_and_its_own_over_them() -> None:
    found = settings_of("variables: {a: 1, b: 1}\nenvironments: {prod: {variables: {b: 2}}}")
    assert found.variables_for("prod") == {"a": 1, "b": 2}
    assert found.variables_for("test") == found.variables_for(None) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("flows: flows\nflow: x\n", "unknown-key", 2),
        ("- a\n", "not-settings", 1),
        ("a: [\n", "yaml-syntax", 2),
        ("variables: 1\n", "invalid-value", 1),
        ("namespace: A\n", "invalid-namespace", 1),
        ("a: 1\n---\nb: 1\n", "several-documents", 1),
    ],
)
def test_what_is_wrong_has_its_place(text: str, code: str, line: int) -> None:
    loaded = load_settings(text)
    assert loaded.settings is None
    assert [(each.path, each.code, each.line) for each in loaded.problems] == [("segue.yaml", code, line)]
