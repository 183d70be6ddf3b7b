"""The two streams of the command line: answers go to stdout and files, messages to stderr."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import typer

from archsim.errors import InputError
from archsim.report import Report, check_writable, write_whole


class Form(StrEnum):
    """How an answer is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an answer goes: stdout in `form` (or JSON alone if `json` is `-`), a JSON file, a folder."""

    form: Form
    json: str | None
    out: Path | None

    def check(self, others: Sequence[tuple[str, Path]] = (), read: Sequence[tuple[str, Path]] = ()) -> None:
        """Raises `InputError` if a file (of `others` too: option and file) could not be written, or is one that
        the command reads; `OSError` if there is no stdout."""
        _stdout()
        check_writable(self.files(others), self.out, read)

    def files(self, others: Sequence[tuple[str, Path]] = ()) -> list[tuple[str, Path]]:
        """The files (`others` first) that an answer is written to, with the options that say so."""
        targets = list(others)
        if self.json not in (None, "-"):
            targets.append(("--json", Path(str(self.json))))
        if self.out is not None:
            targets.append(("--out", self.out / "result.json"))
        return targets

    def deliver(self, report: Report, others: Mapping[Path, Iterable[bytes]] | None = None) -> None:
        """Writes all files (`others` too), whole or none, then prints; `OSError` if stdout does not take it."""
        files = dict(others or {})
        document = report.json()
        if self.json not in (None, "-"):
            files[Path(str(self.json))] = [document.encode()]
        if self.out is not None:
            files[self.out / "result.json"] = [document.encode()]
        write_whole(files, self.out)
        stdout = _stdout()
        colour = stdout.isatty() and "NO_COLOR" not in os.environ
        try:
            stdout.write(document if self.json == "-" else report.render(self.form.value, colour=colour))
            stdout.flush()
        except Interrupted:
            raise Interrupted("the files are written" if files else "nothing written") from None


def _stdout() -> TextIO:
    """Where answers go; `OSError` if it was closed before the program began."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sys.stdout


class Interrupted(BaseException):
    """Ctrl-C, by another name than the one that typer catches; says what is written."""


def _interrupt(*_: object) -> None:
    raise Interrupted("nothing written")


def message(text: str) -> None:
    """A line on stderr, if anybody listens there."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(text + "\n")


def end(failed: Sequence[str]) -> None:
    """Ends with exit code 1 if a check failed."""
    for name in failed:
        message(f"check failed: {name}")
    if failed:
        raise typer.Exit(1)


@contextmanager
def guarded() -> Iterator[None]:
    """Turns whatever goes wrong inside into one message and the exit code that belongs to it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    except InputError as error:
        for problem in error.problems:
            message(f"error: {problem}")
        sys.exit(2)
    except Interrupted as interrupted:
        message(f"interrupted, {interrupted}")
        sys.exit(130)
    except OSError as error:
        # one without a file's name comes from stdout
        if error.filename is not None:
            _tell(error)
        else:
            _give_up_stdout(error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 a bug is told in one line, whatever it is
        _tell(error)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, before)


def _give_up_stdout(error: OSError) -> None:
    """Says why unless the reader just left, and keeps Python from complaining about stdout once more on exit."""
    if error.errno != errno.EPIPE:
        message(f"error: stdout cannot be written ({error.strerror})")
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(error: Exception) -> None:
    """A run that could not finish has its own words; anything else is a bug."""
    from archsim.engine import StalledError

    if isinstance(error, StalledError):
        message(f"error: {error}")
        return
    if os.environ.get("ARCHSIM_TRACEBACK"):
        traceback.print_exception(error)
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    message(f"this is a bug in archsim, please report it (ARCHSIM_TRACEBACK=1 shows where): {detail}")


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr if that is a terminal, moved by what is yielded: done so far, and how many in all."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar, _told(bar.console.print):
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tells what archsim's rooms log: that something takes long."""
    import logging

    class Teller(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    log, handler = logging.getLogger("archsim"), Teller()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
