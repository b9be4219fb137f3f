"""What expressions find that the daemon itself evaluates: keys, public holidays, secrets where they are told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.runtime.nearby import Nearby
from segue.web.ports.keys import KeyValue

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Keys(dict[tuple[str, str], Any]):
    """Keys of namespaces, and how often one was looked up."""

    looks = 0

    def find(self, namespace: str, key: str) -> KeyValue | None:
        self.looks += 1
        value = self.get((namespace, key))
        return None if value is None else KeyValue(namespace=namespace, key=key, kind="JSON", value=value)


def rendered(template: str, keys: Keys, *, tells_secrets: bool = False) -> Any:
    nearby = Nearby(keys.find, {"TOKEN": "t0ken"})
    scope = Scope(outside=nearby.outside("company.team", NOW, tells_secrets=tells_secrets))
    return render_value(template, scope, typed=True)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ kv('k').n + 1 }}", 2),
        ("{{ kv('k', 'other') }}", "there"),
        ("{{ kv('none') ?? 'nothing' }}", "nothing"),
        ("{{ isPublicHoliday('2024-07-14', 'FR') }}", True),
        ("{{ isPublicHoliday('2024-07-15', 'FR') }}", False),
    ],
)
def test_keys_and_public_holidays_are_at_hand(template: str, value: Any) -> None:
    keys = Keys({("company.team", "k"): {"n": 1}, ("other", "k"): "there"})

    assert rendered(template, keys) == value


def test_a_key_that_is_missed_and_a_country_that_nobody_knows_are_told() -> None:
    with pytest.raises(ExpressionError, match=r"The key 'k' does not exist in the namespace 'company\.team'"):
        rendered("{{ kv('k', errorOnMissing=true) }}", Keys())
    with pytest.raises(ExpressionError, match="No public holidays are known for `XX`"):
        rendered("{{ isPublicHoliday('2024-07-14', 'XX') }}", Keys())


def test_secrets_are_told_only_where_nothing_is_kept() -> None:
    assert rendered("{{ secret('token') == 't0ken' }}", Keys(), tells_secrets=True) is True
    with pytest.raises(ExpressionError, match=r"secret\(\) is not available here"):
        rendered("{{ secret('token') }}", Keys())
    with pytest.raises(ExpressionError, match="Cannot find secret for key 'other'"):
        rendered("{{ secret('other') }}", Keys(), tells_secrets=True)


def test_a_key_is_looked_up_once_in_one_look() -> None:
    keys = Keys({("company.team", "k"): 1})

    assert rendered("{{ kv('k') + kv('k') + kv('k') }}", keys) == 3
    assert keys.looks == 1


def test_a_secret_does_not_show_in_what_is_told_of_an_expression() -> None:
    nearby = Nearby(Keys().find, {"TOKEN": "a-long-secret-value"})

    assert nearby.masked("no JSON: a-long-secret-value!") == "no JSON: *******************!"
