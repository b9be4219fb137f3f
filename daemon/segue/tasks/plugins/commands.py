"""Tasks that run one command line tool - dbt, Terraform, Ansible and the like - by one table: all are script tasks, and
differ in the files and variables that the tool finds beside the commands."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from segue.spec.types.plugins.commands import TYPES, AnsibleCommands, AwsCommands, DbtCommands, ToolCommands
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.scripts import files, script
from segue.tasks.scripts.runners import Job
from segue.tasks.scripts.script import Workplace

_DBT_RESULTS: Final = ("target/run_results.json", "target/manifest.json")


class Equipment(Struct, frozen=True, kw_only=True):
    """What a tool is given: `variables` of the environment, `files` to write into the working directory."""

    variables: Mapping[str, str]
    files: Mapping[str, str]


def _nothing(_properties: Any) -> Equipment:
    return Equipment(variables={}, files={})


def _dbt(properties: DbtCommands) -> Equipment:
    if properties.profiles is None:
        return _nothing(properties)
    return Equipment(variables={"DBT_PROFILES_DIR": "."}, files={"profiles.yml": properties.profiles})


def _ansible(properties: AnsibleCommands) -> Equipment:
    if properties.ansible_config is None:
        return _nothing(properties)
    return Equipment(variables={"ANSIBLE_CONFIG": "ansible.cfg"}, files={"ansible.cfg": properties.ansible_config})


def _aws(properties: AwsCommands) -> Equipment:
    given = {
        "AWS_ACCESS_KEY_ID": properties.access_key_id,
        "AWS_SECRET_ACCESS_KEY": properties.secret_key_id,
        "AWS_SESSION_TOKEN": properties.session_token,
        "AWS_DEFAULT_REGION": properties.region,
        "AWS_ENDPOINT_URL": properties.endpoint_override,
        "AWS_DEFAULT_OUTPUT": properties.output_format,
    }
    return Equipment(variables={name: value for name, value in given.items() if value is not None}, files={})


_EQUIPMENT: Final[Mapping[str, Callable[[Any], Equipment]]] = {
    "dbt.cli.DbtCLI": _dbt,
    "ansible.cli.AnsibleCLI": _ansible,
    "aws.cli.AwsCLI": _aws,
}


def _runner(task_type: str) -> Callable[[ToolCommands, TaskContext], Result]:
    equipment_of = _EQUIPMENT.get(task_type, _nothing)

    def run(properties: ToolCommands, context: TaskContext) -> Result:
        equipment = equipment_of(properties)

        def prepare(place: Workplace) -> Job:
            files.write_input_files(context, equipment.files, place.folder)
            commands = script.listed(properties.commands)
            return Job(command=script.shell_command(properties, context, commands, place))

        if not isinstance(properties, DbtCommands):
            return script.run(properties, context, prepare, equipment.variables)
        return _with_dbt_results(
            properties, context, lambda: script.run(properties, context, prepare, equipment.variables)
        )

    return run


def _with_dbt_results(properties: DbtCommands, context: TaskContext, run: Callable[[], Result]) -> Result:
    """What dbt says of its run is stored also when it fails."""
    try:
        result = run()
    except TaskFailed as failed:
        raise TaskFailed(failed.message, _with_results(properties, context, failed.outputs or {})) from failed
    return Result(state=result.state, outputs=_with_results(properties, context, result.outputs or {}))


def _with_results(properties: DbtCommands, context: TaskContext, outputs: Mapping[str, Any]) -> dict[str, Any]:
    folder = context.working_directory / (properties.project_dir or ".")
    there = [name for name in _DBT_RESULTS if properties.parse_run_results and (folder / name).is_file()]
    kept = {Path(name).name: context.put_path(Path(name).name, folder / name).address for name in there}
    return {**outputs, "outputFiles": {**outputs.get("outputFiles", {}), **kept}}


KINDS: tuple[TaskKind[Any], ...] = tuple(
    TaskKind(name=f"io.kestra.plugin.{task_type}", properties=model, run=_runner(task_type), variables=script.variables)
    for task_type, model in TYPES.items()
)
