"""A table of raw values, and its three forms: text for a terminal, markdown, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from archsim.report.figures import Shown, Value, plain

_WIDEST = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` is its name in CSV (with the unit), `title` its heading, `show` how a value reads."""

    key: str
    title: str
    show: Shown = plain
    left: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw values under columns, and sentences that belong below them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    remarks: tuple[str, ...] = ()

    def shown(self) -> list[list[str]]:
        """The cells as people read them."""
        return [[column.show(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]


def to_text(tables: Sequence[Table], *, colour: bool) -> str:
    """The tables for a terminal, as wide as they are: no figure is ever cut. Escape codes only if `colour`."""
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDEST, force_terminal=colour, no_color=not colour, highlight=False)
    for table in tables:
        drawn = RichTable(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in table.columns:
            drawn.add_column(Text(column.title), justify="left" if column.left else "right")
        for row in table.shown():
            drawn.add_row(*map(Text, row))
        console.print(Text(table.title, style="bold"))
        console.print(drawn)
        for remark in table.remarks:
            console.print(Text(remark))
        console.print()
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join(lines).rstrip() + "\n"


def to_markdown(tables: Sequence[Table]) -> str:
    """The tables as GitHub markdown."""
    parts = []
    for table in tables:
        lines = [f"### {_escaped(table.title)}", ""]
        lines.append("| " + " | ".join(_escaped(column.title) for column in table.columns) + " |")
        lines.append("|" + "|".join(":---" if column.left else "---:" for column in table.columns) + "|")
        lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in table.shown()]
        if table.remarks:
            lines += ["", *(f"* {_escaped(remark)}" for remark in table.remarks)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def to_csv(table: Table) -> str:
    """The raw values of one table; a figure that was not computed is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.key for column in table.columns])
    for row in table.rows:
        writer.writerow(["" if value is None else value for value in row])
    return stream.getvalue()
