"""Pages of a long list, as links."""

from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request

from segue.web import asks


class Paging(Struct, frozen=True):
    """Where one is in a list. `total` may be a lower bound."""

    page: int
    size: int
    total: int
    address: str
    query: tuple[tuple[str, str], ...]
    is_exact: bool = True

    @classmethod
    def of(cls, request: Request, *, total: int, size: int, is_exact: bool = True) -> "Paging":
        query = tuple((name, value) for name, value in request.query_params.multi_items() if name != "page" and value)
        return cls(page_of(request), size, total, request.url.path, query, is_exact)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    @property
    def first(self) -> int:
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.offset + self.size, self.total)

    @property
    def newer(self) -> str | None:
        return self.link(self.page - 1) if self.page > 1 else None

    @property
    def older(self) -> str | None:
        return self.link(self.page + 1) if self.offset + self.size < self.total else None

    def link(self, page: int) -> str:
        return f"{self.address}?{urlencode([*self.query, ('page', str(page))])}"


def page_of(request: Request) -> int:
    return asks.number(request.query_params, "page", 1, least=1, most=1_000_000)
