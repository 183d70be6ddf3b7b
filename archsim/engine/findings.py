"""What a schedule found out, whatever machines it ran: everything that a result is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from archsim.engine.clock import Clock
from archsim.engine.counters import Counters
from archsim.mapping import Placement

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.stage import StageUnit
    from archsim.noc import ContendedModel, NetworkModel

Uses = dict[tuple[str, str], tuple[int, int]]
"""For each unit, by its kind and where it is, the ticks for which it worked, and those that it was there for."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Ticks between images: None if a run has too few of them; the `spread` between the longest and the shortest,
    whether it is exact, and whether it is `sustained`: not, if some unit needs much longer for an image."""

    ticks: Fraction | None
    spread: Fraction | None
    exact: bool | None
    sustained: bool = True


@dataclass(frozen=True, slots=True)
class StageTimes:
    """When a stage's first window of the first image started and its last result ended, in ticks; `own_end` is when
    it ended if it need not have waited for what it is joined with."""

    start: int
    end: int
    own_end: int

    def later(self, ticks: int) -> StageTimes:
        """The same at another time."""
        return StageTimes(self.start + ticks, self.end + ticks, self.own_end + ticks)

    def through(self, other: StageTimes) -> StageTimes:
        """From the start of this to the end of another part of the stage."""
        return StageTimes(self.start, other.end, other.own_end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A finished run: `done` is when each image that was simulated was, `elapsed` when all were and every unit at
    rest, in ticks; `images` are those simulated and those that follow from them; `stages` by number."""

    placement: Placement
    clock: Clock
    ideal: bool
    images: int
    done: tuple[int, ...]
    elapsed: int
    interval: Interval
    bound_cycles: int
    counters: Counters
    stages: Mapping[int, StageTimes]
    mesh: NetworkModel | ContendedModel | None
    checks: Mapping[str, bool]
    uses: Uses
    events: int
    notes: tuple[str, ...] = ()
    logical_cycles: int | None = None
    levels: frozenset[str] = field(default_factory=frozenset)


def interval_of(done: Sequence[int], *, ideal: bool, even_is_exact: bool) -> Interval:
    """Ticks between images done: `ideal` those between the last two; else the mean over images 1 to N-2 (None below
    4 images), with the longest less the shortest of them, which is exact if all are even and that says so."""
    if ideal:
        return Interval(Fraction(done[-1] - done[-2]) if len(done) > 1 else None, None, None)
    if len(done) < 4:
        return Interval(None, None, None)
    each = [done[i] - done[i - 1] for i in range(1, len(done) - 1)]
    spread = Fraction(max(each) - min(each))
    return Interval(Fraction(sum(each), len(each)), spread, even_is_exact and not spread)


def stage_times(stage: StageUnit) -> StageTimes:
    """The times of a stage of a finished machine."""
    own = stage.first_image_own_end if stage.plan.stage.joins else stage.first_image_end
    return StageTimes(stage.first_issue, stage.first_image_end, own)


def levels_of(chip: Chip) -> frozenset[str]:
    """The levels at which a machine moves bytes that it counts."""
    levels = {"array_inputs", "handed_over"} | ({"buffer_writes"} if chip.design.tile.buffer_bytes else set())
    if not chip.ideal:
        levels |= {"noc", "partial_sums"} if chip.fabric.meshes else set()
        levels |= {"memory_reads", "memory_writes"} if chip.into.unit == "memory" else set()
        levels |= (
            {"offchip"} if chip.design.offchip and (chip.into.unit == "link" or chip.placement.chips > 1) else set()
        )
    return frozenset(levels)
