"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from archsim.errors import InputError, Problem, input_error


def check_writable(targets: Mapping[str, Path]) -> None:
    """Finds out before a long run whether the results can be written where `targets` (option to file) says.

    Raises `InputError` with every target that is a folder, lies in a folder that is missing or closed, is
    protected, or is named twice.
    """
    problems = []
    seen: dict[Path, str] = {}
    for option, target in targets.items():
        path = Path(os.path.realpath(target))
        if path in seen:
            problems.append(Problem(option, value=str(target), expected=f"another file than {seen[path]} writes"))
        seen[path] = option
        obstacle = _obstacle(path)
        if obstacle:
            problems.append(Problem(option, value=str(target), expected=f"a file that can be written ({obstacle})"))
    if problems:
        raise InputError(*problems)


def _obstacle(path: Path) -> str:
    """Why `path` cannot be written, or an empty string; tries it with a file of another name."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.exists() and not os.access(path, os.W_OK):
        return "it is write-protected"
    if _is_device(path):
        return ""
    trial = _temporary(path)
    try:
        trial.open("xb").close()
        trial.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def write_whole(files: Mapping[Path, Iterable[bytes]]) -> None:
    """Writes all files beside their places first and then puts them there; what stood there stays on failure.

    Raises `InputError` when the disk is full or a place can no longer be written.
    """
    staged: dict[Path, Path] = {}
    current = Path()
    try:
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
    except OSError as error:
        raise input_error(str(current), expected=f"a file that can be written ({error.strerror})") from None
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _write(path: Path, chunks: Iterable[bytes], mode: str) -> None:
    with path.open(mode) as stream:
        for chunk in chunks:
            stream.write(chunk)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _is_device(path: Path) -> bool:
    """A terminal, pipe or /dev/null is written in place: replacing it would remove it."""
    return path.exists() and not path.is_file()
