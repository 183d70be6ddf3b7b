"""What a mapping does with a network, before any simulation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.report.figures import duration, plain, share
from archsim.report.tables import Column, Table
from archsim.result import ArrayCounts, LayerResult, MappingSummary, ModelSummary

SCHEMA = "archsim.map/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLayer:
    """A layer on the chip: `tiles` that hold any of its matrix, `utilisation` of the cells of its arrays; None
    for vector layers."""

    layer: LayerResult
    tiles: int | None
    utilisation: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields of the layer, then its own."""
        return {**asdict(self.layer), "tiles": self.tiles, "utilisation": self.utilisation}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """The vectorised estimate in read cycles and ns: nobody waits for anything shared (as with `--ideal`)."""

    latency_cycles: int
    interval_cycles: int
    latency_ns: float
    interval_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSummary:
    """A placement, as figures."""

    model: ModelSummary
    mapping: MappingSummary
    chips: int
    tiles: int
    arrays: ArrayCounts
    layers: tuple[PlacedLayer, ...]
    estimate: Estimated

    def to_json(self) -> dict[str, Any]:
        """The placement as plain data, in the schema `archsim.map/1`."""
        return {"schema": SCHEMA, **asdict(self), "layers": [layer.to_json() for layer in self.layers]}


def placement_tables(summary: PlacementSummary) -> tuple[Table, Table]:
    """The figures of the whole placement, and its layers."""
    arrays, estimate = summary.arrays, summary.estimate
    figures = (
        ("chips", plain(summary.chips)),
        ("tiles used", plain(summary.tiles)),
        ("arrays used", plain(arrays.used)),
        ("  allocated", plain(arrays.allocated)),
        ("  available", plain(arrays.available)),
        ("ideal latency", f"{duration(estimate.latency_ns)} ({estimate.latency_cycles:,} read cycles)"),
        ("ideal interval", f"{duration(estimate.interval_ns)} ({estimate.interval_cycles:,} read cycles)"),
    )
    title = f"{summary.model.name} on {summary.mapping.name}"
    whole = Table(title, (Column("figure", "figure", left=True), Column("value", "value")), figures)
    return whole, placement_records(summary)


def placement_records(summary: PlacementSummary) -> Table:
    """One row per matrix layer."""
    columns = (
        Column("name", "layer", left=True),
        Column("op", "op", left=True),
        Column("rows", "rows"),
        Column("outputs", "outputs"),
        Column("groups", "groups"),
        Column("windows", "windows"),
        Column("arrays_per_copy", "arrays/copy"),
        Column("copies", "copies"),
        Column("arrays", "arrays"),
        Column("slots", "slots"),
        Column("tiles", "tiles"),
        Column("utilisation", "cells used", share),
    )
    rows = tuple(
        (*(getattr(one.layer, column.key) for column in columns[:-2]), one.tiles, one.utilisation)
        for one in summary.layers
        if one.layer.arrays is not None
    )
    return Table("Matrix layers", columns, rows)
