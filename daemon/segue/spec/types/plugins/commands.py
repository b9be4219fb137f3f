"""Properties of the tasks that run one command line tool: script tasks, with what the tool needs on top."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Text, TextOrTexts
from segue.spec.types.scripts import ScriptTask


class ToolCommands(ScriptTask):
    """Runs commands of a tool, one after another, in one shell."""

    commands: Dynamic[TextOrTexts] = Field(description="The commands.")


class DbtCommands(ToolCommands):
    """Runs commands of dbt."""

    profiles: Dynamic[Text] | None = Field(default=None, description="What `profiles.yml` has to say.")
    project_dir: Dynamic[Text] | None = Field(default=None, description="Folder of the dbt project.")
    parse_run_results: Dynamic[bool] = Field(default=True, description="Store `run_results.json` and `manifest.json`.")


class AnsibleCommands(ToolCommands):
    """Runs commands of Ansible."""

    ansible_config: Dynamic[Text] | None = Field(default=None, description="What `ansible.cfg` has to say.")


class AwsCommands(ToolCommands):
    """Runs commands of the AWS command line."""

    access_key_id: Dynamic[Text] | None = Field(default=None, description="Access key.")
    secret_key_id: Dynamic[Text] | None = Field(default=None, description="Secret key.")
    session_token: Dynamic[Text] | None = Field(default=None, description="Session token.")
    region: Dynamic[Text] | None = Field(default=None, description="Region.")
    endpoint_override: Dynamic[Text] | None = Field(default=None, description="Another address of the services.")
    output_format: Dynamic[Text] | None = Field(default=None, description="json, text, table or yaml.")


TYPES: Final[Mapping[str, type[ScriptTask]]] = {
    "dbt.cli.DbtCLI": DbtCommands,
    "terraform.cli.TerraformCLI": ToolCommands,
    "ansible.cli.AnsibleCLI": AnsibleCommands,
    "aws.cli.AwsCLI": AwsCommands,
    "azure.cli.AzCLI": ToolCommands,
    "gcp.cli.GCloudCLI": ToolCommands,
    "sqlmesh.cli.SQLMeshCLI": ToolCommands,
}
