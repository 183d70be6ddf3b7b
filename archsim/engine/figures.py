"""From what a schedule found out to a Result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from archsim import __version__
from archsim.actions import Actions, sum_of
from archsim.engine.actions import HOST, Row, rows_of_actions
from archsim.engine.arrays import CAUSES
from archsim.engine.busiest import busiest_units
from archsim.engine.findings import Findings
from archsim.engine.network import noc_result
from archsim.graph import VectorLayer
from archsim.mapping import StagePlan
from archsim.mapping.placement import slots_of
from archsim.result import (
    STALL_CAUSES,
    ArrayCounts,
    LayerResult,
    MappingSummary,
    ModelSummary,
    MovedBytes,
    NocResult,
    Result,
)

if TYPE_CHECKING:
    from archsim.hardware import Design
    from archsim.mapping import Placement


def summarise_mapping(design: Design, chips: int) -> MappingSummary:
    """The design's settings in full and a hash of them."""
    settings = design.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return MappingSummary(name=design.name, settings=settings, hash=digest[:16], peak_tops=design.peak_tops(chips))


def array_counts(placement: Placement) -> ArrayCounts:
    """Arrays that hold weights, that stand in PEs with any, and of all chips."""
    return ArrayCounts(
        used=placement.arrays_used, allocated=placement.arrays_allocated, available=placement.arrays_available
    )


def planned_layers(placement: Placement) -> dict[str, LayerResult]:
    """What the placement alone says of each matrix and vector layer, by name, in graph order; times are None."""
    layers: dict[str, LayerResult] = {}
    for plan in placement.plans:
        matrix = plan.stage.matrix
        if matrix is not None and plan.tiling is not None and plan.owner is None:
            users = placement.users(plan.stage.index)
            matrices = [user.stage.matrix for user in users if user.stage.matrix is not None]
            layers[matrix.name] = LayerResult(
                name=matrix.name, op=matrix.op, rows=matrix.rows, outputs=matrix.outputs, groups=matrix.groups,
                windows=sum(each.windows for each in matrices), uses=len(users), arrays_per_copy=plan.tiling.arrays,
                copies=len(plan.copies), arrays=plan.arrays, slots=slots_of(users), start_ns=None, end_ns=None,
                busy_ns=None, stall_ns=None, macs=sum(each.macs for each in matrices),
            )  # fmt: skip
        for layer in plan.stage.vector_layers:
            layers[layer.name] = _planned_vector(placement, layer, plan)
    order = [layer.name for layer in placement.graph.layers if layer.name in layers]
    return {name: layers[name] for name in order}


def _planned_vector(placement: Placement, layer: VectorLayer, plan: StagePlan) -> LayerResult:
    elements = placement.graph.tensors[layer.results[0]].elements
    windows = plan.stage.slot_grid.size if layer is plan.stage.pool else plan.stage.windows
    return LayerResult(
        name=layer.name, op=layer.op, rows=None, outputs=elements // max(windows, 1), groups=None, windows=windows,
        uses=1, arrays_per_copy=None, copies=None, arrays=None, slots=None, start_ns=None, end_ns=None,
        busy_ns=None, stall_ns=None, macs=0,
    )  # fmt: skip


def _layers(found: Findings, actions: Mapping[Row, Actions]) -> tuple[LayerResult, ...]:
    planned = planned_layers(found.placement)
    timed = {}
    for plan in found.placement.plans:
        for layer in (plan.stage.layer, *plan.stage.vector_layers):
            if layer.name not in planned:
                continue  # It is among the uses of another layer's arrays.
            timed[layer.name] = _timed(found, plan, planned[layer.name], isinstance(layer, VectorLayer))
    return tuple(replace(timed[name], actions=actions.get(name)) for name in planned)


