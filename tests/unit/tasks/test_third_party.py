"""Task types of other packages: one installed for real and run, and those that cannot be loaded."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.storage.local import LocalStorage
from segue.tasks.packages import GROUP, installed_of

from tests.support.pools import SharedPool, order_of

EXAMPLE = Path(__file__).parents[3] / "examples" / "third-party-task"


def greeting(**properties: object) -> Order:
    return order_of("com.example.greetings.Greet", dict(properties), variables={"who": "Ada"})


def test_an_installed_package_adds_a_task_type(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", packages, EXAMPLE], check=True)
    pool = SharedPool(tmp_path, environment={"PYTHONPATH": str(packages)})
    try:
        outcome = pool.run(greeting(name="{{ who }}", times="2"))
        refused = pool.run(greeting(name="Ada", times=0))
        unknown = pool.run(greeting(name="Ada", loud=True))
    finally:
        pool.close()
    assert outcome.messages == ["Hello Ada!", "Hello Ada!"]
    assert [(metric.name, metric.value) for metric in outcome.metrics] == [("greetings", 2.0)]
    assert outcome.ended.outputs is not None
    with LocalStorage(tmp_path / "storage").open(outcome.ended.outputs["card"]) as file:
        assert file.read() == b"Hello Ada!\n"
    assert (refused.ended.state, refused.messages) == (State.FAILED, ["`times` must be at least 1"])
    assert unknown.messages == ["Invalid properties: loud: Extra inputs are not permitted"]


BROKEN = {
    "no such module": ("no_such_module:KIND", "ModuleNotFoundError"),
    "no such name": ("json:KIND", "AttributeError"),
    "no task type": ("json:dumps", "TypeError: expected TaskKind, found function"),
    "taken": ("segue.tasks.log:KINDS", "the task type io.kestra.plugin.core.log.Log exists already"),
}


@pytest.mark.parametrize(("value", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_package_that_cannot_be_loaded_is_told_and_disturbs_nobody(value: str, reason: str) -> None:
    installed = installed_of([EntryPoint(name="broken", value=value, group=GROUP)])
    assert installed.kinds == ()
    assert [reason in str(broken) for broken in installed.broken] == [True]
