"""One table of several runs side by side, the best value of each row marked."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.report.figures import Value
from archsim.report.headline import FIGURES, Figure, is_unsettled
from archsim.report.tables import Column, Table
from archsim.result import Result

BEST, UNSETTLED = " *", " ~"


def comparison(results: Sequence[Result], labels: Sequence[str]) -> Table:
    """Figures down, runs across; ` *` stands behind the best value of a row unless all are equal, ` ~` if the
    interval that it hangs on has not settled."""
    columns = (Column("figure", "", left=True), *(Column(label, label) for label in labels))
    rows = tuple(row for figure in FIGURES if (row := _row(figure, results)))
    images = {result.images for result in results}
    remarks = ["* best of the row"]
    if any(str(cell).endswith(UNSETTLED) for row in rows for cell in row[1:]):
        remarks.append("~ the same, but the intervals of that run still differ by more than 1 %; take more --images")
    remarks.append(f"{' and '.join(map(str, sorted(images)))} images")
    remarks += [
        f"note: {label}: {note}" for label, result in zip(labels, results, strict=True) for note in result.notes
    ]
    return Table(f"{results[0].model.name}: {len(results)} mappings", columns, rows, tuple(remarks))


def comparison_records(results: Sequence[Result], labels: Sequence[str]) -> Table:
    """Runs down, raw figures across, for CSV."""
    columns = (Column("mapping", "mapping"), *(Column(figure.key, figure.title) for figure in FIGURES))
    rows = tuple(
        (label, *(figure.of(result) for figure in FIGURES)) for label, result in zip(labels, results, strict=True)
    )
    return Table("Comparison", columns, rows)


def _row(figure: Figure, results: Sequence[Result]) -> tuple[Value, ...] | None:
    """The row of a figure; None if no run computed it."""
    values = [figure.of(result) for result in results]
    if all(value is None for value in values):
        return None
    numbers = [value for value in values if isinstance(value, int | float)]
    best: float | None = None
    if figure.better and len(set(numbers)) > 1:
        best = min(numbers) if figure.better == "min" else max(numbers)
    marks = [UNSETTLED if figure.settles and is_unsettled(result) else BEST for result in results]
    # every cell of the row gets the mark's width, so that the digits stay under each other
    padding = " " * len(BEST)
    cells = [
        figure.show(value) + (mark if best is not None and value == best else padding)
        for value, mark in zip(values, marks, strict=True)
    ]
    return figure.title, *cells
