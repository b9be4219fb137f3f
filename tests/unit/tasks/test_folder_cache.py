"""The cache of a working directory: what matches comes back as it was, for its time, for its task and value."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from segue.spec.flowables import Cache
from segue.storage.local import LocalStorage
from segue.tasks import folder_cache

from tests.support.pools import order_of

Open = Callable[..., Any]
CACHE = Cache(patterns=["kept/**"])


@pytest.fixture
def context(tmp_path: Path) -> Open:
    storage = LocalStorage(tmp_path / "storage")
    (tmp_path / "work").mkdir()

    def of(value: str | None = None) -> Any:
        said: list[str] = []
        return SimpleNamespace(
            order=order_of("core.flow.WorkingDirectory", variables={"taskrun": {"value": value} if value else {}}),
            storage=storage,
            open_file=storage.open,
            surroundings=SimpleNamespace(work=tmp_path / "work"),
            log=lambda _level, message: said.append(message),
            said=said,
        )

    return of


def folder(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.mkdir()
    return path


def filled(tmp_path: Path) -> Path:
    path = folder(tmp_path, "first")
    (path / "kept/deep").mkdir(parents=True)
    (path / "kept/deep/program").write_text("x")
    (path / "kept/deep/program").chmod(0o755)
    (path / "kept/link").symlink_to("deep/program")
    (path / "kept/out").symlink_to("/etc/passwd")
    (path / "other").write_text("not kept")
    return path


def test_what_matches_comes_back_with_its_links_and_rights(context: Open, tmp_path: Path) -> None:
    folder_cache.keep(context(), CACHE, filled(tmp_path))
    second = folder(tmp_path, "second")
    folder_cache.restore(context(), CACHE, second)
    found = sorted(str(path.relative_to(second)) for path in second.rglob("*"))
    assert found == ["kept", "kept/deep", "kept/deep/program", "kept/link"]
    assert os.access(second / "kept/deep/program", os.X_OK)
    assert (second / "kept/link").readlink() == Path("deep/program")


def test_what_is_too_old_is_deleted(context: Open, tmp_path: Path) -> None:
    folder_cache.keep(context(), CACHE, filled(tmp_path))
    second = folder(tmp_path, "second")
    old = Cache(patterns=["kept/**"], ttl=timedelta(0))
    folder_cache.restore(context(), old, second)
    folder_cache.restore(context(), CACHE, second)
    assert not list(second.iterdir())


def test_each_value_of_a_loop_has_its_own(context: Open, tmp_path: Path) -> None:
    folder_cache.keep(context("a"), CACHE, filled(tmp_path))
    second = folder(tmp_path, "second")
    folder_cache.restore(context("b"), CACHE, second)
    assert not list(second.iterdir())
    folder_cache.restore(context("a"), CACHE, second)
    assert (second / "kept/deep/program").read_text() == "x"


def test_it_is_written_again_only_when_something_has_changed(context: Open, tmp_path: Path) -> None:
    first = filled(tmp_path)
    folder_cache.keep(context(), CACHE, first)
    same = context()
    folder_cache.keep(same, CACHE, first)
    assert same.said == []
    (first / "kept/new").write_text("y")
    changed = context()
    folder_cache.keep(changed, CACHE, first)
    assert len(changed.said) == 1


def test_nothing_to_keep_leaves_what_was_kept(context: Open, tmp_path: Path) -> None:
    folder_cache.keep(context(), CACHE, filled(tmp_path))
    folder_cache.keep(context(), CACHE, folder(tmp_path, "empty"))
    second = folder(tmp_path, "second")
    folder_cache.restore(context(), CACHE, second)
    assert (second / "kept/deep/program").exists()
