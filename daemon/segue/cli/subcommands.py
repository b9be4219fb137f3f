"""A command that has commands below it, as `segue flows list`. All of these look and behave alike."""

import typer


def subcommands(about: str, example: str) -> typer.Typer:
    """The application that such commands are added to."""
    return typer.Typer(
        help=about,
        epilog=f"Example: {example}",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
