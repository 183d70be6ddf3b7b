"""All layers are resident, and windows flow from layer to layer as soon as what they need is there."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from archsim.engine.busiest import unit_uses
from archsim.engine.checks import run_checks
from archsim.engine.chip import Chip
from archsim.engine.counters import count
from archsim.engine.findings import Findings, Interval, interval_of, levels_of, stage_times
from archsim.engine.schedules.registry import SCHEDULES, Run
from archsim.engine.stalled import explain
from archsim.mapping import Placement, lower_bound

# A mean over few images may be shorter than what the busiest unit needs by so much: how full it was changes.
_LEAST_SHARE = Fraction(9, 10)


@SCHEDULES.register("pipelined")
def pipelined(run: Run) -> Findings:
    """The host sends image after image, and every copy takes its windows as they come (ISAAC, ISCA 2016)."""
    chip = Chip(run.placement, run.images, run.ideal, run.observers, run.progress)
    chip.run()
    if chip.output.missing:
        raise explain(chip)
    done = tuple(chip.output.image_done[image] for image in range(chip.images))
    counters, elapsed, images = count(chip), chip.elapsed, chip.images + chip.steady.skipped
    if chip.steady.period is not None:
        counters = counters.plus(chip.steady.counted, chip.steady.skipped)
        elapsed += chip.steady.skipped * chip.steady.period
    bound = lower_bound(run.placement, chip.images)
    checks = run_checks(chip, counters, images, bound)
    checks["macs"] &= counters["macs",] == run.placement.graph.macs * images
    skipped, worked = chip.steady.skipped, chip.steady.worked
    uses = {unit: (busy + skipped * worked.get(unit, 0), elapsed) for unit, (busy, _) in unit_uses(chip).items()}
    meshes = chip.fabric.meshes
    shared = (busy for (unit, _), (busy, _) in uses.items() if unit != "arrays")
    busiest = Fraction(max(shared, default=0), images)
    least = max(busiest, Fraction(bound.interval_bound * chip.clock.cycle))
    interval = _interval(chip, done)
    if interval.ticks is not None and not run.ideal:
        interval = replace(interval, sustained=interval.ticks >= _LEAST_SHARE * least)
    return Findings(
        placement=run.placement,
        clock=chip.clock,
        ideal=run.ideal,
        images=images,
        done=done,
        elapsed=elapsed,
        interval=interval,
        bound_cycles=bound.interval_bound,
        counters=counters,
        stages={stage.index: stage_times(stage) for stage in chip.stages},
        mesh=meshes[0].model if meshes else None,
        checks=checks,
        uses=uses,
        events=chip.env.actions,
        notes=(*_spread(run.placement), *_uneven(chip), *_repeats(chip), *_backlog(interval, images)),
        levels=levels_of(chip),
    )


def _interval(chip: Chip, done: tuple[int, ...]) -> Interval:
    """The period of a run that repeats itself, or what its images tell."""
    if chip.steady.period is not None:
        return Interval(Fraction(chip.steady.period), Fraction(0), exact=True)
    return interval_of(done, ideal=chip.ideal, even_is_exact=False)


def _backlog(interval: Interval, images: int) -> list[str]:
    """What became of an interval that cannot last."""
    if interval.sustained:
        return []
    note = (
        f"the {images} images of this run left it closer together than its busiest unit can serve them, before which"
        " they had piled up: that interval does not last; take more images"
    )
    return [note]


def _repeats(chip: Chip) -> list[str]:
    """What the images that were not simulated follow from."""
    if not chip.steady.skipped:
        return []
    note = (
        f"the state repeated when an image began: {chip.images} images were simulated, every window by itself,"
        f" and {chip.steady.skipped} more follow from them exactly"
    )
    return [note]


def _spread(placement: Placement) -> tuple[str, ...]:
    """Where a stage was divided to find room."""
    if not placement.spread:
        return ()
    names = ", ".join(placement.spread)
    return (f"divided over more copies than asked for, since no tile's buffer holds their part of a map else: {names}",)


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
