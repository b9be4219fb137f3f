"""Tasks that would write what Git alone may write are refused, with what to do instead."""

import pytest
from segue.spec.catalogue import BUILT_IN

from tests.unit.spec.flows import problems_of, with_task

REFUSED = {
    "upload": ("namespace.UploadFiles", "namespace: a\nfiles: [x]", "clone the repository in a task"),
    "delete": ("namespace.DeleteFiles", "namespace: a\nfiles: [x]", "commit and push"),
    "purge files": ("namespace.PurgeFiles", "namespaces: [a]", "nothing to purge"),
    "purge flows": ("flow.PurgeFlows", "namespaces: [a]", "nothing to purge"),
}


@pytest.mark.parametrize(("name", "properties", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_a_task_that_would_write_what_comes_from_git_is_refused(name: str, properties: str, hint: str) -> None:
    (problem,) = problems_of(with_task(f"id: a\ntype: core.{name}\n{properties}"), catalogue=BUILT_IN)
    assert (problem.code, problem.where) == ("type-not-available", "tasks[0].type")
    assert hint in (problem.hint or "")


def test_every_other_core_task_is_there_to_run() -> None:
    missing = [
        entry.name
        for entry in BUILT_IN
        if entry.role == "task" and not entry.available and entry.name.startswith("io.kestra.plugin.core.")
    ]
    assert sorted(missing) == sorted(f"io.kestra.plugin.core.{name}" for name, _, _ in REFUSED.values())
