"""Files of the machine: listed, taken, written, copied, moved, deleted."""

import os
from pathlib import Path

import pytest

from tests.support.pools import SharedPool
from tests.unit.tasks.plugins.conftest import Workbench


def test_files_are_listed_in_order_and_by_pattern(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "c.txt", "sub/d.csv"):
        (tmp_path / name).write_text(name)

    def names(**more: object) -> list[str]:
        return [each["name"] for each in bench.outputs("fs.local.List", from_=str(tmp_path), **more)["files"]]

    assert names() == ["a.csv", "b.csv", "c.txt"]
    assert names(recursive=True, regExp=".*[.]csv") == ["a.csv", "b.csv", "d.csv"]
    assert names(maxFiles=1) == ["a.csv"]


def test_a_file_comes_into_storage_and_out_again(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hi")
    uri = bench.outputs("fs.local.Download", from_=str(tmp_path / "in.txt"))["uri"]
    assert bench.text(uri) == "hi"
    bench.outputs("fs.local.Upload", from_=uri, to=f"{tmp_path}/out/")
    assert (tmp_path / "out" / "in.txt").read_text() == "hi"
    said = bench.failure("fs.local.Upload", from_=uri, to=f"{tmp_path}/out/", overwrite=False)
    assert "is there already" in said


def test_files_are_copied_moved_and_deleted(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("x")
    bench.outputs("fs.local.Copy", from_=f"{tmp_path}/a", to=f"{tmp_path}/b")
    bench.outputs("fs.local.Move", from_=f"{tmp_path}/b/x", to=f"{tmp_path}/y")
    assert (tmp_path / "y").read_text() == "x"
    assert bench.outputs("fs.local.Delete", from_=f"{tmp_path}/a")["deleted"] is True
    assert bench.outputs("fs.local.Delete", from_=f"{tmp_path}/a")["deleted"] is False
    assert "is not there" in bench.failure("fs.local.Delete", from_=f"{tmp_path}/a", errorOnMissing=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "y"]


def test_files_of_a_folder_are_stored_and_moved_away(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "in/a.csv", "in/sub/a.csv", "in/b.txt")
    more = {"recursive": True, "regExp": ".*\\.csv", "action": "MOVE", "moveDirectory": f"{tmp_path}/in/done"}
    outputs = bench.outputs("fs.local.Downloads", from_=f"{tmp_path}/in", **more)
    assert {path: bench.text(uri) for path, uri in outputs["outputFiles"].items()} == {
        f"{tmp_path}/in/a.csv": "in/a.csv",
        f"{tmp_path}/in/sub/a.csv": "in/sub/a.csv",
    }
    assert [each["localPath"] for each in outputs["files"]] == [
        f"{tmp_path}/in/done/a.csv",
        f"{tmp_path}/in/done/sub/a.csv",
    ]
    assert below(tmp_path) == ["in/b.txt", "in/done/a.csv", "in/done/sub/a.csv"]
    assert bench.outputs("fs.local.Downloads", from_=f"{tmp_path}/in", **more)["count"] == 0


def test_many_stored_files_are_written_into_a_folder(bench: Workbench, tmp_path: Path) -> None:
    one, two = bench.put("one.sql", "1"), bench.put("two.txt", "2")
    listed = bench.put("list", f"{one}\n{two}\n")
    for number, given in enumerate(([one, two], f'["{one}", "{two}"]', listed)):
        bench.outputs("fs.local.Uploads", from_=given, to=f"{tmp_path}/{number}")
        assert below(tmp_path / str(number)) == ["one.sql", "two.txt"]
    bench.outputs("fs.local.Uploads", from_={"sub/x.sql": one}, to=f"{tmp_path}/named")
    bench.outputs("fs.local.Uploads", from_=[one, two], to=f"{tmp_path}/some", regExp=".*\\.sql")
    assert (below(tmp_path / "named"), below(tmp_path / "some")) == (["sub/x.sql"], ["one.sql"])
    assert "is no name for a file" in bench.failure("fs.local.Uploads", from_={"../x": one}, to=f"{tmp_path}/named")


def place(folder: Path, *names: str, at: float | None = None) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
        if at is not None:
            os.utime(folder / name, (at, at))


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


TRIGGER = "fs.local.Trigger"


def test_every_file_has_its_turn_and_only_once(bench: Workbench, tmp_path: Path) -> None:
    for number in range(5):
        place(tmp_path, f"f{number}", at=1_000 - number)
    notes: dict[str, object] = {}
    given = []
    for _ in range(4):
        looked = bench.look(TRIGGER, notes, from_=str(tmp_path), maxFiles=2)
        given.append(looked.names)
        notes = looked.notes
    assert given == [["f4", "f3"], ["f2", "f1"], ["f0"], []]


def test_what_a_trigger_gives_is_stored_and_said_to_be_new_or_changed(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "a.csv")
    first = bench.look(TRIGGER, from_=str(tmp_path))
    assert first.outputs is not None
    file = first.outputs["files"][0]
    assert bench.text(file["uri"]) == "a.csv"
    assert (file["localPath"], file["size"], file["changeType"]) == (f"{tmp_path}/a.csv", 5, "CREATE")
    (tmp_path / "a.csv").write_text("more than before")
    second = bench.look(TRIGGER, first.notes, from_=str(tmp_path))
    assert second.outputs is not None
    assert second.outputs["files"][0]["changeType"] == "UPDATE"
    (tmp_path / "a.csv").unlink()
    gone = bench.look(TRIGGER, second.notes, from_=str(tmp_path))
    place(tmp_path, "a.csv")
    again = bench.look(TRIGGER, gone.notes, from_=str(tmp_path))
    assert again.outputs is not None
    assert again.outputs["files"][0]["changeType"] == "CREATE"


ON = {"CREATE": [["a"], []], "UPDATE": [[], ["a"]], "CREATE_OR_UPDATE": [["a"], ["a"]]}


@pytest.mark.parametrize(("on", "expected"), ON.items(), ids=ON)
def test_a_trigger_fires_for_the_change_that_it_names(
    bench: Workbench, tmp_path: Path, on: str, expected: list[list[str]]
) -> None:
    place(tmp_path, "a")
    first = bench.look(TRIGGER, from_=str(tmp_path), on=on)
    (tmp_path / "a").write_text("changed")
    second = bench.look(TRIGGER, first.notes, from_=str(tmp_path), on=on)
    assert [first.names, second.names] == expected


def test_a_file_is_given_again_when_it_is_forgotten(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "a")
    notes = bench.look(TRIGGER, from_=str(tmp_path)).notes
    assert bench.look(TRIGGER, notes, from_=str(tmp_path), stateTtl="PT1H").names == []
    assert bench.look(TRIGGER, notes, from_=str(tmp_path), stateTtl="PT0S").names == ["a"]


def test_files_are_not_forgotten_while_another_folder_is_in_their_place(bench: Workbench, tmp_path: Path) -> None:
    """As when a disk is not mounted."""
    folder, disk = tmp_path / "mount", tmp_path / "disk"
    place(folder, "a")
    notes = bench.look(TRIGGER, from_=str(folder)).notes
    folder.rename(disk)
    folder.mkdir()
    notes = bench.look(TRIGGER, notes, from_=str(folder)).notes
    notes = bench.look(TRIGGER, notes, from_=str(folder)).notes
    folder.rmdir()
    disk.rename(folder)
    assert bench.look(TRIGGER, notes, from_=str(folder)).names == []


MOVE = {"action": "MOVE", "recursive": True}


def test_files_are_moved_only_when_it_is_written_down_that_they_are_given(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "in/a", "in/sub/b")
    more = {**MOVE, "from_": f"{tmp_path}/in", "moveDirectory": f"{tmp_path}/done"}
    looked = bench.look(TRIGGER, **more)
    assert below(tmp_path) == ["in/a", "in/sub/b"]
    for _ in range(2):  # the second time it is found to be done, as after a crash
        done = bench.look(TRIGGER, looked.notes, looked.claim, **more)
        assert below(tmp_path) == ["done/a", "done/sub/b"]
        assert done.outputs is not None
        assert [each["localPath"] for each in done.outputs["files"]] == [f"{tmp_path}/done/a", f"{tmp_path}/done/sub/b"]


def test_a_file_that_changed_meanwhile_is_not_deleted_and_comes_again(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "a", "b")
    looked = bench.look(TRIGGER, from_=str(tmp_path), action="DELETE")
    (tmp_path / "a").write_text("news that nobody has seen")
    done = bench.look(TRIGGER, looked.notes, looked.claim, from_=str(tmp_path), action="DELETE")
    assert (sorted(done.names), below(tmp_path)) == (["a", "b"], ["a"])
    assert bench.look(TRIGGER, done.notes, from_=str(tmp_path), action="DELETE").names == ["a"]


def test_a_file_that_cannot_be_moved_is_not_given(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "in/a", "in/b", "done/a/is a folder here")
    more = {**MOVE, "from_": f"{tmp_path}/in", "moveDirectory": f"{tmp_path}/done"}
    looked = bench.look(TRIGGER, **more)
    done = bench.look(TRIGGER, looked.notes, looked.claim, **more)
    assert done.names == ["b"]
    assert "in/a is not given out" in done.log
    assert bench.look(TRIGGER, done.notes, **more).names == ["a"]


def test_links_are_no_files(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "secret", "in/a")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    assert bench.look(TRIGGER, from_=f"{tmp_path}/in").names == ["a"]


def test_a_file_whose_name_is_no_text_is_passed_over(bench: Workbench, tmp_path: Path) -> None:
    place(tmp_path, "a")
    (tmp_path / os.fsdecode(b"b\xff")).write_text("b")
    looked = bench.look(TRIGGER, from_=str(tmp_path))
    assert looked.names == ["a"]
    assert "b\\udcff is passed over" in looked.log


def test_move_needs_a_folder(bench: Workbench, tmp_path: Path) -> None:
    said = bench.failure("fs.local.Downloads", from_=str(tmp_path), action="MOVE")
    assert said == "`action: MOVE` needs `moveDirectory`, the folder that files are moved to"


def test_only_folders_that_are_allowed_are_reached(tmp_path: Path) -> None:
    place(tmp_path, "open/a", "closed/b")
    (tmp_path / "open" / "way").symlink_to(tmp_path / "closed")
    pool = SharedPool(tmp_path / "pool", allowed_paths=(f"{tmp_path}/open",))
    try:
        bench = Workbench(pool)
        assert bench.outputs("fs.local.List", from_=f"{tmp_path}/open")["count"] == 1
        for path in (f"{tmp_path}/closed/b", f"{tmp_path}/open/../closed/b", f"{tmp_path}/open/way/b"):
            assert "is outside the folders that the setting `allowed_paths` names" in bench.failure(
                "fs.local.Download", from_=path
            )
        assert "is outside" in bench.failure("fs.local.Move", from_=f"{tmp_path}/open/a", to=f"{tmp_path}/closed/a")
    finally:
        pool.close()