def _timed(found: Findings, plan: StagePlan, layer: LayerResult, vector: bool) -> LayerResult:
    """The planned layer with its times, summed over the home tiles of its copies; a vector layer is busy for as
    long as its lanes are. What a join waits for is not part of the matrix layer that hosts it."""
    ns, index = found.clock.ns, plan.stage.index
    stalls = found.counters.stalls(index)
    if vector:
        busy, times = ns(found.counters["sfu", layer.name]), found.stages[index]
        return replace(layer, start_ns=ns(times.start), end_ns=ns(times.end), busy_ns=busy)
    uses = [found.stages[user.stage.index] for user in found.placement.users(index)]
    return replace(
        layer,
        start_ns=ns(min(times.start for times in uses)),
        end_ns=ns(max(times.own_end for times in uses)),
        busy_ns=ns(found.counters["busy", index]),
        stall_ns={
            cause: ns(stalls.get(cause, 0)) if cause in CAUSES or cause in stalls else None for cause in STALL_CAUSES
        },
    )


def _noc(found: Findings) -> NocResult:
    noc, mesh, clock = found.placement.design.noc, found.mesh, found.clock
    if noc is None or mesh is None:
        return NocResult()
    cycle_ns = clock.noc * clock.tick_ns
    return noc_result(noc, mesh, found.counters.traffic(), cycle_ns, Fraction(found.elapsed, clock.noc))


def _moved(found: Findings) -> MovedBytes:
    levels = (field.name for field in fields(MovedBytes))
    return MovedBytes(**{level: found.counters["moved", level] for level in levels if level in found.levels})


def to_result(found: Findings, cpu_s: float) -> Result:
    """Everything the run found out."""
    placement, clock = found.placement, found.clock
    design, graph, coverage = placement.design, placement.graph, placement.graph.coverage
    cycle_ns = float(design.cycle_ns)
    noc, ticks, actions = _noc(found), found.interval.ticks, rows_of_actions(found)
    interval = None if ticks is None else _ns(found, ticks)
    return Result(
        model=ModelSummary(name=graph.name, macs=graph.macs, parameters=graph.parameters),
        mapping=summarise_mapping(design, placement.chips),
        images=found.images,
        ideal=found.ideal,
        cycle_ns=cycle_ns,
        tick_ps=float(clock.tick_ns * 1000),
        latency_ns=clock.ns(found.done[0]),
        latency_cycles=found.done[0] / clock.cycle,
        interval_ns=interval,
        interval_spread_ns=None if found.interval.spread is None else _ns(found, found.interval.spread),
        interval_exact=found.interval.exact,
        interval_bound_ns=found.bound_cycles * cycle_ns,
        interval_sustained=None if interval is None else found.interval.sustained,
        throughput_per_s=1e9 / interval if interval and found.interval.sustained else None,
        elapsed_ns=clock.ns(found.elapsed),
        logical_cycles=found.logical_cycles,
        arrays=array_counts(placement),
        chips=placement.chips,
        spill_bytes=placement.spill_bytes,
        layers=_layers(found, actions),
        noc=noc,
        adc_conversions=found.counters["conversions",] if design.adc else None,
        actions=sum_of(actions.values()),
        host_actions=actions[HOST],
        moved_bytes=_moved(found),
        coverage={
            "nodes": coverage.nodes,
            "timed": coverage.timed,
            "layout": coverage.layout,
            "folded": coverage.folded,
            "free": coverage.free,
        },
        checks=found.checks,
        busiest=busiest_units(found.uses),
        notes=(*found.notes, *_about(noc, design)),
        events=found.events,
        cpu_s=cpu_s,
        version=__version__,
    )


def _ns(found: Findings, ticks: Fraction) -> float:
    return float(ticks * found.clock.tick_ns)


def _about(noc: NocResult, design: Design) -> tuple[str, ...]:
    """Notes on a network that is asked for more than it can carry, and on a model that nobody asked for."""
    notes = []
    if noc.waited_ns is None and noc.max_link_utilisation is not None and noc.max_link_utilisation > 1:
        notes.append(
            f"noc.model {noc.model} makes no message wait, but the busiest link is asked for"
            f" {noc.max_link_utilisation:.2f} times what it can carry, each value sent to each tile by itself"
        )
    if design.noc is not None and design.noc.model is None and noc.model == "vct":
        notes.append(
            "noc.model vct, whose buffers are never full: for wormhole, where packets wait for room as well, install"
            " numba (pip install 'archsim[fast]'), or --set noc.model=wormhole, which is slow without"
        )
    return tuple(notes)
