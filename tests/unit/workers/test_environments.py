"""Python environments: packages for a script, made once for each content, whole or not at all."""

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.scripts import environments
from segue.workers.reports import OrderEnded

from tests.support.pools import Harness, SharedPool, order_of
from tests.unit.workers.test_pool import in_pool

TELLS = "import greeting, sys\nprint(greeting.WORD, sys.prefix)"


@pytest.fixture(scope="module")
def own_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    shared = SharedPool(tmp_path_factory.mktemp("environments"))
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A package of one module and one command, without an index."""
    path = tmp_path_factory.mktemp("wheels") / "greeting-1.0-py3-none-any.whl"
    about = "greeting-1.0.dist-info/"
    files = {
        "greeting.py": "WORD = 'hello'\n\ndef main():\n    print(WORD, 'by command')\n",
        about + "METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        about + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        about + "entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, about + "RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, about + "RECORD": record}.items():
            archive.writestr(name, text)
    return str(path)


def script(text: str, **properties: Any) -> Order:
    return order_of("scripts.python.Script", {"script": text, "packageManager": "PIP"} | properties)


def made(pool: SharedPool) -> list[Path]:
    return list((pool.folder / "work" / environments.FOLDER).glob("*/.made"))


def test_a_script_finds_its_packages_and_the_next_one_finds_them_made(own_pool: SharedPool, wheel: str) -> None:
    first = own_pool.run(script(TELLS, dependencies=[wheel]))
    assert first.ended.state is State.SUCCESS, first.text
    assert "Making a Python environment" in first.messages[0]
    second = own_pool.run(script(TELLS, dependencies=[wheel]))
    assert second.messages == [first.messages[-1]]
    assert first.messages[-1].startswith("hello ")
    assert len(made(own_pool)) == 1


def test_commands_and_scripts_after_commands_have_them_too(own_pool: SharedPool, wheel: str) -> None:
    commands = {"commands": ["greet", "python -c 'import greeting; print(greeting.WORD)'"], "packageManager": "PIP"}
    outcome = own_pool.run(order_of("scripts.python.Commands", commands | {"dependencies": [wheel]}))
    assert outcome.messages[-2:] == ["hello by command", "hello"]
    outcome = own_pool.run(script("import greeting, os; print(os.environ['A'])", beforeCommands=["greet", "export A=b"], dependencies=[wheel]))  # fmt: skip
    assert outcome.messages[-2:] == ["hello by command", "b"]


def test_packages_that_cannot_be_installed_fail_it_and_leave_nothing(own_pool: SharedPool, tmp_path: Path) -> None:
    before = made(own_pool)
    outcome = own_pool.run(script("print(1)", dependencies=[str(tmp_path / "nothing-1.0-py3-none-any.whl")]))
    assert outcome.ended.state is State.FAILED
    assert "could not be installed" in outcome.text
    assert made(own_pool) == before
    left = [each for each in (own_pool.folder / "work" / environments.FOLDER).iterdir() if each.is_dir()]
    assert len(left) == len(before)


def test_without_the_cache_it_is_gone_after_the_script(own_pool: SharedPool, wheel: str) -> None:
    before = made(own_pool)
    outcome = own_pool.run(script(TELLS, dependencies=[wheel], dependencyCacheEnabled=False))
    assert outcome.ended.state is State.SUCCESS, outcome.text
    assert not Path(outcome.messages[-1].split()[1]).exists()
    assert made(own_pool) == before


def test_one_that_many_want_at_once_is_made_once(tmp_path: Path, wheel: str) -> None:
    async def story(harness: Harness) -> None:
        orders = [script(TELLS, dependencies=[wheel]) for _ in range(3)]
        for order in orders:
            await harness.begin(order)
        ends = [await harness.first(OrderEnded, order_id=order.id) for order in orders]
        assert {ended.state for ended in ends} == {State.SUCCESS}
        told = [line.message for report in harness.reports for line in getattr(report, "lines", ())]
        assert len([text for text in told if text.startswith("Making")]) == 1

    in_pool(tmp_path, story)


def test_the_version_that_runs_anyway_needs_no_environment(own_pool: SharedPool) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    outcome = own_pool.run(script("import sys; print(sys.prefix)", pythonVersion=version))
    assert outcome.messages == [sys.prefix]


@pytest.mark.skipif(shutil.which("uv") is not None, reason="uv fetches any version")
def test_a_version_that_is_not_here_is_named(own_pool: SharedPool) -> None:
    outcome = own_pool.run(script("print(1)", pythonVersion="3.99"))
    assert outcome.ended.state is State.FAILED
    assert "Python 3.99" in outcome.text


def test_the_oldest_go_when_there_are_too_many_and_nobody_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "ENVIRONMENTS_MAX", 1)
    for name in ("old", "used", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".made").touch()
    with environments._locked(tmp_path / "used"):
        environments._remove_oldest(tmp_path / "new")
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_dir()) == ["new", "used"]
