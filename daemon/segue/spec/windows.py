"""Windows of time that flow triggers gather in, in both dialects."""

from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from segue.expression import iso
from segue.spec.fields import Span, Spec, Text


def _check_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError("invalid-timezone", "'{name}' is not a valid time zone", {"name": name}) from error
    return name


def _check_time_of_day(text: str) -> str:
    if iso.read_time_of_day(text) is None:
        raise PydanticCustomError(
            "invalid-time-of-day", "'{text}' is not a time of day like 09:00:00 or 09:00:00+01:00", {"text": text}
        )
    return text


Timezone = Annotated[Text, AfterValidator(_check_timezone)]
TimeOfDay = Annotated[Text, AfterValidator(_check_time_of_day)]


class TimeWindow(Spec):
    """The window of time in which all has to be met."""

    type: Literal["DURATION_WINDOW", "SLIDING_WINDOW", "DAILY_TIME_DEADLINE", "DAILY_TIME_WINDOW"] = Field(
        default="DURATION_WINDOW", description="Kind of window."
    )
    window: Span | None = Field(default=None, description="Length of the window; default PT24H.")
    window_advance: Span | None = Field(default=None, description="Where windows begin (DURATION_WINDOW).")
    deadline: TimeOfDay | None = Field(default=None, description="Time of day with offset (DAILY_TIME_DEADLINE).")
    start_time: TimeOfDay | None = Field(default=None, description="Time of day with offset (DAILY_TIME_WINDOW).")
    end_time: TimeOfDay | None = Field(default=None, description="Time of day with offset (DAILY_TIME_WINDOW).")
    timezone: Timezone | None = Field(default=None, description="Time zone of times without offset, and of days.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        message = self._missing()
        if message:
            raise PydanticCustomError(
                "invalid-time-window", "Time window of type `{kind}` {message}", {"kind": self.type, "message": message}
            )
        return self

    def _missing(self) -> str:
        match self.type:
            case "DAILY_TIME_DEADLINE":
                if self.deadline is None:
                    return "must have a deadline."
                return "cannot have a window." if self.window or self.window_advance else ""
            case "DAILY_TIME_WINDOW":
                if self.start_time is None or self.end_time is None:
                    return "must have a start time and an end time."
                return "cannot have a deadline." if self.deadline else ""
            case "SLIDING_WINDOW":
                return "" if self.window is not None else "must have a window."
            case _:
                return "cannot have a deadline." if self.deadline else ""


# What belongs together, by the key that tells the kind of window.
_KINDS: Final = {
    "deadline": ("deadline",),
    "from": ("from_", "to"),
    "to": ("from_", "to"),
    "lookback": ("lookback",),
    "every": ("every", "offset"),
    "offset": ("every", "offset"),
}


class Window(Spec):
    """The window of time in which all has to be met (2.0)."""

    deadline: TimeOfDay | None = Field(default=None, description="Time of day until when, each day.")
    from_: TimeOfDay | None = Field(default=None, alias="from", description="Time of day from when, with `to`.")
    to: TimeOfDay | None = Field(default=None, description="Time of day until when, with `from`.")
    every: Span | None = Field(default=None, description="Windows of this length, one after another.")
    offset: Span | None = Field(default=None, description="Where those begin.")
    lookback: Span | None = Field(default=None, description="The last so much time.")
    timezone: Timezone | None = Field(default=None, description="Time zone of times without offset, and of days.")
    fire_once: bool | None = Field(
        default=None, description="Fire once in a window at most; else each execution that counts fires again."
    )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        given = {key for key, fields in _KINDS.items() if getattr(self, "from_" if key == "from" else key) is not None}
        if (self.from_ is None) is not (self.to is None):
            raise PydanticCustomError("invalid-window", "`from` and `to` go together")
        if len({_KINDS[key] for key in given}) > 1:
            raise PydanticCustomError(
                "invalid-window",
                "a window has either `deadline`, or `from` and `to`, or `lookback`, or `every` and `offset`; found {keys}",
                {"keys": ", ".join(f"`{key}`" for key in sorted(given))},
            )
        return self
