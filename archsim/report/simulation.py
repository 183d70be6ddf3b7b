"""Tables of one run: its figures, and its layers with what held each of them up."""

from __future__ import annotations

from dataclasses import fields

from archsim.actions import ACTIONS
from archsim.report.figures import Value, duration, energy, share
from archsim.report.headline import FIGURES, lasting_interval_ns, name_of
from archsim.report.tables import Column, Table
from archsim.result import STALL_CAUSES, LayerResult, Result

# A layer that works for this share of the interval explains it.
_MOST_OF_IT = 0.95
_OTHER_UNITS = 2


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
            *(layer.start_ns, layer.end_ns, _busy_per_copy_ns(layer), _longest_wait(layer)),
        )
        for layer in result.layers
    )
    return Table("Layers (start, end: first image; busy: one copy, whole run)", columns, rows, _bottleneck(result))


def components(result: Result) -> tuple[Table, ...]:
    """Energy and area of each component, the hungriest first; no table without any."""
    if result.energy_pj is None or result.cost is None:
        return ()
    whole, area = result.energy_pj["total"], result.cost.area_mm2
    named = {name: value for name, value in result.energy_pj.items() if name != "total"}
    rows = tuple(
        (name, named[name], _part(named[name], whole), area[name], _part(area[name], result.area_mm2))
        for name in sorted(named, key=lambda name: -(named[name] or 0))
    )
    columns = (
        Column("component", "component", left=True),
        Column("energy_pj", "energy", energy),
        Column("energy_share", "of all", share),
        Column("area_mm2", "area (mm2)"),
        Column("area_share", "of all", share),
    )
    return (Table("Components (energy: whole run; area: all chips)", columns, rows),)


def _part(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole else None


def layer_records(result: Result) -> Table:
    """All fields of the layers, for CSV: a column for each cause of a stall, times in ns summed over copies, and for
    each count of what takes energy."""
    names = [field.name for field in fields(LayerResult) if field.name not in {"stall_ns", "actions"}]
    columns = [*names, *(f"stall_{cause}_ns" for cause in STALL_CAUSES), *ACTIONS]
    rows = tuple(
        (
            *(getattr(layer, name) for name in names),
            *(None if layer.stall_ns is None else layer.stall_ns.get(cause) for cause in STALL_CAUSES),
            *(None if layer.actions is None else getattr(layer.actions, name) for name in ACTIONS),
        )
        for layer in result.layers
    )
    return Table("Layers", tuple(Column(name, name) for name in columns), rows)


def _busy_per_copy_ns(layer: LayerResult) -> float | None:
    """Busy time of one copy of a matrix layer, averaged over its copies."""
    return layer.busy_ns / layer.copies if layer.copies and layer.busy_ns is not None else None


def _waits(layer: LayerResult) -> dict[str, float]:
    """What one copy waited for, and how long, averaged over the copies; the input's arrival (`data`) too, causes
    that were not computed not."""
    if not layer.copies or layer.stall_ns is None:
        return {}
    return {cause: time / layer.copies for cause, time in layer.stall_ns.items() if time}


def _longest_wait(layer: LayerResult) -> Value:
    waits = _waits(layer)
    if not waits:
        return None
    cause = max(waits, key=lambda cause: waits[cause])
    return f"{cause} {duration(waits[cause])}"


def _bottleneck(result: Result) -> tuple[str, ...]:
    """The busiest units, and the layer that works longest per image; where neither explains the interval, who
    waits for what."""
    remarks = _busiest_units(result)
    works = {layer.name: time for layer in result.layers if (time := _busy_per_copy_ns(layer))}
    if not works:
        return remarks
    busiest = max(works, key=lambda name: works[name])
    per_image_ns = works[busiest] / result.images
    remark = f"busiest layer: {busiest} works {duration(per_image_ns)} per image on each copy"
    interval_ns = lasting_interval_ns(result)
    if interval_ns:
        remark += f", {share(per_image_ns / interval_ns)} of the interval"
        if per_image_ns > _MOST_OF_IT * interval_ns:
            return *remarks, remark
    waits = {
        (layer.name, cause): time for layer in result.layers for cause, time in _waits(layer).items() if cause != "data"
    }
    if not waits:
        return *remarks, remark
    name, cause = max(waits, key=lambda key: waits[key])
    text = (
        f"longest wait for something shared: {name} for {cause}, {duration(waits[name, cause])} a copy in the whole run"
    )
    return *remarks, remark, text


def _busiest_units(result: Result) -> tuple[str, ...]:
    """The busiest unit of each kind, as far as they matter."""
    first, *others = [f"{name_of(use)}, {share(use.utilisation)}" for use in result.busiest] or [""]
    if not first:
        return ()
    return (f"bottleneck: {first} of the run" + "".join(f"; {other}" for other in others[:_OTHER_UNITS]),)
