"""An answer in every form that it can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archsim.report.comparison import comparison, comparison_records
from archsim.report.drawing import Drawing
from archsim.report.evaluated import evaluation_plots, evaluation_records, evaluation_tables
from archsim.report.evaluation import Evaluation
from archsim.report.inspection import Inspection, inspection_tables
from archsim.report.mapping import placement_records, placement_tables
from archsim.report.network import latencies, noc_maps
from archsim.report.placement import PlacementSummary
from archsim.report.replay import ReplaySummary, latency_table, replay_map, replay_record, replay_table
from archsim.report.simulation import components, headline, layer_records, layers
from archsim.report.strict_json import to_json
from archsim.report.sweep import SweepSummary, sweep_plot, sweep_records, sweep_tables
from archsim.report.table2 import Table2Summary, table2_records, table2_tables
from archsim.report.tables import Table, to_csv, to_markdown, to_text
from archsim.report.variance import VarianceSummary, variance_plot, variance_records, variance_tables
from archsim.result import NotRun, Result

Form = Literal["table", "json", "csv", "md"]


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: `tables` and `drawings` to read, `records` (raw values) for CSV, `document` for JSON."""

    tables: tuple[Table, ...]
    records: Table
    document: Any
    drawings: tuple[Drawing, ...] = ()

    def render(self, form: Form, *, colour: bool = False) -> str:
        """The report as text; `colour` matters to the form `table` alone."""
        if form == "json":
            return self.json()
        if form == "csv":
            return to_csv(self.records)
        if form == "md":
            return "\n".join([to_markdown(self.tables), *(drawing.to_markdown() for drawing in self.drawings)])
        text = to_text(self.tables, colour=colour)
        return "\n".join([text, *(drawing.to_text(colour=colour) for drawing in self.drawings)])

    def json(self) -> str:
        """The document as strict JSON."""
        return to_json(self.document)


def simulation_report(result: Result, *, with_map: bool = False) -> Report:
    """One run, with maps of the links of its chips if wanted; its CSV has a row per layer."""
    tables = (headline(result), layers(result), *components(result), *(latencies(result) if with_map else ()))
    drawings = noc_maps(result) if with_map else ()
    return Report(tables, layer_records(result), result.to_json(links=with_map), drawings)


def comparison_report(runs: Sequence[Result | NotRun], labels: Sequence[str]) -> Report:
    """Several runs, named by `labels`; the CSV has a row per run, the JSON is a list of results."""
    tables = (comparison(runs, labels),)
    return Report(tables, comparison_records(runs, labels), [one.to_json() for one in runs])


def inspection_report(inspected: Inspection) -> Report:
    """A network as imported; the CSV has a row per layer."""
    tables = inspection_tables(inspected)
    return Report(tables, tables[0], inspected.to_json())


def placement_report(summary: PlacementSummary) -> Report:
    """A placement; the CSV has a row per layer."""
    return Report(placement_tables(summary), placement_records(summary), summary.to_json())


def evaluation_report(evaluation: Evaluation) -> Report:
    """An evaluation; its CSV has a row per matrix layer, or per point of a sweep."""
    tables, drawings = evaluation_tables(evaluation), evaluation_plots(evaluation)
    return Report(tables, evaluation_records(evaluation), evaluation.to_json(), drawings)


def replay_report(summary: ReplaySummary, *, with_map: bool = False) -> Report:
    """A replay of packets, with a map of its links if wanted; its CSV is one row of figures."""
    tables = (replay_table(summary), latency_table(summary))
    drawing = replay_map(summary) if with_map else None
    return Report(tables, replay_record(summary), summary.to_json(), () if drawing is None else (drawing,))


def sweep_report(summary: SweepSummary) -> Report:
    """Curves of a mesh; the CSV has a row for each load of each pattern."""
    return Report(sweep_tables(summary), sweep_records(summary), summary.to_json(), (sweep_plot(summary),))


def variance_report(summary: VarianceSummary) -> Report:
    """How often sums of cells that vary are misread; the CSV has a row for each read."""
    return Report(variance_tables(summary), variance_records(summary), summary.to_json(), (variance_plot(summary),))


def table2_report(summary: Table2Summary) -> Report:
    """What is known of designs and what archsim computes; the CSV has a row for each figure."""
    return Report(table2_tables(summary), table2_records(summary), summary.to_json())


def listing_report(table: Table) -> Report:
    """A plain list; its JSON is a list of objects."""
    keys = [column.key for column in table.columns]
    return Report((table,), table, [dict(zip(keys, row, strict=True)) for row in table.rows])
