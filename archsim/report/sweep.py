"""How a mesh fares under more and more load."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.report.drawing import Drawing
from archsim.report.figures import Value
from archsim.report.plot import plot
from archsim.report.tables import Column, Table

SCHEMA = "archsim.noc_sweep/1"

# How far above the latency of an idle mesh the plot goes.
_SHOWN_TIMES_IDLE = 5


@dataclass(frozen=True, slots=True)
class SweptPoint:
    """One load in flits per node and cycle: packets measured, mean and 95th percentile of their latency in cycles (None
    without packets), flits per node and cycle that arrived."""

    load: float
    packets: int
    mean_latency_cycles: float | None
    p95_latency_cycles: int | None
    accepted_load: float


@dataclass(frozen=True, slots=True)
class SweptCurve:
    """One traffic pattern: `saturation_load` is where the mean latency is three times that of an idle mesh,
    `interpolated_load` where straight lines between the loads asked for say so; None where that was not found."""

    traffic: str
    idle_latency_cycles: float
    saturation_load: float | None
    interpolated_load: float | None
    points: tuple[SweptPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSummary:
    """Curves of a mesh, whose settings by name are `network`; packets of `packet_flits` flits were created for
    `warmup_cycles` + `cycles` cycles, and measured if in the latter."""

    network: dict[str, Any]
    packet_flits: int
    warmup_cycles: int
    cycles: int
    seed: int
    curves: tuple[SweptCurve, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data, in the schema `archsim.noc_sweep/1`."""
        return {"schema": SCHEMA, **asdict(self)}


def _load(value: Value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def _cycles(value: Value) -> str:
    return f"{value:.1f}" if isinstance(value, float) else "-"


def sweep_tables(summary: SweepSummary) -> tuple[Table, ...]:
    """Where each pattern saturates, and its curve."""
    network = summary.network
    title = (
        f"Mesh of {network['columns']}x{network['rows']} ({network['model']}, {network['vcs']} VC x"
        f" {network['buffer_flits']} flits, packets of {summary.packet_flits})"
    )
    columns = [
        Column("traffic", "traffic", left=True),
        Column("idle_latency_cycles", "idle latency", _cycles),
        Column("saturation_load", "saturates at", _load),
    ]
    if any(one.interpolated_load is not None for one in summary.curves):
        columns.append(Column("interpolated_load", "by lines between loads", _load))
    rows = tuple(tuple(getattr(one, column.key) for column in columns) for one in summary.curves)
    remarks = ["latencies in cycles, loads in flits per node and cycle; saturated: three times the idle latency"]
    if any(one.saturation_load is None for one in summary.curves):
        remarks.append("-: not saturated at 1 flit per node and cycle")
    return Table(title, tuple(columns), rows, tuple(remarks)), *(_curve_table(one) for one in summary.curves)


_POINT = (
    Column("load", "load", _load),
    Column("packets", "packets"),
    Column("mean_latency_cycles", "mean latency", _cycles),
    Column("p95_latency_cycles", "95 % within"),
    Column("accepted_load", "accepted", _load),
)


def _point(one: SweptPoint) -> tuple[Value, ...]:
    return tuple(getattr(one, column.key) for column in _POINT)


def _curve_table(curve: SweptCurve) -> Table:
    return Table(curve.traffic, _POINT, tuple(map(_point, curve.points)))


def sweep_records(summary: SweepSummary) -> Table:
    """A row for each load of each pattern."""
    columns = tuple(Column(column.key, column.key) for column in _POINT)
    rows = tuple((curve.traffic, *_point(one)) for curve in summary.curves for one in curve.points)
    return Table("", (Column("traffic", "traffic"), *columns), rows)


def sweep_plot(summary: SweepSummary) -> Drawing:
    """The curves, each by the first letter of its pattern, up to five times the longest idle latency."""
    curves = {
        curve.traffic[0]: [
            (one.load, one.mean_latency_cycles) for one in curve.points if one.mean_latency_cycles is not None
        ]
        for curve in summary.curves
    }
    highest = _SHOWN_TIMES_IDLE * max(curve.idle_latency_cycles for curve in summary.curves)
    marks = ", ".join(f"{curve.traffic[0]} {curve.traffic}" for curve in summary.curves)
    return plot(f"Mean latency ({marks})", "load in flits per node and cycle", "cycles", curves, highest)
