"""Tables of a placement: its figures, and where its layers sit."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.report.figures import Value, duration, large, plain, share
from archsim.report.mesh import layer_signs, pictures
from archsim.report.placement import PlacementSummary
from archsim.report.tables import Column, Table

_MOST_RANGES = 6


def placement_tables(summary: PlacementSummary) -> tuple[Table, ...]:
    """The figures of the whole placement, its layers, and a picture of each chip."""
    arrays, estimate = summary.arrays, summary.estimate
    figures: tuple[tuple[Value, ...], ...] = (
        ("chips", plain(summary.chips)),
        ("tiles used", plain(summary.tiles)),
        ("arrays used", plain(arrays.used)),
        ("  allocated", plain(arrays.allocated)),
        ("  available", plain(arrays.available)),
        ("ideal latency", f"{duration(estimate.latency_ns)} ({estimate.latency_cycles:,} read cycles)"),
        ("ideal interval", f"{duration(estimate.interval_ns)} ({estimate.interval_cycles:,} read cycles)"),
    )
    if summary.noc is not None:
        load = f"{share(summary.noc.busiest_link_load)} of the ideal interval"
        figures += (("NoC bytes x hops", large(summary.noc.bytes_hops)), ("  busiest link", load))
    title = f"{summary.model.name} on {summary.mapping.name}"
    whole = Table(title, (Column("figure", "figure", left=True), Column("value", "value")), figures)
    return whole, _layers(summary), *pictures(summary)


def _layers(summary: PlacementSummary) -> Table:
    """The layers with their tiles, and the letters that stand for them in the pictures."""
    records = placement_records(summary)
    signs = layer_signs(summary)
    tiles = next(place for place, column in enumerate(records.columns) if column.key == "tiles")
    rows = tuple(
        (
            *row[:tiles],
            ranges(one.tiles, _MOST_RANGES),
            *row[tiles + 1 :],
            *((signs.get(one.layer.name),) * bool(signs)),
        )
        for row, one in zip(records.rows, summary.layers, strict=True)
    )
    columns = records.columns + ((Column("sign", "sign", left=True),) if signs else ())
    return Table(records.title, columns, rows)


def placement_records(summary: PlacementSummary) -> Table:
    """One row per layer."""
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
        Column("tiles", "tiles", left=True),
        Column("arrays_per_tile", "arrays/tile"),
        Column("utilisation", "cells used", share),
    )
    rows = tuple(
        (
            *(getattr(one.layer, column.key) for column in columns[:-3]),
            *(ranges(one.tiles), _spread(one.arrays_per_tile), one.utilisation),
        )
        for one in summary.layers
    )
    return Table("Layers", columns, rows)


def _spread(counts: Sequence[int] | None) -> str | None:
    """The smallest and the largest of some counts."""
    if not counts:
        return None
    fewest, most = min(counts), max(counts)
    return f"{fewest}" if fewest == most else f"{fewest}-{most}"


def ranges(numbers: Sequence[int], most: int | None = None) -> str:
    """Rising numbers, what follows on from each other in one: `0-3, 7`; beyond `most` of these the count of all."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found[:most])
    return shown if most is None or len(found) <= most else f"{shown}, ... ({len(numbers)} tiles)"
