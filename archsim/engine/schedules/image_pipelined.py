"""All layers in lock-step, each on an image of its own (PipeLayer, HPCA 2017)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from fractions import Fraction

from archsim.engine.chip import Chip
from archsim.engine.clock import Clock
from archsim.engine.counters import Counters
from archsim.engine.findings import Findings, Interval, interval_of
from archsim.engine.jobs import JobRun, Totals, run_job
from archsim.engine.later import Later
from archsim.engine.schedules.lockstep import Lockstep
from archsim.engine.schedules.registry import SCHEDULES, Run
from archsim.engine.writer import array_bytes, write_ticks
from archsim.mapping import Job, Placement, estimate


@SCHEDULES.register("image_pipelined")
def image_pipelined(run: Run) -> Findings:
    """Simulates each layer's work on one image, every window of it, and lets the images follow each other through the
    layers. A logical cycle is as long as the longest of these takes, or as what all of them ask of a unit that they
    share; an update is as long as it takes to write all rows.

    Images are alike in what takes time, so that a layer's work is simulated once for all of them.
    """
    placement, totals = run.placement, Totals()
    runs = []
    for number, job in enumerate(placement.jobs):
        runs.append(_on_its_units(job, run_job(job, Chip(job.placement, 1, run.ideal))))
        totals.simulated(runs[-1])
        totals.add(runs[-1], run.images)
        if run.progress is not None:
            run.progress(number + 1, len(placement.jobs))
    lockstep, done = _lockstep(run, _longest(placement, runs)), []
    lockstep.run(lambda _image, time: done.append(time))
    begun = _begin(placement, runs, lockstep.ticks)
    for job, _, ticks in begun if run.observers else ():
        run_job(job, Chip(job.placement, 1, run.ideal, (Later(run.observers, ticks),)))
    counters = totals.counters.plus(_written(placement, lockstep.updates))
    forward = sum(one.counters["macs",] for job, one in zip(placement.jobs, runs, strict=True) if job.kind == "forward")
    totals.checks["macs"] &= forward == placement.graph.macs
    totals.checks["time"] &= totals.within(lockstep.env.now)
    return Findings(
        placement=placement,
        clock=Clock(placement.design),
        ideal=run.ideal,
        images=run.images,
        done=tuple(done),
        elapsed=lockstep.env.now,
        interval=_interval(run, done, lockstep.env.now),
        bound_cycles=estimate(placement).interval_bound,
        counters=counters,
        stages={job.stage: one.times.later(ticks) for job, one, ticks in begun},
        mesh=totals.mesh,
        checks=totals.checks,
        uses=totals.over(lockstep.env.now),
        events=totals.events + lockstep.env.actions,
        notes=_notes(run),
        logical_cycles=lockstep.cycles,
        levels=totals.levels | ({"weights"} if placement.training else set()),
    )


def _on_its_units(job: Job, run: JobRun) -> JobRun:
    """The run with names for the units that no other job uses: memory subarrays, and all units of a backward pass."""
    memory = job.placement.design.memory
    apart = memory is not None and memory.subarray_bytes is not None
    name = job.placement.plans[0].stage.name

    def own(unit: str, where: str) -> tuple[str, str]:
        alone = job.kind != "forward" or (unit == "memory" and apart)
        return (unit, f"{where} for {name}") if alone and unit != "arrays" else (unit, where)

    return replace(run, uses={own(*key): use for key, use in run.uses.items()})


def _interval(run: Run, done: list[int], elapsed: int) -> Interval:
    """In training the whole run divided by its images, since drains and updates come between batches."""
    if run.placement.training:
        return Interval(Fraction(elapsed, run.images), None, None)
    return interval_of(done, ideal=run.ideal, even_is_exact=True)


def _lockstep(run: Run, ticks: int) -> Lockstep:
    placement = run.placement
    clock, training = Clock(placement.design), placement.training
    return Lockstep(
        placement.logical_places,
        run.images,
        training.batch if training else None,
        overlap=placement.design.schedule.overlap,
        ticks=ticks,
        update_ticks=max(ticks, write_ticks(placement.design, clock, ideal=run.ideal)),
    )


def _longest(placement: Placement, runs: Sequence[JobRun]) -> int:
    """Ticks of the longest work of a place, layers of one logical cycle one after the other in a forward pass, error
    and gradient side by side in a backward pass; or of all the work of the busiest unit."""
    forward: Counter[int] = Counter()
    longest = 0
    for job, run in zip(placement.jobs, runs, strict=True):
        if job.kind == "forward":
            forward[job.cycle] += run.took
        else:
            longest = max(longest, run.took)
    shared: Counter[tuple[str, str]] = Counter()
    for run in runs:
        shared.update({where: busy for where, (busy, _) in run.uses.items()})
    return max(longest, *forward.values(), *shared.values())


def _begin(placement: Placement, runs: Sequence[JobRun], ticks: int) -> list[tuple[Job, JobRun, int]]:
    """The jobs of the first image's forward pass, and when they begin."""
    within: Counter[int] = Counter()
    begun = []
    for job, run in zip(placement.jobs, runs, strict=True):
        if job.kind == "forward":
            begun.append((job, run, job.cycle * ticks + within[job.cycle]))
            within[job.cycle] += run.took
    return begun


def _written(placement: Placement, updates: int) -> Counters:
    """Every copy of the weights, the transposed ones included, is written in each update."""
    arrays = placement.arrays_used + placement.arrays_of("error")
    written: Counter[tuple[Hashable, ...]] = Counter()
    written["moved", "weights"] = updates * arrays * array_bytes(placement.design)
    rows = updates * placement.design.array.rows
    for plan in placement.plans:
        written["action", plan.stage.index, "row_writes"] += rows * plan.arrays
    for job in placement.jobs:
        if job.kind == "error":
            written["action", job.stage, "row_writes"] += rows * job.placement.arrays_used
    return Counters(written)


def _notes(run: Run) -> tuple[str, ...]:
    placement, notes = run.placement, []
    if run.images > 1:
        notes.append(
            "the work of each layer was simulated once, every window by itself; that of the other images is the same"
        )
    if run.observers:
        notes.append("a trace of this run shows the forward pass of the first image alone")
    if placement.training:
        notes.append(
            f"training in batches of {placement.training.batch}: beside the arrays of the forward pass"
            f" {placement.arrays_of('error')} hold transposed copies and {placement.arrays_of('gradient')} activations"
        )
    return tuple(notes)
