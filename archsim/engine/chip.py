"""The whole machine at run time, built from a placement."""

from __future__ import annotations

import gc
from collections.abc import Callable

from archsim.engine.arrays import Arrays
from archsim.engine.clock import Clock
from archsim.engine.copies import CopyUnit, Source
from archsim.engine.digital import DigitalUnit
from archsim.engine.emitter import Emitter
from archsim.engine.events import Timeline
from archsim.engine.fabric import Fabric, NoFabric
from archsim.engine.host import HostInput, HostOutput, OutputPort
from archsim.engine.limits import Contended, Limits, Unlimited
from archsim.engine.link import Link, ways_in_and_out
from archsim.engine.message import Receiver
from archsim.engine.part import PartUnit
from archsim.engine.port import PoolingPort, Port
from archsim.engine.stage import StageUnit
from archsim.engine.steady import SteadyState
from archsim.engine.tile import Tile
from archsim.mapping import Copy, Placement, StagePlan, estimate
from archsim.mapping.pools import lasting_homes
from archsim.mapping.vector_work import MULTIPLIER, SFU
from archsim.result import Observer

# Events between two reports of progress.
_EVENTS = 50_000


class Chip:
    """Tiles, stages and ports of all chips, the fabric between them, and the host."""

    def __init__(
        self,
        placement: Placement,
        images: int,
        ideal: bool,
        observers: tuple[Observer, ...] = (),
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.placement = placement
        self.design = placement.design
        self.images = images
        self.ideal = ideal
        self.observers = observers
        self.env = Timeline()
        self.clock = Clock(self.design)
        self.limits: Limits = Unlimited() if ideal else Contended(self.design, self.clock)
        self.fabric: Fabric | NoFabric = NoFabric() if ideal else Fabric(self, placement.chips)
        self.ready = estimate(placement, images).vector_ready if ideal else None
        self._progress = progress
        self._total = images * sum(plan.stage.windows for plan in placement.plans)
        self.into, self.out = ways_in_and_out(self)
        self.steady = SteadyState(self)
        self.tiles: dict[int, Tile] = {}
        self.stages = [StageUnit(self, plan) for plan in placement.plans]
        self._arrays: dict[tuple[int, int, int], Arrays] = {}
        self._shared = {plan.owner for plan in placement.plans if plan.owner is not None}
        self.ports = self._make_ports()
        self._make_copies()
        self.output, self.inputs = self._make_host()

    def _tile(self, number: int) -> Tile:
        if number not in self.tiles:
            gates = None
            if self.design.sfu.multiplier_lanes:
                gates = {name: DigitalUnit(self, number, name) for name in (SFU, MULTIPLIER)}
            self.tiles[number] = Tile(number, self.placement.sharing, gates)
        return self.tiles[number]

    def _make_ports(self) -> dict[tuple[int, int, int], Port]:
        ports = {}
        for plan in self.placement.ports:
            index, number = plan.key
            name = self.placement.plans[index].stage.name + (f" input {number}" if number else "")
            stage, write = self.placement.plans[index].stage, self._tile(plan.tile).write
            item = (*stage.inputs, *stage.joins)[number]
            ports[index, number, plan.tile] = (
                PoolingPort(self, plan, name, write, item.need) if item.pooled else Port(self, plan, name, write)
            )
        return ports

    def _make_copies(self) -> None:
        at_home: dict[int, int] = {}
        for plan in self.placement.plans:
            for copy in plan.copies:
                at_home[copy.home] = at_home.get(copy.home, 0) + 1
        for stage in self.stages:
            for copy in stage.plan.copies:
                stage.copies.append(self._make_copy(stage, copy, at_home[copy.home]))

    def _make_copy(self, stage: StageUnit, copy: Copy, neighbours: int) -> CopyUnit:
        plan = stage.plan
        owner = stage.index if plan.owner is None else plan.owner
        tiles = [self._tile(part.tile) for part in copy.parts]
        unit = CopyUnit(stage, copy, tiles)
        parts, sources = [], []
        for number, (part, tile) in enumerate(zip(copy.parts, tiles, strict=True)):
            ports = [self.ports[stage.index, i, tile.number] for i in range(len(plan.stage.inputs))]
            for port, item in zip(ports, plan.stage.inputs, strict=True):
                held = item.held
                stage.reads_port(port, held)
                sources.append((port, held))
            arrays = self._arrays.setdefault((owner, copy.index, number), Arrays())
            parts.append(PartUnit(unit, number, part, tile, ports, arrays, shared=owner in self._shared))
        joins: list[Source] = []
        for number, item in enumerate(plan.stage.joins, start=len(plan.stage.inputs)):
            port = self.ports[stage.index, number, copy.home]
            stage.reads_port(port, item.need)
            joins.append((port, item.need))
        slots = self.limits.output_slots(neighbours, plan.stage.channels * self.design.value_bytes)
        unit.connect(parts, sources, joins, slots)
        return unit

    def _make_host(self) -> tuple[HostOutput, list[HostInput]]:
        stages = self.placement.stages
        size = self.design.value_bytes
        readers: dict[int, list[Receiver]] = {}
        for (index, number, _), port in self.ports.items():
            stage = stages.stages[index]
            item = (*stage.inputs, *stage.joins)[number]
            readers.setdefault(item.source, []).append(port)
        expected = sum(item.need.windows for item in stages.outputs if item.source >= 0)
        output = HostOutput(self, expected, self.out)
        for item in stages.outputs:
            if item.source >= 0:
                leaving = OutputPort(output, item.need, item.channels, item.channels * size)
                readers.setdefault(item.source, []).append(leaving)
        for unit in self.stages:
            unit.emitter = self._make_emitter(unit.plan, unit, readers.get(unit.index, []))
        inputs = [HostInput(self, s, s.channels * size, readers.get(s.index, []), self.into) for s in stages.inputs]
        return output, inputs

    def _make_emitter(self, plan: StagePlan, stage: StageUnit, receivers: list[Receiver]) -> Emitter:
        emitter = Emitter(stage, receivers, plan.stage.slot_grid.size)
        if plan.stage.pool_need is not None:
            emitter.pool(plan.stage.pool_need, lasting_homes(plan))
        return emitter

    def run(self) -> None:
        """The inputs start to send the first image, every copy looks for its first window, and so on until nothing is
        left to do."""
        for stage in self.stages:
            stage.begin()
        for host in self.inputs:
            host.begin()
        collecting = gc.isenabled()
        gc.disable()  # Events are freed by their counts; looking for cycles among millions takes a tenth of the time.
        try:
            while self.env.run_some(_EVENTS):
                if self._progress is not None:
                    self._progress(sum(seen[0] for stage in self.stages for seen in stage.seen), self._total)
        finally:
            if collecting:
                gc.enable()

    @property
    def elapsed(self) -> int:
        """When the last image was done, and every unit at rest."""
        servers = (server for tile in self.tiles.values() for server in tile.servers().values())
        return max([self.env.now, *self.output.image_done.values(), *(server.free for server in servers)])

    def links(self) -> list[Link]:
        """The links to the host and between chips."""
        return [self.into, self.out, *self.fabric.upward, *self.fabric.downward]

    def cut(self, images: int) -> None:
        """Leaves out the images from number `images` on; none of them may have been begun."""
        self.images = images
        for stage in self.stages:
            del stage.seen[images:]
            for copy in stage.copies:
                copy.images = images
