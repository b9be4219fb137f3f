"""A command that has commands below it, as `segue flows list`. All of these look and behave alike, and ask a daemon."""

from typing import Any, Final

import typer
from typer.core import TyperGroup

_WHERE: Final = (
    "The daemon is at http://127.0.0.1:8080, or where SEGUE_URL says. SEGUE_TOKEN, or SEGUE_USERNAME and "
    "SEGUE_PASSWORD, let you in."
)


class _Group(TyperGroup):
    """Says of each command its whole first sentence; what is too long for a line goes on in the next."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(command.help)) for name, command in commands if command])


def _first_sentence(help_text: str | None) -> str:
    text = " ".join((help_text or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].removesuffix(".") + "."


def subcommands(about: str, example: str) -> typer.Typer:
    """The application that such commands are added to."""
    return typer.Typer(
        cls=_Group,
        help=about,
        epilog=f"{_WHERE}\n\nExample: {example}",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
