"""Results appear whole or not at all, and what cannot be written is found out before a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.report import check_writable, write_whole


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _breaks_off() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


def test_a_file_is_written_and_replaced_whole(tmp_path: Path):
    target = tmp_path / "result.json"
    write_whole({target: [b"first ", b"text"]})
    write_whole({target: [b"second"]})
    assert target.read_bytes() == b"second"
    assert names_in(tmp_path) == ["result.json"]


def test_an_existing_file_stays_as_it_was_when_writing_fails(tmp_path: Path):
    kept, other = tmp_path / "kept.json", tmp_path / "other.json"
    kept.write_bytes(b"old")
    with pytest.raises(
        InputError, match=r"kept\.json: expected a file that can be written \(No space left on device\)"
    ):
        write_whole({other: [b"new"], kept: _breaks_off()})
    assert kept.read_bytes() == b"old"
    assert names_in(tmp_path) == ["kept.json"]


def test_a_bug_while_writing_leaves_nothing_behind(tmp_path: Path):
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole({tmp_path / "a": broken()})
    assert names_in(tmp_path) == []


def test_the_mode_of_an_existing_file_and_a_link_to_it_stay(tmp_path: Path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole({link: [b"new"]})
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_in_place():
    check_writable([("--json", Path(os.devnull))])
    write_whole({Path(os.devnull): [b"gone"]})
    assert Path(os.devnull).is_char_device()


def test_a_folder_is_made_when_its_parent_exists(tmp_path: Path):
    folder = tmp_path / "new"
    check_writable([("--out", folder / "result.json")], folder)
    assert not folder.exists()
    write_whole({folder / "result.json": [b"x"]}, folder)
    assert names_in(folder) == ["result.json"]


def test_a_folder_that_was_made_goes_again_when_writing_fails(tmp_path: Path):
    folder = tmp_path / "new"
    with pytest.raises(InputError, match="No space left on device"):
        write_whole({folder / "result.json": [b"whole"], folder / "outputs.npz": _breaks_off()}, folder)
    assert names_in(tmp_path) == []
    folder.mkdir()
    with pytest.raises(InputError, match="No space left on device"):
        write_whole({folder / "outputs.npz": _breaks_off()}, folder)
    assert names_in(tmp_path) == ["new"]


def test_checking_leaves_nothing_behind(tmp_path: Path):
    check_writable([("--json", tmp_path / "x.json")])
    assert names_in(tmp_path) == []


def test_obstacles_are_told_together(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    targets = [
        ("--json", tmp_path / "folder"),
        ("--trace", tmp_path / "missing" / "t.json"),
        ("--out", tmp_path / "x"),
        ("other", tmp_path / "folder" / ".." / "x"),
    ]
    with pytest.raises(InputError) as caught:
        check_writable(targets)
    assert str(caught.value).splitlines() == [
        f"--json: got {tmp_path}/folder, expected a file that can be written (it is a folder)",
        (
            f"--trace: got {tmp_path}/missing/t.json, expected a file that can be written "
            f"(there is no folder {tmp_path}/missing)"
        ),
        f"other: got {tmp_path}/folder/../x, expected another file than --out writes",
    ]


def test_a_folder_whose_parent_is_missing_is_refused(tmp_path: Path):
    folder = tmp_path / "no" / "such"
    with pytest.raises(InputError, match="there is no folder"):
        check_writable([("--out", folder / "result.json")], folder)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="there is no folder"):
        check_writable([("--out", tmp_path / "file" / "result.json")], tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_protected_places_are_refused(tmp_path: Path):
    protected = tmp_path / "protected"
    protected.write_bytes(b"")
    protected.chmod(0o400)
    with pytest.raises(InputError, match="it is write-protected"):
        check_writable([("--json", protected)])
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        check_writable([("--json", tmp_path / "new")])


def test_a_name_too_long_for_the_disk_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="File name too long"):
        check_writable([("--json", tmp_path / ("x" * 400))])
