"""The trigger types that the daemon can serve, as one explicit table."""

from typing import Final

FILES: Final = "segue.trigger.Files"

TRIGGER_TYPES: Final = frozenset(
    {
        "io.kestra.plugin.core.trigger.Schedule",
        "io.kestra.plugin.core.trigger.ScheduleOnDates",
        "io.kestra.plugin.core.trigger.Flow",
        "io.kestra.plugin.core.trigger.Webhook",
        FILES,
    }
)
