"""Settings come from flags, environment and file, in this order; what cannot be used is told with where it came from."""

from datetime import timedelta
from pathlib import Path

import pytest
from segue.model.event import WhenLost
from segue.model.trigger import RecoverMissed
from segue.runtime.settings import SETTINGS_FILE, BadSetting, Settings, load_settings
from segue.storage.place import ObjectPlace

_PLACES = "a folder, or the URL of an object store: s3://bucket/prefix, gs://bucket/prefix, az://bucket/prefix"


def write(folder: Path, text: str) -> Path:
    (folder / SETTINGS_FILE).write_text(text)
    return folder


def test_without_anything_given_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings({}, {}, tmp_path) == Settings(data=tmp_path)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, "port = 1001\nworkers_max = 3\nbranch = 'file'\n")
    settings = load_settings({"port": 1003}, {"SEGUE_PORT": "1002", "SEGUE_WORKERS_MAX": "5"}, tmp_path)
    assert (settings.port, settings.workers_max, settings.branch) == (1003, 5, "file")


def test_a_flag_that_was_not_given_hides_nothing(tmp_path: Path) -> None:
    assert load_settings({"port": None}, {"SEGUE_PORT": "1002"}, tmp_path).port == 1002


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("poll_interval", "45", timedelta(seconds=45)),
        ("poll_interval", "PT1M30S", timedelta(seconds=90)),
        ("webhook_rate", "600", 600),
        ("kill_grace", "PT0.5S", timedelta(seconds=0.5)),
        ("worker_lost", "FAIL", WhenLost.FAIL),
        ("recover_missed_schedules", "last", RecoverMissed.LAST),
        ("allow_prune", "yes", True),
        ("require_fast_forward", "true", True),
        ("blocked_networks", "10.0.0.1/8, fd00::/8", ("10.0.0.0/8", "fd00::/8")),
        ("blocked_networks", "", ()),
        ("variables_globals", '{"a": {"b": 1}}', {"a": {"b": 1}}),
        ("allowed_hosts", "a.example, b.example", ("a.example", "b.example")),
        ("storage", "s3://bucket/prefix", "s3://bucket/prefix"),
        (
            "storage_options",
            '{"region": "eu-west-1", "allow_http": true}',
            {"region": "eu-west-1", "allow_http": "true"},
        ),
    ],
)
def test_a_text_is_read_as_the_type_of_its_setting(tmp_path: Path, name: str, text: str, value: object) -> None:
    settings = load_settings({}, {f"SEGUE_{name.upper()}": text}, tmp_path)
    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("port", "eighty", "a whole number from 0 to 65535"),
        ("port", "70000", "a whole number from 0 to 65535"),
        ("webhook_rate", "0", "a whole number from 1 to 1000000"),
        ("blocked_networks", "10.0.0.0/99", "networks as 169.254.0.0/16, with commas between them"),
        ("poll_interval", "soon", "a duration: seconds, or ISO 8601 as PT30S"),
        ("poll_interval", "-1", "a duration: seconds, or ISO 8601 as PT30S"),
        ("durability", "some", "one of full, normal"),
        ("warm_python", "perhaps", "true or false"),
        ("variables_globals", "[1]", "a JSON object"),
        ("storage", "ftp://bucket", _PLACES),
        ("storage", "s3://", _PLACES),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(tmp_path: Path, name: str, text: str, expected: str) -> None:
    variable = f"SEGUE_{name.upper()}"
    with pytest.raises(BadSetting) as raised:
        load_settings({}, {variable: text}, tmp_path)
    assert str(raised.value) == f"environment variable {variable}: {name} is {text!r}, expected {expected}"


def test_storage_is_a_folder_in_the_data_folder_or_where_the_setting_says(tmp_path: Path) -> None:
    assert load_settings({}, {}, tmp_path).storage_place == tmp_path / "storage"
    assert load_settings({"storage": "/srv/files"}, {}, tmp_path).storage_place == Path("/srv/files")
    write(tmp_path, "storage = 's3://bucket'\n[storage_options]\nregion = 'eu-west-1'\n")
    assert load_settings({}, {}, tmp_path).storage_place == ObjectPlace(
        url="s3://bucket", options={"region": "eu-west-1"}
    )


def test_options_of_storage_that_cannot_be_read_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="storage_options is 'something else', expected a JSON object") as raised:
        load_settings({}, {"SEGUE_STORAGE_OPTIONS": "{secret_access_key: hidden}"}, tmp_path)
    assert "hidden" not in repr(raised.value)


def test_an_unknown_setting_in_the_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, "prot = 1\n")
    with pytest.raises(BadSetting, match=r"segue.toml: prot is 'an unknown setting', expected one of .*port"):
        load_settings({}, {}, tmp_path)


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    write(tmp_path, "port = \n")
    with pytest.raises(BadSetting, match=SETTINGS_FILE.replace(".", r"\.")):
        load_settings({}, {}, tmp_path)


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load_settings({}, {"SEGUE_TOKEN": "t0ps3cret", "SEGUE_PASSWORD": "t0ps3cret"}, tmp_path)
    assert "t0ps3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.5", False)],
)
def test_loopback_is_told_from_what_others_can_reach(host: str, is_loopback: bool) -> None:
    assert Settings(host=host).is_loopback is is_loopback
