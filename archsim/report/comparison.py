"""One table of several runs side by side, the best value of each row marked, and why it comes out so."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.report.explanation import not_run_lines, verdict, why
from archsim.report.figures import Value
from archsim.report.headline import COMPARED, Figure, is_unsettled
from archsim.report.tables import Column, Table
from archsim.result import NotRun, Result

BEST, UNSETTLED = " *", " ~"

Compared = Sequence[Result | NotRun]


def comparison(runs: Compared, labels: Sequence[str]) -> Table:
    """Figures down, runs across; ` *` stands behind the best value of a row unless all are equal, ` ~` if the
    interval that it hangs on has not settled."""
    columns = (Column("figure", "", left=True), *(Column(label, label) for label in labels))
    rows = tuple(row for figure in COMPARED if (row := _row(figure, runs)))
    images = {one.images for one in runs}
    remarks = ["* best of the row"]
    if any(str(cell).endswith(UNSETTLED) for row in rows for cell in row[1:]):
        remarks.append("~ the same, but the intervals of that run still differ by more than 1 %; take more --images")
    remarks.append(f"{' and '.join(map(str, sorted(images)))} images")
    remarks += _explained(runs, labels)
    for label, one in zip(labels, runs, strict=True):
        remarks += [f"note: {label}: {note}" for note in one.notes] if isinstance(one, Result) else []
    return Table(f"{runs[0].model.name}: {len(runs)} mappings", columns, rows, tuple(remarks))


def _explained(runs: Compared, labels: Sequence[str]) -> list[str]:
    """Which is fastest, and what limits each."""
    fastest = verdict(runs, labels)
    lines = [] if fastest is None else [fastest]
    for label, one in zip(labels, runs, strict=True):
        texts = not_run_lines(one) if isinstance(one, NotRun) else (why(one),)
        lines += [f"{label}: {text}" for text in texts]
    return lines


def comparison_records(runs: Compared, labels: Sequence[str]) -> Table:
    """Runs down, raw figures across, for CSV: `why` says what limits a design, `reason` why it did not run."""
    figures = (Column(figure.key, figure.title) for figure in COMPARED)
    columns = (Column("mapping", "mapping"), *figures, Column("why", "why"), Column("reason", "reason"))
    rows = tuple(
        (label, *(_value(figure, one) for figure in COMPARED), *_words(one))
        for label, one in zip(labels, runs, strict=True)
    )
    return Table("Comparison", columns, rows)


def _words(one: Result | NotRun) -> tuple[Value, Value]:
    return (None, one.reason) if isinstance(one, NotRun) else (why(one), None)


def _value(figure: Figure, one: Result | NotRun) -> Value:
    return None if isinstance(one, NotRun) else figure.of(one)


def _row(figure: Figure, runs: Compared) -> tuple[Value, ...] | None:
    """The row of a figure; None if no run computed it."""
    values = [_value(figure, one) for one in runs]
    if all(value is None for value in values):
        return None
    numbers = [value for value in values if isinstance(value, int | float)]
    best: float | None = None
    if figure.better and len(set(numbers)) > 1:
        best = min(numbers) if figure.better == "min" else max(numbers)
    doubted = [isinstance(one, Result) and figure.settles and is_unsettled(one) for one in runs]
    # every cell of the row gets the mark's width, so that the digits stay under each other
    padding = " " * len(BEST)
    cells = [
        figure.show(value) + ((UNSETTLED if doubt else BEST) if best is not None and value == best else padding)
        for value, doubt in zip(values, doubted, strict=True)
    ]
    return figure.title, *cells
