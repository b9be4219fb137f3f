"""Descriptions as Markdown: paragraphs, lists, code, emphasis, headings (as lines that stand out) and links to http(s)
alone. HTML in them is text."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from segue.web.pages.words import clean

LENGTH_MAX: Final = 20_000
_RULES: Final = ("backticks", "emphasis", "escape", "fence", "heading", "lheading", "link", "list", "newline")


class _Markdown(MarkdownIt):
    """Only what is asked for, and no addresses but the web's."""

    def __init__(self) -> None:
        super().__init__("zero", {"html": False})
        self.enable(list(_RULES))

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return url.lower().startswith(("https://", "http://"))


_MARKDOWN: Final = _Markdown()


@lru_cache(maxsize=1024)
def described(text: str) -> Markup:
    """The text as parts of a page. It is cut where nobody reads on."""
    tokens = _MARKDOWN.parse(clean(text[:LENGTH_MAX]))
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = "p"  # the page's own headings stay the only ones
        if token.type == "heading_open":
            token.attrSet("class", "heading")
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrSet("rel", "noopener noreferrer nofollow")
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(html)  # noqa: S704 - the renderer escapes all text


@lru_cache(maxsize=4096)
def gist(text: str, most: int = 140) -> str:
    """The first line without its marks, for lists."""
    inline = next((each for each in _MARKDOWN.parse(clean(text[:LENGTH_MAX])) if each.type == "inline"), None)
    line = _plain((inline and inline.children) or ()).partition("\n")[0].strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _plain(tokens: Sequence[Token]) -> str:
    return "".join("\n" if token.type in {"softbreak", "hardbreak"} else token.content for token in tokens)
