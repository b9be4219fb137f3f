"""Nearby: what of the world outside is at hand in the daemon itself - keys in its database, public holidays, and secrets
where nothing that is evaluated is kept. For what is evaluated where nobody can wait for a worker: the expressions of
triggers, and what a flow's inputs are by default when one of them fires.

What else there is of the world (files, HTTP, other flows) only workers reach.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from segue.engine.public_holidays import UnknownCountry, is_public_holiday
from segue.expression.errors import ExpressionError
from segue.expression.outside import FrozenOutside
from segue.store.errors import ReadTooLong
from segue.tasks.masking import Masker
from segue.web.ports.keys import KeyValue
from segue.workers.settings import no_key, no_secret

FindKey = Callable[[str, str], KeyValue | None]


class Nearby(Struct, frozen=True):
    """`find_key` looks a key of a namespace up, `secrets` are values by key in capitals."""

    find_key: FindKey
    secrets: Mapping[str, str]

    def outside(self, namespace: str, now: datetime, *, tells_secrets: bool = False) -> FrozenOutside:
        """Of a flow in this namespace."""
        return _Outside(self.find_key, self.secrets if tells_secrets else None, namespace, now)

    def masked(self, sentence: str) -> str:
        """What may be told of an expression that was told secrets."""
        masker = Masker()
        for value in self.secrets.values():
            masker.hide(value)
        return masker.mask(sentence)


class _Outside(FrozenOutside):
    """A key is looked up once: however many dates a schedule tries, they see the same."""

    def __init__(self, find_key: FindKey, secrets: Mapping[str, str] | None, namespace: str, now: datetime) -> None:
        super().__init__(now=now)
        self._find_key = find_key
        self._secrets = secrets
        self._namespace = namespace
        self._found: dict[tuple[str, str], KeyValue | None] = {}

    def secret(self, key: str, namespace: str | None, subkey: str | None) -> str:
        if self._secrets is None:
            return super().secret(key, namespace, subkey)
        value = self._secrets.get(key.upper())
        if value is None or subkey is not None:
            raise ExpressionError(no_secret(key))
        return value

    def kv(self, key: str, namespace: str | None, *, error_on_missing: bool) -> Any:
        place = namespace or self._namespace, key
        if place not in self._found:
            self._found[place] = self._looked_up(*place)
        found = self._found[place]
        if found is None and error_on_missing:
            raise ExpressionError(no_key(*place))
        return None if found is None else found.value

    def _looked_up(self, namespace: str, key: str) -> KeyValue | None:
        try:
            return self._find_key(namespace, key)
        except ReadTooLong as error:
            raise ExpressionError(f"The daemon's database takes too long to answer: {error}") from error

    def public_holiday(self, day: date, country: str, subdivision: str | None) -> bool:
        try:
            return is_public_holiday(day, country, subdivision or "")
        except UnknownCountry as error:
            raise ExpressionError(str(error)) from error
