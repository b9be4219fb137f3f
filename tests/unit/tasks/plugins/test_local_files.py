"""Files of the machine: listed, taken, written, copied, moved, deleted."""

from pathlib import Path

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
