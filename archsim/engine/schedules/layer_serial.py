"""One layer at a time over the whole chip, from memory to memory (AtomLayer, DAC 2018)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from archsim.engine.busiest import unit_uses
from archsim.engine.checks import run_checks
from archsim.engine.chip import Chip
from archsim.engine.clock import Clock
from archsim.engine.counters import NOTHING, Counters, count
from archsim.engine.findings import Findings, Interval, StageTimes, Uses, levels_of, stage_times
from archsim.engine.later import Later
from archsim.engine.schedules.registry import SCHEDULES, Run
from archsim.engine.stalled import explain
from archsim.engine.writer import Ahead, Writer, array_bytes, time_to_write
from archsim.mapping import Job, estimate
from archsim.noc import IdealMesh


@dataclass(frozen=True, slots=True)
class _Ran:
    """A job that ran: ticks it waited for weights and ticks it took then, what it left written ahead, and what it
    found."""

    waited: int
    took: int
    ahead: Ahead
    counters: Counters
    times: StageTimes
    checks: dict[str, bool]
    uses: Uses
    events: int
    levels: frozenset[str]
    mesh: IdealMesh | None


@SCHEDULES.register("layer_serial")
def layer_serial(run: Run) -> Findings:
    """Runs the jobs of each image one after the other. A job that begins as one of an earlier image did, with as many
    weights written ahead, goes as that did and is not simulated again: there is nothing else that it depends on."""
    return _Serial(run).findings()


class _Serial:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._placement = run.placement
        self._clock = Clock(run.placement.design)
        self._known: dict[tuple[int, Ahead, int], _Ran] = {}
        self._unwritten = run.images * sum(job.loads for job in run.placement.jobs)
        self._now = 0
        self._counters = NOTHING
        self._uses: Uses = {}
        self._events = 0
        self._times: dict[int, StageTimes] = {}
        self._windows_done = 0

    def findings(self) -> Findings:
        """Runs everything."""
        placement, run = self._placement, self._run
        ahead = Ahead()
        done = []
        for image in range(run.images):
            for number, job in enumerate(placement.jobs):
                ran = self._job(number, job, ahead)
                self._add(job, ran, first=image == 0)
                ahead = ran.ahead
            done.append(self._now)
        every = list(self._known.values())
        checks = {name: all(ran.checks[name] for ran in every) for name in every[0].checks}
        checks["macs"] &= self._counters["macs",] == placement.graph.macs * run.images
        return Findings(
            placement=placement,
            clock=self._clock,
            ideal=run.ideal,
            images=run.images,
            done=tuple(done),
            elapsed=self._now,
            interval=self._interval(done),
            bound_cycles=estimate(placement).interval_bound,
            counters=self._counters,
            stages=self._times,
            mesh=every[0].mesh,
            checks=checks,
            uses={where: (busy, self._now) for where, (busy, _) in self._uses.items()},
            events=self._events,
            notes=self._notes(),
            levels=frozenset().union(*(ran.levels for ran in every)),
        )

    def _job(self, number: int, job: Job, ahead: Ahead) -> _Ran:
        """Runs a job, or finds it known."""
        staging = self._placement.staging_arrays
        missing = max(job.loads - ahead.arrays, 0)
        room = max(staging - ahead.arrays - missing, 0) if self._placement.design.arrays_per_set > 1 else 0
        most = min(room, self._unwritten - missing)
        key = (number, ahead, most)
        if key not in self._known:
            self._known[key] = self._simulate(job, ahead, missing, most)
        self._unwritten -= self._known[key].counters["written",]
        return self._known[key]

    def _simulate(self, job: Job, ahead: Ahead, missing: int, most: int) -> _Ran:
        later = Later(self._run.observers, self._now)
        chip = Chip(job.placement, 1, self._run.ideal, (later,) if self._run.observers else ())
        waited = time_to_write(chip, job.loads, ahead) if job.loads else 0
        later.ticks += waited
        ready = Ahead(ahead.arrays + missing, 0 if job.loads else ahead.settles)
        writer = Writer(chip, ready, most)
        writer.begin()
        chip.run()
        if chip.output.missing:
            raise explain(chip)
        took = chip.output.image_done[0]
        bound, own = estimate(job.placement), count(chip, (job.stage,))
        checks = run_checks(chip, count(chip), 1, bound)
        written = missing + writer.written
        extra = {("written",): written, ("moved", "weights"): written * array_bytes(chip)}
        counters = own.plus(Counters(Counter(extra))).plus(Counters(Counter({("stall", job.stage, "memory"): waited})))
        (stage,) = chip.stages
        meshes = chip.fabric.meshes
        return _Ran(
            waited, took, writer.after(took, job.loads), counters, stage_times(stage), checks, unit_uses(chip),
            chip.env.actions, levels_of(chip) | self._weights, meshes[0].model if meshes else None,
        )  # fmt: skip

    @property
    def _weights(self) -> frozenset[str]:
        return frozenset({"weights"} if any(job.loads for job in self._placement.jobs) else ())

    def _add(self, job: Job, ran: _Ran, *, first: bool) -> None:
        """Takes a job into account that begins now."""
        begun = self._now + ran.waited
        if first:
            times = ran.times.later(begun)
            earlier = self._times.get(job.stage)
            self._times[job.stage] = earlier.through(times) if earlier else times
            self._events += ran.events
        self._counters = self._counters.plus(ran.counters)
        for where, (busy, time) in ran.uses.items():
            self._uses[where] = (self._uses.get(where, (0, 0))[0] + busy, time)
        self._now = begun + ran.took
        self._windows_done += ran.counters["windows", job.stage]
        if self._run.progress is not None:
            total = sum(plan.stage.windows for job in self._placement.jobs for plan in job.placement.plans)
            self._run.progress(self._windows_done, total * self._run.images)

    def _interval(self, done: list[int]) -> Interval:
        """Images follow each other: `--ideal` between the last two, contended the mean over images 1 to N-2."""
        if self._run.ideal:
            return Interval(Fraction(done[-1] - done[-2]) if len(done) > 1 else None, None, None)
        if len(done) < 4:
            return Interval(None, None, None)
        each = [done[i] - done[i - 1] for i in range(1, len(done) - 1)]
        return Interval(Fraction(sum(each), len(each)), Fraction(max(each) - min(each)), exact=len(set(each)) == 1)

    def _notes(self) -> tuple[str, ...]:
        jobs, notes = self._placement.jobs, []
        if len(self._known) < len(jobs) * self._run.images:
            notes.append(
                f"{len(self._known)} layers and passes were simulated, every window by itself; the others of"
                f" {self._run.images} images begin in the same state and go the same way"
            )
        passes = Counter(job.stage for job in jobs if job.loads)
        names = {plan.stage.index: plan.stage.name for plan in self._placement.plans}
        notes += [f"the weights of {names[stage]} are written in {number} passes" for stage, number in passes.items()]
        return tuple(notes)
