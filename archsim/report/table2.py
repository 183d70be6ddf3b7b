"""What is known of several designs beside what archsim computes of them, at one precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from archsim.report.figures import Value, plain
from archsim.report.tables import Column, Table

SCHEMA = "archsim.table2/1"

UNITS: Mapping[str, str] = MappingProxyType(
    {"storage": "MB", "area": "mm2", "peak": "TOPS", "tops_per_mm2": "TOPS/mm2", "tops_per_w": "TOPS/W"}
)
"""The unit of each figure's `scaled` and `computed`; MB are 10^6 bytes, a multiply and an add two operations."""

_MARKS = (
    "marks: R1 retrieved, R2 second-hand, S stated in the tutorial, M recalled (M+ with confidence, M- shakily),"
    " D derived from figures of the marks given"
)
_RULE = (
    "scaled by a rule of archsim's own, not by the tutorial's table: rates go with the inverse of reads per window and"
    " columns per weight, storage with the bits of a cell, and area and power stay"
)


_RECORD = (
    *("design", "chips", "figure", "unit"),
    *("source_value", "source_unit", "source_weight_bits", "source_input_bits", "source_cell_bits"),
    *("mark", "basis", "source", "source_reason", "scaled_by", "scaled", "computed", "computed_reason", "ratio"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigure:
    """A figure as its source gives it, in its `unit` and at its bits of weights, inputs and cells; `basis` are the
    marks of what it was derived from, empty unless its mark is D."""

    value: float
    unit: str
    weight_bits: int
    input_bits: int
    cell_bits: int
    mark: str
    basis: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class ScaledBy:
    """A step from the precision of a source to that of the table."""

    rule: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table2Figure:
    """A figure of a design, `scaled` and `computed` in its unit of `UNITS`, `ratio` computed over scaled. What does not
    exist is None; `source_reason` and `computed_reason` say why, and are None where it does."""

    figure: str
    source: SourceFigure | None
    source_reason: str | None
    scaled_by: tuple[ScaledBy, ...]
    scaled: float | None
    computed: float | None
    computed_reason: str | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table2Design:
    """The figures of so many `chips` of a design."""

    name: str
    title: str
    chips: int
    figures: tuple[Table2Figure, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table2Summary:
    """Designs at one precision, in bits of a weight, an input and a cell."""

    weight_bits: int
    input_bits: int
    cell_bits: int
    designs: tuple[Table2Design, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data, in the schema `archsim.table2/1`."""
        document = {"schema": SCHEMA, **asdict(self)}
        for design in document["designs"]:
            design["figures"] = [
                {"figure": one["figure"], "unit": UNITS[one["figure"]], **one} for one in design["figures"]
            ]
        return document


def table2_tables(summary: Table2Summary) -> tuple[Table, Table]:
    """The figures, with rules and reasons below, and where they come from."""
    columns = (
        Column("title", "design", left=True),
        Column("figure", "figure", left=True),
        Column("source", "source"),
        Column("mark", "mark", left=True),
        Column("scaled", "scaled"),
        Column("computed", "archsim"),
        Column("ratio", "archsim / scaled", _ratio),
    )
    rows = tuple(
        (
            design.title,
            _named(one.figure),
            _as_given(one.source),
            _mark(one.source),
            one.scaled,
            one.computed,
            one.ratio,
        )
        for design in summary.designs
        for one in design.figures
    )
    title = (
        f"Table 2 at {summary.weight_bits}-bit weights, {summary.input_bits}-bit inputs, {summary.cell_bits}-bit cells"
    )
    remarks = [_MARKS, _RULE]
    for design in summary.designs:
        remarks += _below(design)
    return Table(title, columns, rows, tuple(remarks)), _sources(summary)


def _sources(summary: Table2Summary) -> Table:
    columns = (
        Column("title", "design", left=True),
        Column("figure", "figure", left=True),
        Column("bits", "weight x input bits, bits of a cell", left=True),
        Column("source", "from", left=True),
    )
    rows = tuple(
        (design.title, _named(one.figure), _bits(one.source), one.source.source)
        for design in summary.designs
        for one in design.figures
        if one.source is not None
    )
    return Table("Sources", columns, rows)


def _named(figure: str) -> str:
    unit, short = UNITS[figure], _short(figure)
    return unit if short == unit else f"{short}, {unit}"


def _short(figure: str) -> str:
    return figure if figure.isalpha() else UNITS[figure]


def _as_given(source: SourceFigure | None) -> Value:
    return None if source is None else f"{source.value:g} {source.unit}"


def _mark(source: SourceFigure | None) -> Value:
    if source is None:
        return None
    return f"{source.mark} of {', '.join(source.basis)}" if source.basis else source.mark


def _bits(source: SourceFigure) -> str:
    return f"{source.weight_bits} x {source.input_bits}, {source.cell_bits}"


def _ratio(value: Value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else plain(value)


def _below(design: Table2Design) -> list[str]:
    """By which steps a design was scaled, what does not exist and why, and what else is known."""
    steps: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for one in design.figures:
        short = _short(one.figure)
        if one.source is not None:
            said = "; ".join(step.rule for step in one.scaled_by)
            steps.setdefault(said or "as it is", []).append(short)
        else:
            reasons.setdefault(f"not known: {one.source_reason}", []).append(short)
        if one.computed_reason is not None:
            reasons.setdefault(f"not computed: {one.computed_reason}", []).append(short)
    of = f" ({design.chips} chips)" if design.chips > 1 else ""
    lines = [f"{design.title}{of}: {', '.join(names)}: {said}" for said, names in (steps | reasons).items()]
    return lines + [f"{design.title}: {note}" for note in design.notes]


def table2_records(summary: Table2Summary) -> Table:
    """A row for each figure of each design, raw."""
    rows = tuple(
        (design.name, design.chips, one.figure, UNITS[one.figure], *_source_cells(one), *_own_cells(one))
        for design in summary.designs
        for one in design.figures
    )
    return Table("Table 2", tuple(Column(key, key) for key in _RECORD), rows)


def _source_cells(one: Table2Figure) -> tuple[Value, ...]:
    source = one.source
    if source is None:
        return (*[None] * 8, one.source_reason)
    bits = (source.weight_bits, source.input_bits, source.cell_bits)
    return source.value, source.unit, *bits, source.mark, " ".join(source.basis) or None, source.source, None


def _own_cells(one: Table2Figure) -> tuple[Value, ...]:
    steps = "; ".join(step.rule for step in one.scaled_by)
    return steps or None, one.scaled, one.computed, one.computed_reason, one.ratio
