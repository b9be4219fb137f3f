"""Log levels, as task properties and the stdout protocol name them."""

from typing import Literal

LogLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
