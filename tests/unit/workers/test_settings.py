"""What workers are told, and what scripts may see of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from segue.workers.settings import WorkerSettings, inherited_environment, secrets_of


def test_settings_arrive_as_they_were_given(tmp_path: Path) -> None:
    settings = WorkerSettings(
        instance="x",
        storage=tmp_path,
        work=tmp_path,
        mirror=tmp_path,
        environment={"A": "é"},
        secrets={"B": "c"},
        kill_grace=timedelta(seconds=1.5),
    )
    assert WorkerSettings.of_json(settings.to_json()) == settings


def test_scripts_inherit_neither_settings_nor_secrets() -> None:
    assert inherited_environment({"PATH": "/bin", "SEGUE_TOKEN": "t", "SECRET_A": "s", "ENV_A": "1"}) == {
        "PATH": "/bin",
        "ENV_A": "1",
    }


SECRETS = {
    "base64": ("c2VjcmV0VmFsdWU=", "secretValue"),
    "base64 in lines": ("c2Vjcm\nV0VmFs\ndWU=", "secretValue"),
    "plain": ("not base64!", "not base64!"),
    "plain that could be base64 of no text": ("password", "password"),
}


@pytest.mark.parametrize(("given", "value"), SECRETS.values(), ids=SECRETS.keys())
def test_secrets_are_base64_or_plain(given: str, value: str) -> None:
    assert secrets_of({"SECRET_my_key": given, "OTHER": "x"}) == {"MY_KEY": value}


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    assert "hidden" not in repr(WorkerSettings(instance="x", storage=Path(), work=Path(), secrets={"A": "hidden"}))
