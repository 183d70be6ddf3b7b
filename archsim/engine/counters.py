"""What a run has counted so far, so that one part of a run can be added to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Counters:
    """Ticks of reads (`busy`) and of stalls by cause on the home arrays of each stage, windows run by each stage,
    and messages on each mesh by (source, destination, bytes)."""

    busy: tuple[int, ...]
    stalls: tuple[Counter[str], ...]
    windows: tuple[int, ...]
    sent: tuple[Counter[tuple[int, int, int]], ...]

    def plus(self, earlier: Counters, later: Counters, times: int) -> Counters:
        """With what was counted from `earlier` to `later`, `times` times over."""
        return Counters(
            tuple(a + times * (c - b) for a, b, c in zip(self.busy, earlier.busy, later.busy, strict=True)),
            tuple(_plus(a, b, c, times) for a, b, c in zip(self.stalls, earlier.stalls, later.stalls, strict=True)),
            tuple(a + times * (c - b) for a, b, c in zip(self.windows, earlier.windows, later.windows, strict=True)),
            tuple(_plus(a, b, c, times) for a, b, c in zip(self.sent, earlier.sent, later.sent, strict=True)),
        )


def _plus(total: Counter[Key], earlier: Counter[Key], later: Counter[Key], times: int) -> Counter[Key]:
    return Counter({key: total[key] + times * (later[key] - earlier[key]) for key in total | later})


def count(chip: Chip) -> Counters:
    """The counters of a chip at this moment."""
    homes = [[copy.units[-1] for copy in stage.copies] for stage in chip.stages]
    stalls = []
    for units in homes:
        total: Counter[str] = Counter()
        for unit in units:
            total.update(unit.stalls)
        stalls.append(total)
    return Counters(
        busy=tuple(sum(unit.busy for unit in units) for units in homes),
        stalls=tuple(stalls),
        windows=tuple(sum(seen[0] for seen in stage.seen) for stage in chip.stages),
        sent=tuple(Counter(adapter.model.traffic.sent) for adapter in chip.fabric.meshes),
    )
