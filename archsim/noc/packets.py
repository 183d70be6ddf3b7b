"""Packets to replay, and the CSV file that lists them."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem, input_error

COLUMNS = ("pid", "src", "dst", "flits", "create")
MAX_FILE_BYTES = 2**28
MAX_PACKETS = 1_000_000
MAX_FLITS = 10_000_000
MAX_CYCLE = 10**15

_MAX_PROBLEMS = 20

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets in the order of their numbers: `pid`, `source`, `destination` (nodes), `flits` and `create` (cycles),
    each of shape (packets,), int64."""

    pid: NDArray[np.int64]
    source: NDArray[np.int64]
    destination: NDArray[np.int64]
    flits: NDArray[np.int64]
    create: NDArray[np.int64]

    def in_order(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Create, pid, source, destination, flits of each, as they are sent: by cycle and then by number."""
        order = np.lexsort((self.pid, self.create))
        columns = (self.create, self.pid, self.source, self.destination, self.flits)
        return zip(*(column[order].tolist() for column in columns), strict=True)


def read_packets(path: Path, nodes: int) -> Packets:
    """The packets of a .csv or .csv.gz file whose header names `COLUMNS` (others are ignored), rows in any order.

    Raises `InputError` with the rows that are wrong: no whole numbers, nodes outside 0 to `nodes` - 1, packets
    without flits, a pid that came before; and for a file that is no CSV or larger than the limits above.
    """
    source = str(path)
    lines = csv.reader(io.StringIO(_text(path), newline=""))
    rows: dict[int, Row] = {}
    problems: list[Problem] = []
    limits = (MAX_CYCLE, nodes - 1, nodes - 1, MAX_FLITS, MAX_CYCLE)
    try:
        places = _places(source, next(lines, []))
        for line in lines:
            if not line:
                continue
            found = _row(source, lines.line_num, line, places, limits)
            if isinstance(found, Problem):
                problems.append(found)
            elif found[0] in rows:
                problems.append(Problem(source, f"row {lines.line_num}, pid", str(found[0]), "each pid once"))
            else:
                rows[found[0]] = found
            if len(problems) == _MAX_PROBLEMS:
                break
            if len(rows) > MAX_PACKETS:
                raise input_error(source, value=f"more than {MAX_PACKETS:,} packets", expected="at most so many")
    except csv.Error as error:
        raise input_error(source, f"row {lines.line_num}", expected=f"CSV ({error})") from None
    if problems:
        raise InputError(*problems)
    return _packets(source, rows)


def _text(path: Path) -> str:
    source = str(path)
    if not os.path.isfile(path):  # noqa: PTH113 too long a name is no file
        raise input_error("PACKETS", value=source, expected="a file that exists")
    if not path.name.endswith((".csv", ".csv.gz")):
        raise input_error("PACKETS", value=source, expected="a .csv or .csv.gz file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise input_error(source, expected=f"a file that can be read ({reason})") from None
    if len(content) > MAX_FILE_BYTES:
        raise input_error(source, value=f"more than {MAX_FILE_BYTES:,} bytes", expected="at most so many")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise input_error(source, f"byte {error.start}", expected="a text in UTF-8") from None


def _places(source: str, header: list[str]) -> list[int]:
    """Where in a row the columns are."""
    names = [name.strip() for name in header]
    for name in COLUMNS:
        if names.count(name) != 1:
            found = f"{names.count(name)} columns {name!r}"
            raise input_error(source, "row 1", value=found, expected=f"a header with {','.join(COLUMNS)}, each once")
    return [names.index(name) for name in COLUMNS]


def _row(source: str, number: int, line: list[str], places: list[int], limits: Row) -> Row | Problem:
    """The numbers of a row, or what is wrong with the first that is."""
    numbers = []
    for name, place, most in zip(COLUMNS, places, limits, strict=True):
        text = line[place].strip() if place < len(line) else ""
        least = 1 if name == "flits" else 0
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_CYCLE))
        if not digits or not least <= int(text) <= most:
            shown = repr(text if len(text) <= 40 else text[:40] + "...")
            return Problem(source, f"row {number}, {name}", shown, f"a whole number from {least} to {most}")
        numbers.append(int(text))
    return tuple(numbers)


def _packets(source: str, rows: dict[int, Row]) -> Packets:
    if not rows:
        raise input_error(source, expected="at least one packet")
    table = np.array([rows[pid] for pid in sorted(rows)], dtype=np.int64)
    packets = Packets(*(np.ascontiguousarray(column) for column in table.T))
    if int(packets.flits.sum()) > MAX_FLITS:
        raise input_error(source, value=f"{int(packets.flits.sum()):,} flits in all", expected=f"at most {MAX_FLITS:,}")
    return packets
