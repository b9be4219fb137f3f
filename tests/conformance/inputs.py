"""Questions about inputs."""

from pathlib import Path
from typing import Any

from segue.engine.inputs import Owner, Resolved, extension_of, resolve
from segue.engine.typed import Secret
from segue.model.names import ExecutionId
from segue.runtime.sealing import sealed
from segue.tasks.encryption import Cipher

from tests.conformance.outside import KEY
from tests.conformance.reading import Refused, flows_folder, given_of, input_of, present, scope_of


def answer(question: dict[str, Any]) -> dict[str, Any]:
    asked, raw = question["ask"], question["inputs"]
    if "spec" in asked:
        return {"value": {"spec": [{"id": input_of(each).id, "name": each.get("name")} for each in raw]}}
    if "extension_of" in asked:
        declared = [input_of(each) for each in raw]
        return {"value": {"extension_of": {name: extension_of(declared, name) for name in asked["extension_of"]}}}
    resolved = _resolve(question)
    if "values_offered" in asked:
        return {"value": {"values_offered": list(resolved.inputs[0].offered or ())}}
    if "resolved" in asked:
        return {"value": {"resolved": [_checked(each) for each in resolved.inputs]}, "stored": _stored(resolved, None)}
    if resolved.errors:
        raise Refused(", ".join(resolved.errors))
    key = (question.get("config") or {}).get(KEY)
    values = sealed(resolved, Cipher.of(key)).values if key else resolved.values
    return {"value": _plain(values), "stored": _stored(resolved, "read")}


def _resolve(question: dict[str, Any]) -> Resolved:
    context, now = question.get("context") or {}, present(question)
    owner = Owner(
        namespace=context.get("namespace", "company.team"),
        flow_id=context.get("flowId", "flow"),
        execution_id=ExecutionId(context.get("executionId", "execution")),
    )
    return resolve(
        [input_of(each) for each in question["inputs"]],
        given_of(question.get("given") or {}, now),
        scope=scope_of(context.get("variables") or {}, now),
        owner=owner,
    )


def _checked(each: Any) -> dict[str, Any]:
    error = f"{each.input.id}: {'; '.join(each.errors)}" if each.errors else None
    return {"id": each.input.id, "value": _plain(each.value), "enabled": each.is_enabled, "error": error}


def _stored(resolved: Resolved, read: str | None) -> dict[str, Any]:
    """Nothing is stored by the library itself: for inputs of an execution the caller would, for validation not."""
    return {
        file.uri: Path(file.file.path).read_text() if read and file.file.path.startswith(str(flows_folder())) else None
        for file in resolved.files
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return str(value)
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value
