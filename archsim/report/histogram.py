"""How often something was how large, as bars."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.report.figures import Value
from archsim.report.tables import Column, Table

_BAR = 40


def histogram_table(title: str, heads: tuple[str, str, str], bins: Sequence[tuple[Value, Value, int]]) -> Table:
    """First and last of each range, how many are in it, and a bar of that length; `heads` are those of the columns."""
    most = max(count for _, _, count in bins)
    first, last, many = heads
    columns = (Column("first", first), Column("last", last), Column("count", many), Column("share", "", left=True))
    rows = tuple((start, end, count, "#" * (-(-_BAR * count // most))) for start, end, count in bins)
    return Table(title, columns, rows)
