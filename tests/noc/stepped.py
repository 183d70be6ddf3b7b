"""The wormhole mesh once more, stepped flit by flit through every cycle: slow, and written from the rules alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

Sent = tuple[int, int, int, int, int]
"""Create, pid, source, destination, flits."""

OPPOSITE = {"+x": "-x", "-x": "+x", "+y": "-y", "-y": "+y"}
STEP = {"+x": (1, 0), "-x": (-1, 0), "+y": (0, 1), "-y": (0, -1)}
INPUTS = ["+x", "-x", "+y", "-y", "source"]


@dataclass
class Buffer:
    """An input of a router: flits as (ready, pid, index, flits, destination), and since when the first is first."""

    flits: deque = field(default_factory=deque)
    front_from: int = 0


@dataclass
class Output:
    credits: list
    owner: Buffer | None = None
    granted: int = -1
    turn: int = 0


class SteppedMesh:
    def __init__(self, columns: int, rows: int, buffer_flits: int, routing_delay: int, credit_delay: int):
        self.columns, self.routing, self.credit_delay = columns, routing_delay, credit_delay
        nodes = [(x, y) for y in range(rows) for x in range(columns)]
        self.nodes = nodes
        self.buffers = {(node, side): Buffer() for node in nodes for side in INPUTS}
        self.outputs = {
            (node, side): Output([0] * buffer_flits) for node in nodes for side in [*OPPOSITE, "sink", "source"]
        }
        self.arrived: dict[int, int] = {}

    def run(self, packets: list[Sent], cycles: int) -> dict[int, int]:
        waiting: dict[tuple[int, int], deque] = {node: deque() for node in self.nodes}
        for create, pid, source, destination, flits in sorted(packets):
            for index in range(flits):
                waiting[self.nodes[source]].append((create, pid, index, flits, self.nodes[destination]))
        for now in range(cycles):
            self.allocate(now)
            self.traverse(now)
            for node, flits in waiting.items():
                if flits and flits[0][0] <= now and self.take_credit((node, "source"), now):
                    self.buffers[node, "source"].flits.append((now + 2, *flits.popleft()[1:]))
        return self.arrived

    def take_credit(self, key: tuple, now: int) -> bool:
        credits_ = self.outputs[key].credits
        usable = [cycle for cycle in credits_ if cycle <= now]
        if usable:
            credits_.remove(min(usable))
        return bool(usable)

    def wanted(self, node: tuple[int, int], buffer: Buffer, now: int) -> str | None:
        """The output that a head at the front of its buffer asks for."""
        if not buffer.flits:
            return None
        ready, _, index, _, (x, y) = buffer.flits[0]
        if index or max(ready, buffer.front_from) + self.routing > now:
            return None
        if x != node[0]:
            return "+x" if x > node[0] else "-x"
        if y != node[1]:
            return "+y" if y > node[1] else "-y"
        return "sink"

    def allocate(self, now: int) -> None:
        for (node, side), output in self.outputs.items():
            if output.owner is not None or side == "source":
                continue
            for step in range(5):
                turn = (output.turn + step) % 5
                buffer = self.buffers[node, INPUTS[turn]]
                if self.wanted(node, buffer, now) == side:
                    output.owner, output.granted, output.turn = buffer, now, (turn + 1) % 5
                    break

    def traverse(self, now: int) -> None:
        for (node, side), output in self.outputs.items():
            buffer = output.owner
            if buffer is None or output.granted == now or not buffer.flits or buffer.flits[0][0] > now:
                continue
            if not self.take_credit((node, side), now):
                continue
            _, pid, index, flits, destination = buffer.flits.popleft()
            self.give_back(node, buffer, now)
            if side == "sink":
                output.credits.append(now + 5 + self.credit_delay)
            else:
                dx, dy = STEP[side]
                beyond = (node[0] + dx, node[1] + dy)
                self.buffers[beyond, OPPOSITE[side]].flits.append((now + 3, pid, index, flits, destination))
            if index == flits - 1:
                output.owner = None
                buffer.front_from = now + 1
                if side == "sink":
                    self.arrived[pid] = now + 3

    def give_back(self, node: tuple[int, int], buffer: Buffer, now: int) -> None:
        side = next(side for side in INPUTS if self.buffers[node, side] is buffer)
        if side == "source":
            self.outputs[node, "source"].credits.append(now + 2)
        else:
            dx, dy = STEP[side]
            self.outputs[(node[0] + dx, node[1] + dy), OPPOSITE[side]].credits.append(now + 2 + self.credit_delay)
