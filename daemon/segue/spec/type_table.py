"""The table of types: which modules describe them, by role, and the names that each describes (without the prefix
`io.kestra.plugin.`). There are far more than any repository names, so a module is loaded with the first of its types
that somebody needs the model of.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from segue.spec.fields import Spec
from segue.spec.nested import Role

_LANGUAGES: Final = (
    "shell",
    "python",
    "node",
    "r",
    "julia",
    "powershell",
    "ruby",
    "perl",
    "php",
    "lua",
    "go",
    "groovy",
    "jython",
    "nashorn",
    "jbang",
    "deno",
    "bun",
    "dotnet",
)
_FORMS: Final = ("Commands", "Script")
_DATABASES: Final = ("sqlite", "duckdb", "postgresql", "mysql")

NAMES: Final[Mapping[Role, Mapping[str, tuple[str, ...]]]] = {
    Role.TASK: {
        "types.log": ("core.log.Log", "core.log.Fetch", "core.log.PurgeLogs"),
        "types.debug": ("core.debug.Return", "core.debug.Echo"),
        "types.output": ("core.output.OutputValues",),
        "types.metric": ("core.metric.Publish", "core.metric.PurgeMetrics"),
        "types.templating": ("core.templating.TemplatedTask",),
        "types.execution": (
            "core.execution.Fail",
            "core.execution.Assert",
            "core.execution.Exit",
            "core.execution.Labels",
            "core.execution.SetVariables",
            "core.execution.UnsetVariables",
            "core.execution.Kill",
            "core.execution.Resume",
            "core.execution.Count",
            "core.execution.PurgeExecutions",
        ),
        "types.http": ("core.http.Request", "core.http.Download", "core.http.SseRequest"),
        "types.kv": ("core.kv.Set", "core.kv.Get", "core.kv.GetKeys", "core.kv.Delete", "core.kv.PurgeKV"),
        "types.namespace": (
            "core.namespace.UploadFiles",
            "core.namespace.DownloadFiles",
            "core.namespace.DeleteFiles",
            "core.namespace.PurgeFiles",
            "core.flow.PurgeFlows",
        ),
        "types.storage": (
            "core.storage.Write",
            "core.storage.Concat",
            "core.storage.Split",
            "core.storage.Reverse",
            "core.storage.Size",
            "core.storage.Delete",
            "core.storage.DeduplicateItems",
            "core.storage.FilterItems",
            "core.storage.LocalFiles",
            "core.storage.PurgeCurrentExecutionFiles",
            "core.storage.PurgeStorage",
        ),
        "types.state": ("core.state.Set", "core.state.Get", "core.state.Delete", "core.trigger.Toggle"),
        "types.timing": ("core.flow.Sleep",),
        "types.scripts": tuple(f"scripts.{language}.{form}" for language in _LANGUAGES for form in _FORMS),
        "types.plugins.notifications": (
            "slack.notifications.SlackIncomingWebhook",
            "slack.notifications.SlackExecution",
            "discord.DiscordIncomingWebhook",
            "discord.DiscordExecution",
            "microsoft365.teams.TeamsIncomingWebhook",
            "microsoft365.teams.TeamsExecution",
            "googleworkspace.chat.GoogleChatIncomingWebhook",
            "googleworkspace.chat.GoogleChatExecution",
            "telegram.TelegramSend",
            "telegram.TelegramExecution",
            "opsgenie.OpsgenieAlert",
            "pagerduty.PagerDutyAlert",
            "zenduty.ZendutyAlert",
        ),
        "types.plugins.mail": ("email.MailSend", "email.MailExecution"),
        "types.plugins.csv_files": ("serdes.csv.CsvToIon", "serdes.csv.IonToCsv"),
        "types.plugins.json_files": ("serdes.json.JsonToIon", "serdes.json.IonToJson", "serdes.json.JsonToJsonl"),
        "types.plugins.excel_files": ("serdes.excel.ExcelToIon", "serdes.excel.IonToExcel"),
        "types.plugins.parquet_files": ("serdes.parquet.ParquetToIon", "serdes.parquet.IonToParquet"),
        "types.plugins.jdbc": tuple(
            f"jdbc.{database}.{body}" for body in ("Query", "Queries", "Batch") for database in _DATABASES
        ),
        "types.plugins.git": ("git.Clone", "git.Push", "git.PushNamespaceFiles"),
        "types.plugins.commands": (
            "dbt.cli.DbtCLI",
            "terraform.cli.TerraformCLI",
            "ansible.cli.AnsibleCLI",
            "aws.cli.AwsCLI",
            "azure.cli.AzCLI",
            "gcp.cli.GCloudCLI",
            "sqlmesh.cli.SQLMeshCLI",
        ),
        "types.plugins.local_files": (
            "fs.local.List",
            "fs.local.Download",
            "fs.local.Downloads",
            "fs.local.Upload",
            "fs.local.Uploads",
            "fs.local.Copy",
            "fs.local.Move",
            "fs.local.Delete",
        ),
        "types.plugins.sftp": (
            "fs.sftp.List",
            "fs.sftp.Download",
            "fs.sftp.Downloads",
            "fs.sftp.Upload",
            "fs.sftp.Uploads",
            "fs.sftp.Move",
            "fs.sftp.Delete",
        ),
        "types.plugins.s3": (
            "aws.s3.CreateBucket",
            "aws.s3.List",
            "aws.s3.Download",
            "aws.s3.Downloads",
            "aws.s3.Upload",
            "aws.s3.Copy",
            "aws.s3.Delete",
            "aws.s3.DeleteList",
        ),
    },
    Role.FLOWABLE: {
        "flowables": (
            "core.flow.Sequential",
            "core.flow.Parallel",
            "core.flow.Dag",
            "core.flow.If",
            "core.flow.Switch",
            "core.flow.AllowFailure",
            "core.flow.ForEach",
            "core.flow.EachSequential",
            "core.flow.EachParallel",
            "core.flow.Loop",
            "core.flow.ForEachItem",
            "core.flow.Subflow",
            "core.flow.WorkingDirectory",
            "core.flow.LoopUntil",
            "core.flow.Pause",
            "core.flow.Approval",
        ),
    },
    Role.TRIGGER: {
        "triggers": (
            "core.trigger.Schedule",
            "core.trigger.ScheduleOnDates",
            "core.trigger.Flow",
            "core.trigger.Webhook",
            "core.trigger.McpToolTrigger",
            "core.http.Trigger",
            "segue.trigger.Files",
        ),
        "types.plugins.jdbc": tuple(f"jdbc.{database}.Trigger" for database in _DATABASES),
        "types.plugins.local_files": ("fs.local.Trigger",),
        "types.plugins.sftp": ("fs.sftp.Trigger",),
        "types.plugins.s3": ("aws.s3.Trigger",),
        "types.scripts": tuple(f"scripts.{language}.{form}Trigger" for language in _LANGUAGES for form in _FORMS),
    },
    Role.CONDITION: {
        "conditions": (
            "core.condition.DateTimeBetween",
            "core.condition.TimeBetween",
            "core.condition.DayWeek",
            "core.condition.DayWeekInMonth",
            "core.condition.Weekend",
            "core.condition.PublicHoliday",
            "core.condition.Not",
            "core.condition.Or",
            "core.condition.Expression",
            "core.condition.ExecutionStatus",
            "core.condition.ExecutionFlow",
            "core.condition.ExecutionNamespace",
            "core.condition.ExecutionLabels",
            "core.condition.ExecutionOutputs",
            "core.condition.HasRetryAttempt",
            "core.condition.Flow",
            "core.condition.FlowNamespace",
            "core.condition.MultipleCondition",
        ),
    },
    Role.RUNNER: {
        "types.runners": ("core.runner.Process", "scripts.runner.docker.Docker"),
    },
}


def model_of(module: str, name: str) -> type[Spec]:
    """What a module of the table says of one of its types."""
    types: Mapping[str, type[Spec]] = import_module(f"segue.spec.{module}").TYPES
    return types[name]
