"""Tables of one run: its figures, and its layers with what held each of them up."""

from __future__ import annotations

from dataclasses import fields

from archsim.report.figures import Value, duration
from archsim.report.headline import FIGURES
from archsim.report.tables import Column, Table
from archsim.result import STALL_CAUSES, LayerResult, Result


def headline(result: Result) -> Table:
    """The figures of the run, those left out that it did not compute."""
    rows = tuple((figure.title, figure.show(figure.of(result))) for figure in FIGURES if figure.of(result) is not None)
    title = f"{result.model.name} on {result.mapping.name}{' (ideal)' if result.ideal else ''}"
    notes = tuple(f"note: {note}" for note in result.notes)
    return Table(title, (Column("figure", "figure", left=True), Column("value", "value")), rows, notes)


def layers(result: Result) -> Table:
    """The layers: start and end in the first image, busy time of one copy in the whole run, longest waits."""
    columns = (
        Column("name", "layer", left=True),
        Column("op", "op", left=True),
        Column("rows", "rows"),
        Column("outputs", "outputs"),
        Column("windows", "windows"),
        Column("copies", "copies"),
        Column("arrays", "arrays"),
        Column("slots", "slots"),
        Column("start_ns", "start", duration),
        Column("end_ns", "end", duration),
        Column("busy_ns", "busy", duration),
        Column("waits", "waits most for", left=True),
    )
    rows = tuple(
        (
            *(layer.name, layer.op, layer.rows, layer.outputs, layer.windows),
            *(layer.copies, layer.arrays, layer.slots),
            *(layer.start_ns, layer.end_ns, busy_per_copy_ns(layer), _longest_wait(layer)),
        )
        for layer in result.layers
    )
    return Table("Layers (start, end: first image; busy: one copy, whole run)", columns, rows, _bottleneck(result))


def layer_records(result: Result) -> Table:
    """All fields of the layers, for CSV: one column per cause of a stall, times in ns summed over copies."""
    names = [field.name for field in fields(LayerResult) if field.name != "stall_ns"]
    columns = [*names, *(f"stall_{cause}_ns" for cause in STALL_CAUSES)]
    rows = tuple(
        (
            *(getattr(layer, name) for name in names),
            *(None if layer.stall_ns is None else layer.stall_ns.get(cause) for cause in STALL_CAUSES),
        )
        for layer in result.layers
    )
    return Table("Layers", tuple(Column(name, name) for name in columns), rows)


def busy_per_copy_ns(layer: LayerResult) -> float | None:
    """Busy time of one copy of the layer, averaged over its copies."""
    return None if layer.busy_ns is None else layer.busy_ns / (layer.copies or 1)


def _longest_wait(layer: LayerResult) -> Value:
    waits = [] if layer.stall_ns is None else [(time, cause) for cause, time in layer.stall_ns.items() if time > 0]
    if not waits:
        return None
    time, cause = max(waits)
    return f"{cause} {duration(time / (layer.copies or 1))}"


def _bottleneck(result: Result) -> tuple[str, ...]:
    """Which layer works longest per image, and whether that is what sets the interval."""
    busiest = max(result.layers, key=lambda layer: busy_per_copy_ns(layer) or 0.0, default=None)
    busy_ns = None if busiest is None else busy_per_copy_ns(busiest)
    if busiest is None or not busy_ns:
        return ()
    per_image_ns = busy_ns / result.images
    text = f"bottleneck: {busiest.name} works {duration(per_image_ns)} per image on each copy"
    if result.interval_ns:
        text += f", {100 * per_image_ns / result.interval_ns:.1f} % of the interval"
    return (text,)
