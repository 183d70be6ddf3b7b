"""One layer at a time over the whole chip, from memory to memory (AtomLayer, DAC 2018)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from archsim.engine.chip import Chip
from archsim.engine.clock import Clock
from archsim.engine.counters import Counters
from archsim.engine.findings import Findings, StageTimes, interval_of
from archsim.engine.jobs import JobRun, Totals, run_job
from archsim.engine.later import Later
from archsim.engine.schedules.registry import SCHEDULES, Run
from archsim.engine.writer import Ahead, Writer, array_bytes
from archsim.mapping import Job, estimate


@dataclass(frozen=True, slots=True)
class _Ran:
    """A job that ran after it had `waited` for weights; it `wrote` arrays, and those of `settling` were not done at its
    end. Of `most` that it might write meanwhile it wrote `meanwhile`."""

    run: JobRun
    waited: int
    wrote: int
    settling: tuple[int, ...]
    most: int
    meanwhile: int

    def holds(self, most: int) -> bool:
        """Whether the job goes the same way if it may write `most`."""
        return most == self.most or self.meanwhile < min(self.most, most)


@SCHEDULES.register("layer_serial")
def layer_serial(run: Run) -> Findings:
    """Runs the jobs of each image one after the other. A job that is placed as one before it and begins as that did,
    with the same weights on their way, goes as that did and is not simulated again: there is nothing else that it
    depends on."""
    return _Serial(run).findings()


class _Serial:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._placement = run.placement
        self._known: dict[tuple[int, int, tuple[int, ...]], list[_Ran]] = {}
        self._unwritten = run.images * sum(job.loads for job in run.placement.jobs)
        self._now = 0
        self._totals = Totals()
        self._times: dict[int, StageTimes] = {}
        self._windows = 0

    def findings(self) -> Findings:
        """Runs everything."""
        placement, run, totals = self._placement, self._run, self._totals
        ahead, done = Ahead(), []
        for image in range(run.images):
            for job in placement.jobs:
                ahead = self._job(job, ahead, image)
            done.append(self._now)
        counters = totals.counters.plus(self._row_writes())
        self._check(counters)
        return Findings(
            placement=placement,
            clock=Clock(placement.design),
            ideal=run.ideal,
            images=run.images,
            done=tuple(done),
            elapsed=self._now,
            interval=interval_of(done, ideal=run.ideal, even_is_exact=True),
            bound_cycles=estimate(placement).interval_bound,
            counters=counters,
            stages=self._times,
            mesh=totals.mesh,
            checks=totals.checks,
            uses=totals.over(self._now),
            events=totals.events,
            notes=self._notes(),
            levels=totals.levels | {"weights"},
        )

    def _row_writes(self) -> Counters:
        """Rows written for each layer, whichever runs meanwhile."""
        rows: Counter[tuple[Hashable, ...]] = Counter()
        for job in self._placement.jobs:
            rows["action", job.stage, "row_writes"] += self._run.images * job.loads * self._placement.design.array.rows
        return Counters(rows)

    def _check(self, counters: Counters) -> None:
        """Over the whole run: all work of the network, the weights of every pass, no unit longer than the run."""
        totals, placement, images = self._totals, self._placement, self._run.images
        written = images * sum(job.loads for job in placement.jobs) * array_bytes(placement.design)
        totals.checks["macs"] &= counters["macs",] == placement.graph.macs * images
        totals.checks["bytes"] &= counters["moved", "weights"] == written
        totals.checks["time"] &= totals.within(self._now)

    def _job(self, job: Job, ahead: Ahead, image: int) -> Ahead:
        """Runs a job, or finds it known; answers what is written ahead then."""
        missing = max(job.loads - ahead.arrays, 0)
        hidden = self._placement.design.arrays_per_set > 1
        room = max(self._placement.staging_arrays - ahead.arrays - missing, 0) if hidden else 0
        ran = self._run_of(job, ahead, min(room, self._unwritten - missing), image)
        self._unwritten -= ran.wrote
        if image == 0:
            times = ran.run.times.later(self._now + ran.waited)
            self._times[job.stage] = self._times.get(job.stage, times).through(times)
        self._totals.add(ran.run)
        self._now += ran.waited + ran.run.took
        self._report(job)
        return Ahead(ahead.arrays + ran.wrote - job.loads, ran.settling)

    def _run_of(self, job: Job, ahead: Ahead, most: int, image: int) -> _Ran:
        """A run of a job that begins with what is ahead and may write `most` arrays meanwhile; observers see each."""
        like = self._known.setdefault((id(job.placement), ahead.arrays if job.loads else 0, ahead.settling), [])
        for ran in like:
            if ran.holds(most) and not self._run.observers:
                return ran
        like.append(self._simulate(job, ahead, most, image))
        self._totals.simulated(like[-1].run)
        return like[-1]

    def _simulate(self, job: Job, ahead: Ahead, most: int, image: int) -> _Ran:
        later = Later(self._run.observers, self._now, image)
        chip = Chip(job.placement, 1, self._run.ideal, (later,) if self._run.observers else ())
        writer = Writer(chip, ahead, most)
        waited = writer.wait_for(job.loads)
        later.ticks += waited
        needed = writer.written
        writer.begin()
        run, wrote = run_job(job, chip), writer.written
        more = {("moved", "weights"): wrote * array_bytes(chip.design), ("stall", job.stage, "memory"): waited}
        return _Ran(run.counting(more), waited, wrote, writer.settling(run.took), most, wrote - needed)

    def _report(self, job: Job) -> None:
        if self._run.progress is not None:
            self._windows += job.placement.plans[0].stage.windows
            total = sum(each.placement.plans[0].stage.windows for each in self._placement.jobs)
            self._run.progress(self._windows, total * self._run.images)

    def _notes(self) -> tuple[str, ...]:
        jobs, notes = self._placement.jobs, []
        simulated = sum(map(len, self._known.values()))
        if simulated < len(jobs) * self._run.images:
            notes.append(
                f"{simulated} layers and passes were simulated, every window by itself; the others begin in the same"
                " state as one of these and go the same way"
            )
        passes = Counter(job.stage for job in jobs if job.loads)
        names = {plan.stage.index: plan.stage.name for plan in self._placement.plans}
        notes += [f"the weights of {names[stage]} are written in {number} passes" for stage, number in passes.items()]
        return tuple(notes)
