"""Addresses of internal storage, and those that mean namespace files."""

import pytest
from segue.storage.address import (
    AddressRefused,
    address_of,
    cache_parts,
    namespace_file,
    namespace_file_address,
    namespace_path,
)


@pytest.mark.parametrize(
    ("named", "path", "address"),
    [
        ("a/b.py", "a/b.py", "kestra:///n/m/_files/a/b.py"),
        ("./a/b.py", "a/b.py", "kestra:///n/m/_files/a/b.py"),
        ("/a/", "a/", "kestra:///n/m/_files/a/"),
        ("/", "", "kestra:///n/m/_files/"),
        ("a b.py", "a b.py", "kestra:///n/m/_files/a%20b.py"),
        ("kestra:///n/m/_files/a%20b.py", "a b.py", "kestra:///n/m/_files/a%20b.py"),
        ("kestra:///n/m/_files", "", "kestra:///n/m/_files/"),
    ],
)
def test_a_namespace_file_is_named_by_its_path_or_its_address(named: str, path: str, address: str) -> None:
    assert namespace_path("n.m", named) == path
    assert namespace_file_address("n.m", path) == address


@pytest.mark.parametrize("named", ["file:///n/m/_files/a", "kestra:///other/_files/a", "../a", "kestra:///n/m/_filesa"])
def test_what_names_no_file_of_the_namespace_is_refused(named: str) -> None:
    with pytest.raises(AddressRefused):
        namespace_path("n.m", named)


def test_an_address_means_a_namespace_file_or_one_of_internal_storage() -> None:
    assert namespace_file("kestra:///n/m/_files/a/b%20c.py") == ("n.m", "a/b c.py")
    assert namespace_file("kestra:///n/flow/executions/1/inputs/x/_files") is None


def test_each_value_of_a_loop_has_a_cache_of_its_own() -> None:
    assert address_of(cache_parts("n.m", "flow", "task")) == "kestra:///n/m/flow/task/cache/cache.zip"
    assert cache_parts("n.m", "flow", "task", "a") != cache_parts("n.m", "flow", "task", "b")
