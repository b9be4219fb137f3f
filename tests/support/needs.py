"""What a test needs of the machine: where it is lacking the test is skipped; in continuous integration it fails, so that
no class of tests is passed over unseen."""

import os
import shutil

import pytest


def need(*, is_there: bool, missing: str) -> None:
    """`missing` says what is not there, and what to install."""
    if not is_there:
        assert "CI" not in os.environ, missing
        pytest.skip(missing)


def need_program(name: str) -> None:
    need(is_there=shutil.which(name) is not None, missing=f"{name} is not installed")
