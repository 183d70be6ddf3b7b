"""From the counters of a finished run to a Result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from archsim import __version__
from archsim.engine.busiest import busiest_units
from archsim.engine.checks import run_checks
from archsim.engine.counters import Counters, count
from archsim.engine.part import CAUSES
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


def _layers(chip: Chip, counters: Counters) -> tuple[LayerResult, ...]:
    planned = planned_layers(chip.placement)
    timed = {}
    for stage in chip.stages:
        for layer in (stage.plan.stage.layer, *stage.plan.stage.vector_layers):
            vector = isinstance(layer, VectorLayer)
            timed[layer.name] = _timed(chip, counters, stage, planned[layer.name], vector)
    return tuple(timed[name] for name in planned)


def _timed(chip: Chip, counters: Counters, stage: StageUnit, layer: LayerResult, vector: bool) -> LayerResult:
    """The planned layer with its times, summed over the home tiles of its copies; a vector layer is busy for as
    long as its lanes are. What a join waits for is not part of the matrix layer that hosts it."""
    ns = chip.clock.ns
    stalls = {cause: ns(counters.stalls[stage.index][cause]) if cause in CAUSES else None for cause in STALL_CAUSES}
    busy = ns(counters.busy[stage.index])
    end = stage.first_image_end
    if stage.plan.stage.joins and not vector:
        end = stage.first_image_own_end
    if vector:
        one = chip.limits.sfu_ticks([x for x in stage.plan.stage.vector_layers if x.name == layer.name], stage.plan)
        busy = ns(one * counters.windows[stage.index])
    return replace(
        layer,
        start_ns=ns(stage.first_issue),
        end_ns=ns(end),
        busy_ns=busy,
        stall_ns=None if vector else stalls,
    )


def _noc(chip: Chip, counters: Counters, elapsed: int) -> NocResult:
    if not chip.fabric.meshes:
        return NocResult()
    loads = [adapter.model.load(sent) for adapter, sent in zip(chip.fabric.meshes, counters.sent, strict=True)]
    messages = sum(load.messages for load in loads)
    period = chip.clock.noc
    return NocResult(
        packets=sum(load.packets for load in loads),
        flits=sum(load.flits for load in loads),
        mean_latency_ns=chip.clock.ns(sum(load.latency_cycles for load in loads) * period) / messages
        if messages
        else None,
        max_link_utilisation=max(load.busiest_link_flits for load in loads) * period / elapsed,
        bytes_hops=sum(load.bytes_hops for load in loads),
    )


def to_result(chip: Chip, bound: Estimate, cpu_s: float) -> Result:
    """Everything the run found out."""
    placement, clock, steady = chip.placement, chip.clock, chip.steady
    done = [chip.output.image_done[image] for image in range(chip.images)]
    counters, elapsed, images = count(chip), chip.elapsed, chip.images + steady.skipped
    if steady.period is not None and steady.earlier is not None and steady.later is not None:
        counters = counters.plus(steady.earlier, steady.later, steady.skipped)
        elapsed += steady.skipped * steady.period
    checks = run_checks(chip, counters, images, bound)
    latency_ns = clock.ns(done[0])
    cycle_ns = float(placement.design.cycle_ns)
    interval = _interval(chip, done)
    noc = _noc(chip, counters, elapsed)
    graph, coverage = placement.graph, placement.graph.coverage
    return Result(
        model=ModelSummary(name=graph.name, macs=graph.macs, parameters=graph.parameters),
        mapping=summarise_mapping(placement.design, placement.chips),
        images=images,
        ideal=chip.ideal,
        cycle_ns=cycle_ns,
        tick_ps=float(clock.tick_ns * 1000),
        latency_ns=latency_ns,
        latency_cycles=done[0] / clock.cycle,
        interval_ns=interval,
        interval_spread_ns=_spread(chip, done),
        interval_exact=_exact(chip, images),
        interval_bound_ns=bound.interval_bound * cycle_ns,
        throughput_per_s=1e9 / interval if interval else None,
        arrays=array_counts(placement),
        chips=placement.chips,
        spill_bytes=placement.spill_bytes,
        layers=_layers(chip, counters),
        noc=noc,
        coverage={
            "nodes": coverage.nodes,
            "timed": coverage.timed,
            "layout": coverage.layout,
            "folded": coverage.folded,
            "free": coverage.free,
        },
        checks=checks,
        busiest=busiest_units(chip),
        notes=_notes(chip, noc),
        events=chip.env.actions,
        cpu_s=cpu_s,
        version=__version__,
    )


def _interval(chip: Chip, done: list[int]) -> float | None:
    """`--ideal`: between the last two images; contended: the period of a run that repeats itself, or the mean over
    images 1 to N-2 (None below 4 images)."""
    if chip.ideal:
        return chip.clock.ns(done[-1] - done[-2]) if chip.images > 1 else None
    if chip.steady.period is not None:
        return chip.clock.ns(chip.steady.period)
    if chip.images < 4:
        return None
    return chip.clock.ns(done[-2] - done[0]) / (chip.images - 2)


def _spread(chip: Chip, done: list[int]) -> float | None:
    """The largest less the smallest interval among images 1 to N-2."""
    if chip.ideal or chip.images < 4:
        return None
    intervals = [done[i] - done[i - 1] for i in range(1, chip.images - 1)]
    return 0.0 if chip.steady.period is not None else chip.clock.ns(max(intervals) - min(intervals))


def _exact(chip: Chip, images: int) -> bool | None:
    """Whether the interval is the period of a run that was seen to repeat itself."""
    return None if chip.ideal or images < 4 else chip.steady.period is not None


def _notes(chip: Chip, noc: NocResult) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    notes = [*_uneven(chip)]
    if chip.steady.skipped:
        notes.append(
            f"the state repeated when an image began: {chip.images} images were simulated, every window by itself,"
            f" and {chip.steady.skipped} more follow from them exactly"
        )
    design = chip.design
    if design.noc is not None and noc.max_link_utilisation is not None and noc.max_link_utilisation > 1:
        notes.append(
            f"noc.model {design.noc.model} makes no message wait, but the busiest link is asked for"
            f" {noc.max_link_utilisation:.2f} times what it can carry, each value sent to each tile by itself"
        )
    return tuple(notes)


def _uneven(chip: Chip) -> list[str]:
    """The layer that sets the pace, if its windows are unevenly divided among its copies."""
    plan = max(chip.placement.plans, key=lambda plan: plan.slots * plan.read_cycles)
    even = -(-plan.stage.windows // plan.assignment.copies)
    if plan.slots == even or plan.tiling is None:
        return []
    note = (
        f"copies.assignment {chip.design.copies.assignment} gives the busiest copy of {plan.stage.name} {plan.slots}"
        f" windows an image; divided evenly over {plan.assignment.copies} copies it would have {even} (round_robin)"
    )
    return [note]
