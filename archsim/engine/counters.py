"""What a run has counted so far, so that one part of a run can be added to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.engine.actions import of_stage, of_traffic
from archsim.noc import Traffic

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.engine.link import Link
    from archsim.engine.stage import StageUnit

Key = tuple[Hashable, ...]

_OF_MESHES = ("sent", "broadcasts", "trees", "latencies")
"""What counters hold of `Traffic`."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Whole numbers by what they count:

    `("busy", stage)` and `("stall", stage, cause)`, ticks on the home arrays of a stage, for all that use them;
    `("sfu", layer)`, ticks of the digital units for a vector layer; `("macs",)`; `("sent", mesh, source, destination,
    bytes)`, messages; `("broadcasts", mesh, bytes)`, `("trees", mesh, source, destinations, bytes)` and `("latencies",
    mesh, cycles)`, see `Traffic`; `("moved", level)`, bytes; `("conversions",)`; `("action", row, name)`, what takes
    energy; `("sending", mesh, row, source, destinations, bytes)`, messages by who sends them.
    """

    of: Counter[Key]

    def __getitem__(self, key: Key) -> int:
        return self.of[key]

    def plus(self, other: Counters, times: int = 1) -> Counters:
        """With another count, `times` times over."""
        return total([(self, 1), (other, times)])

    def stalls(self, stage: int) -> dict[Hashable, int]:
        """The ticks of a stage's stalls, by cause."""
        return {key[2]: ticks for key, ticks in self.of.items() if key[:2] == ("stall", stage)}

    def traffic(self) -> dict[int, Traffic]:
        """What each mesh has carried."""
        meshes: dict[int, Traffic] = {}
        for key, number in self.of.items():
            if key[0] in _OF_MESHES:
                traffic = meshes.setdefault(key[1], Traffic())  # type: ignore[arg-type]
                getattr(traffic, str(key[0]))[key[2:] if len(key) > 3 else key[2]] = number
        return meshes


NOTHING = Counters(Counter())


def total(counts: Iterable[tuple[Counters, int]]) -> Counters:
    """Counts, each so many times over, in one."""
    of: Counter[Key] = Counter()
    for each, times in counts:
        for key, number in each.of.items():
            of[key] += times * number
    return Counters(of)


def count(chip: Chip, names: tuple[Hashable, ...] | None = None) -> Counters:
    """The counters of a chip at this moment; `names` are the numbers to give its stages."""
    of: Counter[Key] = Counter()
    written: Counter[int] = Counter()
    for (index, _, _), port in chip.ports.items():
        written[index] += port.written_bytes
    rows = {stage.index: stage.index if names is None else names[stage.index] for stage in chip.stages}
    for stage in chip.stages:
        of.update(_of_stage(stage, rows[stage.index]))
        of.update(of_stage(stage, rows[stage.index], written[stage.index]))
    if names is not None:  # What a job reads from memory belongs to its layer.
        rows |= {source.index: names[0] for source in chip.placement.stages.inputs}
    of.update(of_traffic(chip, rows))
    of["moved", "buffer_writes"] = written.total()
    for mesh, adapter in enumerate(chip.fabric.meshes):
        _carried(of, mesh, adapter.model.traffic)
    for link in chip.links():
        of["moved", _level(chip, link)] += link.sent_bytes
    return Counters(of)


def _of_stage(stage: StageUnit, number: Hashable) -> Counter[Key]:
    of: Counter[Key] = Counter()
    plan, chip, windows = stage.plan, stage.chip, sum(seen[0] for seen in stage.seen)
    for copy in stage.copies:
        home = copy.units[-1]
        if plan.owner is None:
            of["busy", number] += home.arrays.busy
            for cause, ticks in home.arrays.stalls.items():
                of["stall", number, cause] += ticks
        of["moved", "partial_sums"] += copy.jobs * sum(unit.partial_bytes for unit in copy.units[:-1])
        for unit in copy.units:
            of["moved", "array_inputs"] += unit.fetched_bytes
            of["moved", "handed_over"] += copy.jobs * unit.window_bytes - unit.fetched_bytes
    if plan.stage.matrix is not None and plan.tiling is not None:
        rounds = len(plan.stage.recurrent.rounds) if plan.stage.recurrent else 1
        of["macs",] += windows * plan.stage.matrix.rows * plan.stage.matrix.outputs // rounds
        of["conversions",] += windows * plan.tiling.converted * (chip.design.conversions(plan.tiling.rows) or 0)
    for layer in plan.stage.vector_layers:
        of["sfu", layer.name] += windows * sum(ticks for _, ticks in chip.limits.visits([layer], plan)[0])
    return of


def _carried(of: Counter[Key], mesh: int, traffic: Traffic) -> None:
    for size, number in traffic.broadcasts.items():
        of["broadcasts", mesh, size] = number
    for tree, number in traffic.trees.items():
        of["trees", mesh, *tree] = number
    for cycles, number in traffic.latencies.items():
        of["latencies", mesh, cycles] = number
    for route, number in traffic.sent.items():
        of["sent", mesh, *route] = number
        of["moved", "noc"] += number * route[-1]


def _level(chip: Chip, link: Link) -> str:
    if link.unit != "memory":
        return "offchip"
    return "memory_reads" if link is chip.into else "memory_writes"
