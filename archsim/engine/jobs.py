"""Jobs that run by themselves, and what they come to together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archsim.engine.busiest import unit_uses
from archsim.engine.checks import run_checks
from archsim.engine.counters import Counters, count, total
from archsim.engine.findings import StageTimes, Uses, levels_of, stage_times
from archsim.engine.stalled import explain
from archsim.mapping import Job, estimate

if TYPE_CHECKING:
    from archsim.engine.chip import Chip
    from archsim.noc import ContendedModel, NetworkModel


@dataclass(frozen=True, slots=True)
class JobRun:
    """What one run of a job found out; `took` is in ticks from its begin to its last result, or the
    last window that no result needs."""

    took: int
    counters: Counters
    times: StageTimes
    checks: dict[str, bool]
    uses: Uses
    events: int
    levels: frozenset[str]
    mesh: NetworkModel | ContendedModel | None

    def counting(self, more: Mapping[Any, int]) -> JobRun:
        """With more counted."""
        return replace(self, counters=self.counters.plus(Counters(Counter(more))))


def run_job(job: Job, chip: Chip) -> JobRun:
    """Runs a job on a machine of its own."""
    chip.run()
    if chip.output.missing:
        raise explain(chip)
    (stage,) = chip.stages
    meshes = chip.fabric.meshes
    return JobRun(
        took=max(chip.output.image_done[0], stage.first_image_end),
        counters=count(chip, (job.stage if job.kind == "forward" else (job.stage, job.kind),)),
        times=stage_times(stage),
        checks=run_checks(chip, count(chip), 1, estimate(job.placement)),
        uses=unit_uses(chip),
        events=chip.env.actions,
        levels=levels_of(chip),
        mesh=meshes[0].model if meshes else None,
    )


class Totals:
    """Adds up what runs of jobs found; every different run is simulated, and counted in `events`, once."""

    def __init__(self) -> None:
        self._runs: dict[int, tuple[JobRun, int]] = {}
        self.events = 0
        self.checks: dict[str, bool] = {}
        self.levels: frozenset[str] = frozenset()
        self.mesh: NetworkModel | ContendedModel | None = None

    def simulated(self, run: JobRun) -> None:
        """A run that was simulated."""
        self.events += run.events
        self.checks = {name: held and self.checks.get(name, True) for name, held in run.checks.items()}
        self.levels |= run.levels
        self.mesh = run.mesh

    def add(self, run: JobRun, times: int = 1) -> None:
        """A run that took place so many times."""
        self._runs[id(run)] = (run, self._runs.get(id(run), (run, 0))[1] + times)

    @property
    def counters(self) -> Counters:
        """What all of them counted."""
        return total((run.counters, times) for run, times in self._runs.values())

    def over(self, elapsed: int) -> Uses:
        """For how long each unit worked, of `elapsed` ticks."""
        worked: Counter[tuple[str, str]] = Counter()
        for run, times in self._runs.values():
            for where, (busy, _) in run.uses.items():
                worked[where] += times * busy
        return {where: (busy, elapsed) for where, busy in worked.items()}

    def within(self, elapsed: int) -> bool:
        """Whether no unit worked for longer than `elapsed` ticks."""
        return all(busy <= elapsed for busy, _ in self.over(elapsed).values())
