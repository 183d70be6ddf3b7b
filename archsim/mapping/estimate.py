"""The timing recurrence without contention, vectorised: what `map` prints, and a lower bound of every run.

`start = max(dep, free[copy])` (round robin: also no earlier than the window before), `free = start + S`,
`done = start + S + latency`; see the timing contract in the documentation. Where arrays of a copy stand behind the
same converters, S is so many times as long.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from archsim.mapping.needs import Integers
from archsim.mapping.placement import Placement, StagePlan, slots_of
from archsim.mapping.sharing import Sharing
from archsim.mapping.stages import StageInput
from archsim.mapping.together import Together


@dataclass(frozen=True, slots=True)
class Estimate:
    """Read cycles: when each image is done, when each stage starts and ends in the first image, the fewest cycles
    between images, and for each image and vector stage when its windows are ready."""

    image_done: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    interval_bound: int
    vector_ready: tuple[dict[int, Integers], ...]

    @property
    def latency_cycles(self) -> int:
        """When the first image is done."""
        return self.image_done[0]


@dataclass(slots=True)
class _Carried:
    """What one image leaves to the next: when each copy is free, and the last start."""

    free: Integers
    last_start: int = 0


def estimate(placement: Placement, images: int = 1) -> Estimate:
    """Runs the recurrence for `images` images that are all present at time 0."""
    if any(plan.owner is not None for plan in placement.plans):
        return _together(placement, images)
    return lower_bound(placement, images)


def _together(placement: Placement, images: int) -> Estimate:
    """Layers that use the same arrays delay each other."""
    design, plans = placement.design, placement.plans
    reads = [reads_of(plan, placement.sharing) for plan in plans]
    latency, room = design.pipeline.latency_cycles, design.pe.input_windows
    run = Together(plans, reads, latency, images, room)
    run.run()
    outputs = [item for item in placement.stages.outputs if item.source >= 0]
    return Estimate(
        tuple(max((int(o.need.latest_all(done[o.source]).max()) for o in outputs), default=0) for done in run.done),
        tuple(int(start.min()) for start in run.starts[0]),
        tuple(int(finished.max()) for finished in run.finished[0]),
        interval_bound(placement),
        tuple({p.stage.index: starts[p.stage.index] for p in plans if p.tiling is None} for starts in run.starts),
    )


def lower_bound(placement: Placement, images: int = 1) -> Estimate:
    """The recurrence as if no layer delayed another that uses the same arrays. With all images present at time 0 those
    delay each other more than where they come one by one, so that a run with contention may be faster than `estimate`;
    it is never faster than this."""
    if placement.jobs:
        return _in_lockstep(placement, images) if placement.lockstep else _in_turn(placement, images)
    carried = [_Carried(np.zeros(plan.assignment.copies, np.int64)) for plan in placement.plans]
    latency = placement.design.pipeline.latency_cycles
    starts: list[int] = []
    ends: list[int] = []
    image_done = []
    vector_ready: list[dict[int, Integers]] = []
    for image in range(images):
        done: dict[int, Integers] = {s.index: np.zeros(s.grid.size, np.int64) for s in placement.stages.inputs}
        vector_ready.append({})
        for plan, carry in zip(placement.plans, carried, strict=True):
            start, finished, joined = _stage(plan, reads_of(plan, placement.sharing), carry, image, done, latency)
            pool = plan.stage.pool_need
            done[plan.stage.index] = joined if pool is None else pool.latest_all(joined)
            if plan.tiling is None:
                vector_ready[image][plan.stage.index] = start
            if image == 0:
                starts.append(int(start.min()))
                ends.append(int(finished.max()))
        image_done.append(
            max((int(item.need.latest_all(done[item.source]).max()) for item in placement.stages.outputs), default=0)
        )
    return Estimate(tuple(image_done), tuple(starts), tuple(ends), interval_bound(placement), tuple(vector_ready))


def _in_turn(placement: Placement, images: int) -> Estimate:
    """Jobs one after the other; weights are written in no time."""
    each = [_whole(estimate(job.placement)) for job in placement.jobs]
    ends, total = np.cumsum(each).tolist(), sum(each)
    done = tuple(total * (image + 1) for image in range(images))
    one_by_one = zip(placement.jobs, each, ends, strict=True)
    return _estimate(done, total, [(job.stage, end - took, end) for job, took, end in one_by_one])


def _in_lockstep(placement: Placement, images: int) -> Estimate:
    """All jobs in each logical cycle, which is as long as the longest place takes."""
    each = [_whole(estimate(job.placement)) for job in placement.jobs]
    forward: Counter[int] = Counter()
    spans = []
    for job, took in zip(placement.jobs, each, strict=True):
        if job.kind == "forward":
            begin = forward[job.cycle]
            forward[job.cycle] += took
            spans.append((job, begin, begin + took))
    cycle = max(*each, *forward.values())
    moved = [(job.stage, job.cycle * cycle + begin, job.cycle * cycle + end) for job, begin, end in spans]
    done = tuple(cycle * lockstep_cycles(placement, image) for image in range(images))
    least = 1 if placement.design.schedule.overlap else placement.logical_places
    return _estimate(done, cycle * least, moved)


def _whole(one: Estimate) -> int:
    """When a job is done: with its results, and with windows that no result needs."""
    return max(one.latency_cycles, *one.ends)


def lockstep_cycles(placement: Placement, image: int) -> int:
    """Logical cycles until an image is through (PipeLayer, HPCA 2017): images follow each other a cycle apart, or one
    when the one before is through; a batch begins when the one before is through and its update done."""
    places, overlap, training = placement.logical_places, placement.design.schedule.overlap, placement.training
    batch, number = divmod(image, training.batch) if training else (0, image)
    size = training.batch if training else 1
    whole = (places + size - 1 if overlap else places * size) + 1
    return batch * whole + (places + number if overlap else places * (number + 1))


def _estimate(done: tuple[int, ...], interval: int, spans: list[tuple[int, int, int]]) -> Estimate:
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for stage, start, end in spans:
        starts.setdefault(stage, start)
        ends[stage] = end
    return Estimate(done, tuple(starts.values()), tuple(ends.values()), interval, ())


def interval_bound(placement: Placement) -> int:
    """Read cycles between two images that no run can beat: what the busiest layer's copies all have to do."""
    latency = placement.design.pipeline.latency_cycles
    alone = (_busy(plan, reads_of(plan, placement.sharing), latency) for plan in placement.plans)
    together = (
        slots_of(placement.users(plan.owner)) * reads_of(plan, placement.sharing)
        for plan in placement.plans
        if plan.owner is not None and not plan.assignment.rotation
    )
    return max(*alone, *together, 0)


