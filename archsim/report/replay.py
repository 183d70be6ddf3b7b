"""How packets fared on a mesh."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.report.drawing import Drawing
from archsim.report.figures import Value, plain, share
from archsim.report.heatmap import heatmap
from archsim.report.histogram import histogram_table
from archsim.report.tables import Column, Table
from archsim.result import LinkUse

SCHEMA = "archsim.noc_replay/1"


@dataclass(frozen=True, slots=True)
class Bin:
    """How many packets had a latency of `first` to `last` cycles."""

    first: int
    last: int
    packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """Figures of a replay: latencies from creation to the arrival of the tail; `waited_cycles`, what all packets took
    beyond an idle mesh; `makespan_cycles`, the cycle of the last arrival; `max_link_utilisation` (0..1) of the busiest
    link between routers from the first creation to the last arrival, and `links`, all that carried anything.

    `network` are the settings of the mesh by name, `checks` what was counted twice and whether it agreed.
    """

    file: str
    network: dict[str, Any]
    packets: int
    flits: int
    mean_latency_cycles: float
    p95_latency_cycles: int
    max_latency_cycles: int
    waited_cycles: int
    makespan_cycles: int
    max_link_utilisation: float
    latency_histogram: tuple[Bin, ...]
    links: tuple[LinkUse, ...]
    checks: dict[str, bool]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data, in the schema `archsim.noc_replay/1`."""
        return {"schema": SCHEMA, **asdict(self)}


def replay_table(summary: ReplaySummary) -> Table:
    """The figures to read."""
    figures: tuple[tuple[Value, ...], ...] = (
        ("packets", plain(summary.packets)),
        ("flits", plain(summary.flits)),
        ("mean latency", f"{plain(summary.mean_latency_cycles)} cycles"),
        ("95 % of packets within", f"{plain(summary.p95_latency_cycles)} cycles"),
        ("largest latency", f"{plain(summary.max_latency_cycles)} cycles"),
        ("waited beyond an idle mesh", f"{plain(summary.waited_cycles)} cycles in all"),
        ("last arrival", f"cycle {plain(summary.makespan_cycles)}"),
        ("busiest link carries flits", f"{share(summary.max_link_utilisation)} of the time"),
    )
    network = summary.network
    title = f"{summary.file} on a mesh of {network['columns']}x{network['rows']} ({network['model']})"
    return Table(title, (Column("figure", "figure", left=True), Column("value", "value")), figures)


def latency_table(summary: ReplaySummary) -> Table:
    """The histogram of the latencies."""
    rows = [(one.first, one.last, one.packets) for one in summary.latency_histogram]
    return histogram_table("Latencies", ("from", "to cycles", "packets"), rows)


def replay_map(summary: ReplaySummary) -> Drawing | None:
    """How busy the links between routers were; None for a mesh too large to draw."""
    return heatmap(summary.network["columns"], summary.network["rows"], summary.links)


def replay_record(summary: ReplaySummary) -> Table:
    """The raw figures in one row."""
    keys = (
        *("packets", "flits", "mean_latency_cycles", "max_latency_cycles", "makespan_cycles"),
        *("max_link_utilisation", "p95_latency_cycles", "waited_cycles"),
    )
    return Table("", tuple(Column(key, key) for key in keys), (tuple(getattr(summary, key) for key in keys),))
