"""How often sums of cells that vary are misread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from string import ascii_letters
from typing import Any

from archsim.report.drawing import Drawing
from archsim.report.figures import Value, plain
from archsim.report.plot import plot
from archsim.report.tables import Column, Table

SCHEMA = "archsim.variance/1"

# The farthest that a cell is drawn from its mean is 4.2 standard deviations.
_CUT_SIGMA = 0.23


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedRead:
    """One read of `on_cells` cells that are on, of relative standard deviation `sigma`.

    The mean error and the standard deviation of its sum, in units of the current of a cell that is on; the
    probabilities that it is read right, wrong, and wrong by 2 or more; shares of reads drawn that were wrong, and the
    standard error of the first, None if none were drawn; the cumulative probability of each of the summary's `errors`.
    """

    sigma: float
    on_cells: int
    mean_error: float
    deviation: float
    correct: float
    misread: float
    misread_by_2: float
    drawn_misread: float | None
    drawn_misread_by_2: float | None
    standard_error: float | None
    cumulative: tuple[float, ...]

    @property
    def label(self) -> str:
        """The read in words."""
        return f"{100 * self.sigma:g} %, {self.on_cells:,} on"


@dataclass(frozen=True, slots=True)
class SizedRead:
    """The most cells that may be on in a read, 0 if none may, `at_bound` if more were not tried; the probability that
    it is wrong, and the bits that tell so many, None without cells."""

    sigma: float
    on_cells: int
    at_bound: bool
    misread: float | None
    adc_bits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSummary:
    """Reads with `off_cells` cells that are off each, which conduct `1 / on_off_ratio`; `samples` of each were drawn
    from `seed`. `errors` are those, in units of a cell's current, whose cumulative probabilities the reads have.
    `sized` are reads that are wrong with a probability of at most `limit`, both None if that was not asked."""

    off_cells: int
    on_off_ratio: float | None
    samples: int
    seed: int
    limit: float | None
    errors: tuple[float, ...]
    reads: tuple[SummedRead, ...]
    sized: tuple[SizedRead, ...] | None

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data, in the schema `archsim.variance/1`."""
        return {"schema": SCHEMA, **asdict(self)}


def _percent(value: Value) -> str:
    return f"{100 * value:g} %" if isinstance(value, int | float) else plain(value)


def _probability(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) and value < 0.99 else _close_to_1(value)


def _close_to_1(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else plain(value)


_READ: tuple[Column, ...] = (
    Column("sigma", "sigma of a cell", _percent),
    Column("on_cells", "cells on"),
    Column("deviation", "sigma of the sum"),
    Column("correct", "right", _probability),
    Column("misread", "wrong", _probability),
    Column("misread_by_2", "by 2 or more", _probability),
)
_OFF = (Column("mean_error", "mean error"),)
_DRAWN = (
    Column("drawn_misread", "drawn: wrong", _probability),
    Column("standard_error", "+/-", _probability),
    Column("drawn_misread_by_2", "drawn: by 2 or more", _probability),
)
_SIZED = (
    Column("sigma", "sigma of a cell", _percent),
    Column("on_cells", "most cells on"),
    Column("misread", "wrong", _probability),
    Column("adc_bits", "bits that tell them"),
)


def variance_tables(summary: VarianceSummary) -> tuple[Table, ...]:
    """How often each read is wrong, and how many cells may be on."""
    title, remarks = "One read, rounded to the nearest number", ["sums in units of the current of a cell that is on"]
    columns = _READ
    if summary.off_cells:
        title += f", with {summary.off_cells:,} cells that are off (on/off ratio {plain(summary.on_off_ratio)})"
        columns += _OFF
    if summary.samples:
        remarks.append(f"drawn: shares of {summary.samples:,} reads of cells written anew, +/- the standard error")
        columns += _DRAWN
        if max(read.sigma for read in summary.reads) > _CUT_SIGMA:
            remarks.append("drawn cells conduct no less than nothing: beyond a sigma of 23 % they are not quite normal")
    table = Table(title, columns, _rows(summary.reads, columns), tuple(remarks))
    return (table,) if summary.sized is None else (table, _sized_table(summary.sized, summary.limit))


def _sized_table(sized: tuple[SizedRead, ...], limit: float | None) -> Table:
    remarks = tuple(f"{_percent(one.sigma)}: more were not tried" for one in sized if one.at_bound)
    return Table(f"Wrong with a probability of at most {plain(limit)}", _SIZED, _rows(sized, _SIZED), remarks)


def _rows(items: Sequence[object], columns: Sequence[Column]) -> tuple[tuple[Value, ...], ...]:
    return tuple(tuple(getattr(item, column.key) for column in columns) for item in items)


def variance_records(summary: VarianceSummary) -> Table:
    """A row for each read."""
    columns = tuple(Column(column.key, column.key) for column in (*_READ, *_OFF, *_DRAWN))
    return Table("", columns, _rows(summary.reads, columns))


def variance_plot(summary: VarianceSummary) -> Drawing:
    """How many of all reads are off by no more than so much, each read with a letter of its own."""
    middle = len(summary.errors) // 2
    curves, marks = {}, []
    for letter, read in zip(ascii_letters, summary.reads, strict=False):
        within = zip(read.cumulative[middle:], read.cumulative[middle::-1], strict=True)
        # Rounded, so that a share that is 1 but for its last bits is on the line of 1 on every machine.
        shares = [round(above - below, 6) for above, below in within]
        curves[letter] = list(zip(summary.errors[middle:], shares, strict=True))
        marks.append(f"{letter} {read.label}")
    title = f"Sums that are off by no more than so much ({'; '.join(marks)})"
    return plot(title, "error in units of a cell's current; above 0.5 a read is wrong", "share of reads", curves, 1.0)
