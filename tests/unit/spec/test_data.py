"""`Data`: items as a file, a map or a list."""

import pytest
from pydantic import ValidationError
from segue.spec.data import Data


@pytest.mark.parametrize(
    "given",
    [{"fromURI": "{{ outputs.a.uri }}"}, {"fromMap": {"a": 1}}, {"fromList": [{"a": 1}]}, {"fromList": "{{ x }}"}, {}],
)
def test_items_are_given_in_one_way(given: dict[str, object]) -> None:
    assert Data.model_validate(given)


def test_items_given_in_two_ways_are_refused() -> None:
    with pytest.raises(ValidationError, match="Only one of 'fromURI', 'fromMap' or 'fromList' can be set"):
        Data.model_validate({"fromURI": "kestra:///a", "fromMap": {"a": 1}})
