"""What can be set about the web: who may come in, and how much may be sent."""

from dataclasses import dataclass, field
from typing import Final

# What Git hosts send stays far below; Argo CD's unbounded webhook body took its server down (CVE-2024-40634).
WEBHOOK_BODY_MAX: Final = 3 << 20
TEXT_BODY_MAX: Final = 3 << 20
# One value of a form that is no file. JSON inputs are long, but a form is held in memory.
FORM_VALUE_MAX: Final = 8 << 20
FORM_PARTS_MAX: Final = 1000
PAGE_SIZE_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Credentials:
    """With neither, everybody may do everything: for loopback only."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def has_password(self) -> bool:
        return self.username is not None and self.password is not None

    @property
    def are_set(self) -> bool:
        return self.has_password or self.token is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`hosts` are names that the page may be asked for under; addresses and localhost always may."""

    credentials: Credentials = Credentials()
    hosts: tuple[str, ...] = ()
    upload_max: int = 1 << 30
    webhook_secret: str | None = field(default=None, repr=False)
    url: str | None = None  # where the page is reached from outside, for links in answers
