"""How packets fared on a mesh."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.report.figures import Value, plain, share
from archsim.report.tables import Column, Table

SCHEMA = "archsim.noc_replay/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """Figures of a replay: latencies from creation to the arrival of the tail; `makespan_cycles`, the cycle of the
    last arrival; `max_link_utilisation` (0..1) of the busiest link between routers from the first creation on.

    `network` are the settings of the mesh by name, `checks` what was counted twice and whether it agreed.
    """

    file: str
    network: dict[str, Any]
    packets: int
    flits: int
    mean_latency_cycles: float
    max_latency_cycles: int
    makespan_cycles: int
    max_link_utilisation: float
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
        ("largest latency", f"{plain(summary.max_latency_cycles)} cycles"),
        ("last arrival", f"cycle {plain(summary.makespan_cycles)}"),
        ("busiest link carries flits", f"{share(summary.max_link_utilisation)} of the time"),
    )
    network = summary.network
    title = f"{summary.file} on a mesh of {network['columns']}x{network['rows']} ({network['model']})"
    return Table(title, (Column("figure", "figure", left=True), Column("value", "value")), figures)


def replay_record(summary: ReplaySummary) -> Table:
    """The raw figures in one row."""
    keys = (
        *("packets", "flits", "mean_latency_cycles", "max_latency_cycles", "makespan_cycles"),
        "max_link_utilisation",
    )
    return Table("", tuple(Column(key, key) for key in keys), (tuple(getattr(summary, key) for key in keys),))
