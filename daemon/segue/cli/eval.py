"""`segue eval`: what an expression comes to - here, with what a flow of the checkout knows, or in an execution of a daemon."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from msgspec.structs import replace

from segue.cli import given
from segue.cli.checkout import checkout_around
from segue.cli.client import Client, path_of
from segue.cli.errors import FIXABLE, USAGE, CommandFailed
from segue.cli.evaluation_here import CheckoutOutside
from segue.cli.flow_files import FlowFiles, read_repository
from segue.cli.printing import print_json
from segue.cli.problem_formats import text_line
from segue.engine.inputs import Owner, resolve
from segue.engine.scope import nested
from segue.engine.typed import Secret
from segue.expression.errors import ExpressionError
from segue.expression.template import Scope, compile_template
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.problem import Severity
from segue.spec.catalogue import BUILT_IN
from segue.tasks import packages
from segue.tasks.masking import MASK

_EXTENSIONS: Final = frozenset({".yaml", ".yml"})
_EXECUTION: Final = ExecutionId("eval")
_MISSING: Final = "Unable to find"
_WHAT_IS_THERE: Final = (
    "Give an input with -i name=value, a flow's inputs and variables with --flow, all that has run with --execution."
)
_ENVIRONMENT_PREFIX: Final = "ENV_"


def evaluate(
    expression: Annotated[
        str,
        typer.Argument(metavar="EXPR", help='A template; without {{ }} an expression. Example: "inputs.name | upper"'),
    ],
    flow: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAMESPACE/FLOW",
            help="With the inputs, variables and namespace files of this flow of the checkout. "
            "Example: --flow company.team/hello",
        ),
    ] = None,
    execution: Annotated[
        str | None,
        typer.Option(metavar="ID", help="In this execution of a daemon. Example: --execution 02ZXG9T2zNJ0Vh0F4lUgdH"),
    ] = None,
    task_run: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="In this task run of the execution. Example: --task-run 02ZXG9T2zNJ0Vh0F4lUgdI"
        ),
    ] = None,
    inputs: given.Inputs = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print result and error as the API has them. Example: --json")
    ] = False,
) -> None:
    """Evaluate an expression: offline as in a flow of the checkout, or in an execution of a daemon.

    Secrets are never shown: `secret()` is refused, SECRET inputs are stars. Exit code 1 if it cannot be evaluated.
    Example: segue eval "{{ now() | date('yyyy-MM-dd') }}"
    """
    template = expression if "{{" in expression or "{%" in expression else "{{ " + expression + " }}"
    if execution is not None:
        if flow is not None or inputs:
            raise CommandFailed("--execution has its own flow and inputs: leave --flow and -i out", code=USAGE)
        answer = _asked(template, execution, task_run)
    elif task_run is not None:
        raise CommandFailed("--task-run is one of an execution: say which with --execution", code=USAGE)
    else:
        answer = _here(template, flow, given.inputs(inputs or ()))
    if as_json:
        print_json(answer)
    elif answer["error"] is None:
        print(answer["result"])
    else:
        print(f"segue: {answer['error']}", file=sys.stderr)
        if flow is None and execution is None and answer["error"].startswith(_MISSING):
            print(_WHAT_IS_THERE, file=sys.stderr)
    if answer["error"] is not None:
        raise typer.Exit(FIXABLE)


def _asked(template: str, execution: str, task_run: str | None) -> dict[str, Any]:
    path = path_of("executions", execution, "actions", "eval", *([task_run] if task_run else []))
    with Client() as client:
        answer = client.call("POST", path, text=template)
    return {"result": answer.get("result"), "error": answer.get("error")}


def _here(template: str, flow: str | None, values: Sequence[given.Given]) -> dict[str, Any]:
    now = datetime.now(UTC)
    found = None if flow is None else _flow(flow)
    repository = read_repository(checkout_around(Path()).root, BUILT_IN) if found is not None else None
    outside = CheckoutOutside(now, repository, found.namespace if found is not None else "")
    variables: dict[str, Any] = {"envs": _environment(os.environ), "globals": {}}
    read = {each.name: _value(each) for each in values}
    if found is None:
        variables["inputs"] = read
    else:
        variables |= _of_flow(found, read, Scope(variables=variables, outside=outside))
    try:
        return {"result": compile_template(template).render(Scope(variables=variables, outside=outside)), "error": None}
    except ExpressionError as error:
        return {"result": None, "error": str(error)}


def _of_flow(flow: Flow, values: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """The variables of an execution that is about to start. What is required and not given is not there."""
    made: dict[str, Any] = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": 1, "tenantId": "main"},
        "execution": {"id": _EXECUTION},
        "vars": flow.variables,
        "labels": nested(flow.labels),
    }
    optional = tuple(replace(each, required=False) for each in flow.inputs)
    owner = Owner(namespace=flow.namespace, flow_id=flow.id, execution_id=_EXECUTION)
    resolved = resolve(optional, values, scope=replace(scope, variables={**scope.variables, **made}), owner=owner)
    if resolved.errors:
        raise CommandFailed("\n".join(resolved.errors))
    missing = {each.id for each in flow.inputs if each.required}
    kept = {name: value for name, value in resolved.values.items() if value is not None or name not in missing}
    return made | {"inputs": _shown(kept)}


def _shown(values: Any) -> Any:
    if isinstance(values, Secret):
        return MASK
    return {name: _shown(value) for name, value in values.items()} if isinstance(values, dict) else values


def _value(each: given.Given) -> Any:
    if any(isinstance(value, Path) for value in each.values):
        raise CommandFailed(f"input {each.name}: no file is stored to evaluate an expression, give a text", code=USAGE)
    return each.values[0] if len(each.values) == 1 else list(each.values)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(_ENVIRONMENT_PREFIX)
    }


def _flow(text: str) -> Flow:
    """The flow that a file holds, or the one of a name in the checkout around here."""
    files = FlowFiles(packages.catalogue())
    file = Path(text)
    if file.is_file() or file.suffix in _EXTENSIONS:
        files.look_at(file)
        errors = [each for each in files.problems if each.severity is Severity.ERROR]
        if errors:
            raise CommandFailed("\n".join(map(text_line, errors)))
        if not files.found:
            raise CommandFailed(f"there is no flow in {file}")
        return next(iter(files.found.values()))
    key = given.flow_name(text)
    files.look_at(checkout_around(Path()).root)
    if key not in files.found:
        raise CommandFailed(f"there is no valid flow {text} in the checkout around here")
    return files.found[key]