def reads_of(plan: StagePlan, sharing: Sharing) -> int:
    """Read cycles of a window on the copy that has the fewest: S, times the arrays behind one set of converters."""
    if not sharing.shared:
        return plan.read_cycles
    return plan.read_cycles * min(
        max(sharing.turns(part.slot, part.arrays) for part in copy.parts) for copy in plan.copies
    )


def _busy(plan: StagePlan, reads: int, latency: int) -> int:
    """Read cycles for which a layer is busy with an image; one copy of a recurrent layer is so while it waits for
    its own results, too."""
    recurrent = plan.stage.recurrent
    if recurrent is not None and plan.assignment.copies == 1:
        steps = plan.stage.windows // recurrent.batch
        return (steps - 1) * max(reads + latency, recurrent.batch * reads) + recurrent.batch * reads
    if plan.assignment.rotation:
        return plan.stage.windows // plan.assignment.copies * reads
    return max(len(copy.windows) for copy in plan.copies) * reads


def _latest(items: tuple[StageInput, ...], done: dict[int, Integers], windows: int) -> Integers:
    latest = np.zeros(windows, np.int64)
    for item in items:
        np.maximum(latest, item.need.latest_all(done[item.source]), out=latest)
    return latest


def _stage(
    plan: StagePlan, reads: int, carry: _Carried, image: int, done: dict[int, Integers], latency: int
) -> tuple[Integers, Integers, Integers]:
    """Start of each window of one image, when it is done, and when it is with what it is joined with."""
    stage = plan.stage
    if stage.recurrent is not None:
        return _recurrent(plan, reads, carry, image, done, latency)
    dep = _latest(stage.inputs, done, stage.windows)
    if plan.tiling is None:
        return dep, dep, np.maximum(dep, _latest(stage.joins, done, stage.windows))
    in_order = plan.assignment.in_order
    start = _in_order(dep, plan, reads, carry, image) if in_order else _by_copy(dep, plan, reads, carry)
    finished = start + (reads + latency)
    return start, finished, np.maximum(finished, _latest(stage.joins, done, stage.windows))


def _recurrent(
    plan: StagePlan, reads: int, carry: _Carried, image: int, done: dict[int, Integers], latency: int
) -> tuple[Integers, Integers, Integers]:
    """Step by step: a window waits for the one that leaves its state, too."""
    stage, assignment = plan.stage, plan.assignment
    others = tuple(item for item in stage.inputs if item.source != stage.index)
    start = _latest(others, done, stage.windows)
    joins = _latest(stage.joins, done, stage.windows)
    finished, joined = np.zeros_like(start), np.zeros_like(start)
    copy_of = (assignment.copy_of + image * assignment.rotation) % assignment.copies
    before = stage.recurrent.batch if stage.recurrent else 0
    for window, copy in enumerate(copy_of.tolist()):
        state = joined[window - before] if window >= before else 0
        start[window] = max(start[window], state, carry.free[copy], carry.last_start if assignment.in_order else 0)
        carry.last_start = int(start[window])
        carry.free[copy] = start[window] + reads
        finished[window] = start[window] + reads + latency
        joined[window] = max(finished[window], joins[window])
    return start, finished, joined


def _in_order(dep: Integers, plan: StagePlan, reads: int, carry: _Carried, image: int) -> Integers:
    """Round robin: rows of R windows; within a row a running maximum, from row to row S more on each copy."""
    copies = plan.assignment.copies
    first = image * plan.assignment.rotation % copies
    order = (first + np.arange(copies)) % copies
    turns = -(-len(dep) // copies)
    padded = np.full(turns * copies, -1, np.int64)
    padded[: len(dep)] = dep
    shifted = padded.reshape(turns, copies) - reads * np.arange(turns)[:, None]
    shifted[0] = np.maximum(np.maximum(shifted[0], carry.free[order]), carry.last_start)
    start = np.maximum.accumulate(np.maximum.accumulate(shifted, axis=1), axis=0)
    start[1:] = np.maximum(start[1:], start[:-1, -1:] - reads)
    start = (start + reads * np.arange(turns)[:, None]).reshape(-1)[: len(dep)]
    carry.last_start = int(start[-1])
    for position in range(min(copies, len(dep))):
        carry.free[order[position]] = start[position::copies][-1] + reads
    return start


def _by_copy(dep: Integers, plan: StagePlan, reads: int, carry: _Carried) -> Integers:
    """Each copy runs its windows in raster order, whatever the others do."""
    start = np.empty_like(dep)
    for copy in plan.copies:
        turns = reads * np.arange(len(copy.windows))
        mine = np.maximum(dep[copy.windows] - turns, carry.free[copy.index])
        mine = np.maximum.accumulate(mine) + turns
        start[copy.windows] = mine
        if len(mine):
            carry.free[copy.index] = mine[-1] + reads
    return start
