"""Names that types had in the past, by their name of today (without the prefix `io.kestra.plugin.`)."""

from collections.abc import Mapping
from typing import Final

_CORE: Final = "io.kestra.core."
_TASKS: Final = "io.kestra.core.tasks."
_CONDITION: Final = "io.kestra.plugin.core.condition."
_OLD_CONDITION: Final = "io.kestra.core.models.conditions.types."

_CONDITIONS: Final = (
    "DateTimeBetween",
    "TimeBetween",
    "DayWeek",
    "DayWeekInMonth",
    "Weekend",
    "PublicHoliday",
    "Not",
    "Or",
    "Expression",
    "ExecutionStatus",
    "ExecutionFlow",
    "ExecutionNamespace",
    "ExecutionLabels",
    "ExecutionOutputs",
    "HasRetryAttempt",
    "Flow",
    "FlowNamespace",
)

_NOTIFICATIONS: Final = "io.kestra.plugin.notifications."

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "core.log.Log": (_TASKS + "log.Log", _TASKS + "debugs.Log"),
    "core.log.Fetch": (_TASKS + "log.Fetch",),
    "core.log.PurgeLogs": (_TASKS + "log.PurgeLogs",),
    "core.debug.Return": (_TASKS + "debugs.Return",),
    "core.debug.Echo": (_TASKS + "debugs.Echo",),
    "core.execution.Fail": (_TASKS + "executions.Fail",),
    "core.execution.Count": (_TASKS + "executions.Counts", _TASKS + "executions.Count"),
    "core.execution.Labels": (_TASKS + "executions.Labels",),
    "core.execution.Resume": (_TASKS + "executions.Resume",),
    "core.execution.PurgeExecutions": (
        _TASKS + "storages.Purge",
        "io.kestra.plugin.core.storage.Purge",
        _TASKS + "executions.PurgeExecutions",
    ),
    "core.flow.Sequential": (_TASKS + "flows.Sequential",),
    "core.flow.Parallel": (_TASKS + "flows.Parallel",),
    "core.flow.EachSequential": (_TASKS + "flows.EachSequential",),
    "core.flow.EachParallel": (_TASKS + "flows.EachParallel",),
    "core.flow.ForEach": (_TASKS + "flows.ForEach",),
    "core.flow.ForEachItem": (_TASKS + "flows.ForEachItem",),
    "core.flow.Switch": (_TASKS + "flows.Switch",),
    "core.flow.If": (_TASKS + "flows.If",),
    "core.flow.Pause": (_TASKS + "flows.Pause",),
    "core.flow.Dag": (_TASKS + "flows.Dag",),
    "core.flow.AllowFailure": (_TASKS + "flows.AllowFailure",),
    "core.flow.Subflow": (_TASKS + "flows.Subflow", _TASKS + "flows.Flow"),
    "core.flow.WorkingDirectory": (_TASKS + "flows.WorkingDirectory", _TASKS + "flows.Worker"),
    "core.flow.LoopUntil": (_TASKS + "flows.WaitFor", "io.kestra.plugin.core.flow.WaitFor"),
    "core.flow.Sleep": (_TASKS + "flows.Sleep",),
    "core.http.Request": ("io.kestra.plugin.fs.http.Request",),
    "core.http.Download": ("io.kestra.plugin.fs.http.Download",),
    "core.http.Trigger": ("io.kestra.plugin.fs.http.Trigger",),
    "core.storage.Concat": (_TASKS + "storages.Concat",),
    "core.storage.DeduplicateItems": (_TASKS + "storages.DeduplicateItems",),
    "core.storage.Delete": (_TASKS + "storages.Delete",),
    "core.storage.FilterItems": (_TASKS + "storages.FilterItems",),
    "core.storage.LocalFiles": (_TASKS + "storages.LocalFiles",),
    "core.storage.PurgeCurrentExecutionFiles": (
        _TASKS + "storages.PurgeExecution",
        "io.kestra.plugin.core.storage.PurgeExecution",
    ),
    "core.storage.Reverse": (_TASKS + "storages.Reverse",),
    "core.storage.Size": (_TASKS + "storages.Size",),
    "core.storage.Split": (_TASKS + "storages.Split",),
    "core.state.Set": (_TASKS + "states.Set",),
    "core.state.Get": (_TASKS + "states.Get",),
    "core.state.Delete": (_TASKS + "states.Delete",),
    "core.templating.TemplatedTask": (_TASKS + "templating.TemplatedTask",),
    "core.trigger.Toggle": (_TASKS + "trigger.Toggle", "io.kestra.plugin.kestra.triggers.Toggle"),
    "core.trigger.Schedule": (_CORE + "models.triggers.types.Schedule",),
    "core.trigger.ScheduleOnDates": (_CORE + "models.triggers.types.ScheduleOnDates",),
    "core.trigger.Flow": (_CORE + "models.triggers.types.Flow",),
    "core.trigger.Webhook": (_CORE + "models.triggers.types.Webhook",),
    "core.runner.Process": (
        "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
        "io.kestra.plugin.core.runner.ProcessTaskRunner",
    ),
    "scripts.runner.docker.Docker": ("io.kestra.plugin.scripts.runner.docker.DockerTaskRunner",),
    "scripts.shell.Commands": (_TASKS + "scripts.Bash",),
    "scripts.python.Commands": (_TASKS + "scripts.Python",),
    "scripts.node.Commands": (_TASKS + "scripts.Node",),
    **{
        f"core.condition.{name}": (f"{_CONDITION}{name}Condition", f"{_OLD_CONDITION}{name}Condition")
        for name in _CONDITIONS
    },
    "core.condition.MultipleCondition": (f"{_OLD_CONDITION}MultipleCondition",),
    **{
        f"slack.notifications.{name}": (f"{_NOTIFICATIONS}slack.{name}", f"io.kestra.plugin.slack.{name}")
        for name in ("SlackIncomingWebhook", "SlackExecution")
    },
    **{
        name: (_NOTIFICATIONS + old,)
        for name, old in {
            "discord.DiscordIncomingWebhook": "discord.DiscordIncomingWebhook",
            "discord.DiscordExecution": "discord.DiscordExecution",
            "microsoft365.teams.TeamsIncomingWebhook": "teams.TeamsIncomingWebhook",
            "microsoft365.teams.TeamsExecution": "teams.TeamsExecution",
            "googleworkspace.chat.GoogleChatIncomingWebhook": "google.GoogleChatIncomingWebhook",
            "googleworkspace.chat.GoogleChatExecution": "google.GoogleChatExecution",
            "telegram.TelegramSend": "telegram.TelegramSend",
            "telegram.TelegramExecution": "telegram.TelegramExecution",
            "email.MailSend": "mail.MailSend",
            "email.MailExecution": "mail.MailExecution",
            "opsgenie.OpsgenieAlert": "opsgenie.OpsgenieAlert",
            "pagerduty.PagerDutyAlert": "pagerduty.PagerDutyAlert",
            "zenduty.ZendutyAlert": "zenduty.ZendutyAlert",
        }.items()
    },
    **{
        f"serdes.{name}": (f"io.kestra.plugin.serdes.{old}",)
        for name, old in {
            "csv.CsvToIon": "csv.CsvReader",
            "csv.IonToCsv": "csv.CsvWriter",
            "json.JsonToIon": "json.JsonReader",
            "json.IonToJson": "json.JsonWriter",
            "parquet.ParquetToIon": "parquet.ParquetReader",
            "parquet.IonToParquet": "parquet.ParquetWriter",
        }.items()
    },
}
