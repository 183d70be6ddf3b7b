"""From the counters of a finished run to a Result."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from archsim.engine.fabric import Fabric
from archsim.graph import VectorLayer
from archsim.mapping import Estimate, StagePlan
from archsim.result import (
    STALL_CAUSES,
    ArrayCounts,
    LayerResult,
    MappingSummary,
    ModelSummary,
    NocResult,
    Result,
)

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.stage import StageUnit
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
        if matrix is not None and plan.tiling is not None:
            copies = len(plan.copies)
            layers[matrix.name] = LayerResult(
                name=matrix.name, op=matrix.op, rows=matrix.rows, outputs=matrix.outputs, groups=matrix.groups,
                windows=matrix.windows, uses=1, arrays_per_copy=plan.tiling.arrays, copies=copies,
                arrays=plan.tiling.arrays * copies, slots=plan.slots, start_ns=None, end_ns=None, busy_ns=None,
                stall_ns=None, macs=matrix.macs,
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


def _layers(chip: Chip) -> tuple[LayerResult, ...]:
    planned = planned_layers(chip.placement)
    timed = {}
    for stage in chip.stages:
        for layer in (stage.plan.stage.layer, *stage.plan.stage.vector_layers):
            timed[layer.name] = _timed(chip, stage, planned[layer.name], isinstance(layer, VectorLayer))
    return tuple(timed[name] for name in planned)


def _timed(chip: Chip, stage: StageUnit, layer: LayerResult, vector: bool) -> LayerResult:
    """The planned layer with its times, summed over the home tiles of its copies; a vector layer is busy for as
    long as its lanes are."""
    ns = chip.clock.ns
    homes = [copy.units[-1] for copy in stage.copies]
    stalls = {cause: ns(sum(unit.stalls.get(cause, 0) for unit in homes)) for cause in STALL_CAUSES}
    busy = ns(sum(unit.busy for unit in homes))
    if vector:
        one = chip.limits.sfu_ticks([x for x in stage.plan.stage.vector_layers if x.name == layer.name], stage.plan)
        busy = ns(one * sum(stage.jobs))
    return LayerResult(
        name=layer.name, op=layer.op, rows=layer.rows, outputs=layer.outputs, groups=layer.groups,
        windows=layer.windows, uses=layer.uses, arrays_per_copy=layer.arrays_per_copy, copies=layer.copies,
        arrays=layer.arrays, slots=layer.slots, start_ns=ns(stage.first_issue),
        end_ns=ns(stage.first_image_end), busy_ns=busy, stall_ns=None if vector else stalls, macs=layer.macs,
    )  # fmt: skip


def _noc(chip: Chip) -> NocResult:
    if not isinstance(chip.fabric, Fabric):
        return NocResult()
    meshes = [adapter.model for adapter in chip.fabric.meshes]
    traffic = [model.traffic for model in meshes]
    messages = sum(t.messages for t in traffic)
    latency = sum(model.latency(*key) * count for model in meshes for key, count in model.traffic.sent.items())
    period = chip.clock.noc
    return NocResult(
        packets=sum(model.packets for model in meshes),
        flits=sum(model.flits for model in meshes),
        mean_latency_ns=chip.clock.ns(latency * period) / messages if messages else None,
        max_link_utilisation=max(model.busiest_link for model in meshes) * period / chip.elapsed,
        bytes_hops=sum(model.traffic.bytes_hops(model.mesh) for model in meshes),
    )


def to_result(chip: Chip, checks: dict[str, bool], bound: Estimate, notes: tuple[str, ...], cpu_s: float) -> Result:
    """Everything the run found out."""
    placement, clock = chip.placement, chip.clock
    done = [chip.output.image_done[image] for image in range(chip.images)]
    latency_ns = clock.ns(done[0])
    cycle_ns = float(placement.design.cycle_ns)
    interval = _interval(chip, done)
    graph, coverage = placement.graph, placement.graph.coverage
    from archsim import __version__

    return Result(
        model=ModelSummary(name=graph.name, macs=graph.macs, parameters=graph.parameters),
        mapping=summarise_mapping(placement.design, placement.chips),
        images=chip.images,
        ideal=chip.ideal,
        cycle_ns=cycle_ns,
        tick_ps=float(clock.tick_ns * 1000),
        latency_ns=latency_ns,
        latency_cycles=done[0] / clock.cycle,
        interval_ns=interval,
        interval_spread_ns=_spread(chip, done),
        interval_bound_ns=bound.interval_bound * cycle_ns,
        throughput_per_s=1e9 / interval if interval else None,
        arrays=array_counts(placement),
        chips=placement.chips,
        spill_bytes=placement.spill_bytes,
        layers=_layers(chip),
        noc=_noc(chip),
        coverage={
            "nodes": coverage.nodes,
            "timed": coverage.timed,
            "layout": coverage.layout,
            "folded": coverage.folded,
            "free": coverage.free,
        },
        checks=checks,
        notes=notes,
        events=chip.env.actions,
        cpu_s=cpu_s,
        version=__version__,
    )


def _interval(chip: Chip, done: list[int]) -> float | None:
    """`--ideal`: between the last two images; contended: the mean over images 1 to N-2 (None below 4 images)."""
    if chip.ideal:
        return chip.clock.ns(done[-1] - done[-2]) if chip.images > 1 else None
    if chip.images < 4:
        return None
    return chip.clock.ns(done[-2] - done[0]) / (chip.images - 2)


def _spread(chip: Chip, done: list[int]) -> float | None:
    """The largest less the smallest interval among images 1 to N-2."""
    if chip.ideal or chip.images < 4:
        return None
    intervals = [done[i] - done[i - 1] for i in range(1, chip.images - 1)]
    return chip.clock.ns(max(intervals) - min(intervals))
