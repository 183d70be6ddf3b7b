"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from archsim.errors import InputError, Problem, input_error


def check_writable(
    targets: Sequence[tuple[str, Path]], folder: Path | None = None, read: Sequence[tuple[str, Path]] = ()
) -> None:
    """Finds out before a long run whether the results can be written where `targets` (option, file) say.

    `folder` is one that `write_whole` will make, `read` are the files (name, file) that the run takes in.
    Raises `InputError` with every target that is a folder, lies in a folder that is missing or closed, is
    protected, is named twice, or would replace what is read.
    """
    problems = []
    seen: dict[Path, str] = {}
    for option, target in targets:
        path = Path(os.path.realpath(target))
        if path in seen:
            problems.append(Problem(option, value=str(target), expected=f"another file than {seen[path]} writes"))
        seen[path] = option
        problems += [
            Problem(option, value=str(target), expected=f"another file than {name}, which the run reads")
            for name, file in read
            if _is_same(path, file)
        ]
        obstacle = _obstacle(path, None if folder is None else Path(os.path.realpath(folder)))
        if obstacle:
            problems.append(Problem(option, value=str(target), expected=f"a file that can be written ({obstacle})"))
    if problems:
        raise InputError(*dict.fromkeys(problems))


def _is_same(target: Path, file: Path) -> bool:
    """Whether both are one file that is there, links followed."""
    try:
        return not _is_device(target) and target.samefile(file)
    except (OSError, ValueError):
        return False


def _obstacle(path: Path, folder: Path | None) -> str:
    """Why `path` cannot be written, or an empty string; tries it with a file of another name."""
    try:
        if path.is_dir():
            return "it is a folder"
        if path.parent == folder and not folder.exists():
            path = folder
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if path.exists() and not os.access(path, os.W_OK):
            return "it is write-protected"
        if not _is_device(path):
            trial = _temporary(path)
            trial.open("xb").close()
            trial.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def write_whole(files: Mapping[Path, Iterable[bytes]], folder: Path | None = None) -> None:
    """Writes all files beside their places first and then puts them there; what stood there stays on failure.

    `folder` is made if it is missing, and goes again on failure.

    Raises `InputError` when the disk is full or a place can no longer be written.
    """
    staged: dict[Path, Path] = {}
    current = folder or Path()
    made = None
    try:
        if folder is not None and not folder.is_dir():
            folder.mkdir()
            made = folder
        for target, chunks in files.items():
            current = target
            path = Path(os.path.realpath(target))
            if _is_device(path):
                _write(path, chunks, "wb")
            else:
                staged[path] = _temporary(path)
                _write(staged[path], chunks, "xb")
                if path.exists():
                    staged[path].chmod(stat.S_IMODE(path.stat().st_mode))
        for path, temporary in staged.items():
            current = path
            temporary.replace(path)
        made = None
    except OSError as error:
        raise input_error(str(current), expected=f"a file that can be written ({error.strerror})") from None
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)
        if made is not None:
            with suppress(OSError):
                made.rmdir()


def _write(path: Path, chunks: Iterable[bytes], mode: str) -> None:
    with path.open(mode) as stream:
        for chunk in chunks:
            stream.write(chunk)


def _temporary(path: Path) -> Path:
    """A name beside `path` that no other process takes and that is short enough for any disk."""
    return path.with_name(f".archsim-{os.getpid()}-{zlib.crc32(path.name.encode()):08x}.part")


def _is_device(path: Path) -> bool:
    """A terminal, pipe or /dev/null is written in place: replacing it would remove it."""
    return path.exists() and not path.is_file()
