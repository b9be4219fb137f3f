"""Bytes of a stream into lines of text: whatever bytes come, wherever they are cut."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from segue.tasks.masking import Masker

# Longer lines are given in pieces, but for those that speak the protocol.
LINE_LENGTH_MAX: Final = 64 << 10
PROTOCOL_LINE_LENGTH_MAX: Final = 8 << 20
PROTOCOL_BEGIN: Final = "::{"
_END: Final = re.compile(r"\r\n|\n|\r(?!$)")  # a carriage return at the end may be half of one


class Lines:
    """Lines as they become whole. A long line is cut where no secret is cut in two."""

    def __init__(self, masker: Masker) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._masker = masker
        self._rest = ""

    def feed(self, data: bytes) -> Iterator[str]:
        text = self._rest + self._decoder.decode(data)
        *whole, self._rest = _END.split(text)
        for line in whole:
            yield _shown(line)
        yield from self._pieces()

    def flush(self) -> Iterator[str]:
        """What stood without an end of line."""
        rest, self._rest = self._rest + self._decoder.decode(b"", final=True), ""
        if rest:
            yield _shown(rest.removesuffix("\r"))

    def _pieces(self) -> Iterator[str]:
        length_max = PROTOCOL_LINE_LENGTH_MAX if self._rest.startswith(PROTOCOL_BEGIN) else LINE_LENGTH_MAX
        if len(self._rest) > length_max:
            cut = self._masker.cut_of(self._rest)
            piece, self._rest = self._rest[:cut], self._rest[cut:]
            yield _shown(piece)


def _shown(line: str) -> str:
    return line.replace("\0", "\N{REPLACEMENT CHARACTER}")
