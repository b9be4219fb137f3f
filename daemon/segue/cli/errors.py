"""How a command ends when it does not end well. Exit codes: 0 good, 1 what you can fix, 2 usage, 3 our bug,
130 interrupted."""

from typing import Final

GOOD: Final = 0
FIXABLE: Final = 1
USAGE: Final = 2
OUR_BUG: Final = 3
INTERRUPTED: Final = 130


class CommandFailed(Exception):
    """Something that whoever typed the command can fix. The text says what, and what to do."""

    def __init__(self, message: str, *, code: int = FIXABLE) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message
