"""Writes weights into arrays: for the pass that comes next, and ahead while others are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.engine.clock import Clock
from archsim.engine.events import ENTER, Action, rank
from archsim.hardware import Design

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


@dataclass(frozen=True, slots=True)
class Ahead:
    """`arrays` are written, or on their way, for passes to come, in this order; the last of them are done in so many
    ticks as `settling` says of each."""

    arrays: int = 0
    settling: tuple[int, ...] = ()


class Writer:
    """Brings the weights of one array after the other from memory over the link that the inputs come on, and writes
    each row by row; arrays are written side by side. Ahead of their pass it stops when `most` are, or the machine's
    work is done."""

    def __init__(self, chip: Chip, ahead: Ahead, most: int) -> None:
        self._chip = chip
        self._priority = rank(ENTER, 2 * chip.placement.chips + 2)
        self._left = most
        self._arrays = ahead.arrays
        self._settling = list(ahead.settling)
        self._writing = write_ticks(chip.design, chip.clock, ideal=chip.ideal)
        self._link = chip.into.servers[0]
        self._link.free = max(ahead.settling[-1] - self._writing, 0) if ahead.settling else 0
        self.written = 0

    def wait_for(self, arrays: int) -> int:
        """Ticks until `arrays` are written, the machine at rest; it begins its work then, at time 0."""
        for _ in range(arrays - self._arrays):
            self._write()
        settled = self._arrays - len(self._settling)
        waited = self._settling[arrays - settled - 1] if arrays > settled else 0
        self._settling = [ticks - waited for ticks in self._settling if ticks > waited]
        self._link.free = max(self._link.free - waited, 0)
        return waited

    def begin(self) -> None:
        """Begins to write ahead, behind the first inputs that the machine asks for."""
        Action(self._chip.env, 0, self._priority, self._go_on)

    def _go_on(self, _: Action) -> None:
        """Asks for the next array's weights, if there is room for it and work to hide it behind."""
        chip = self._chip
        if not self._left or not chip.output.missing:
            return
        self._left -= 1
        Action(chip.env, self._write() - chip.env.now, self._priority, self._go_on)

    def _write(self) -> int:
        """Writes another array; answers when the link has carried its weights."""
        chip = self._chip
        brought = chip.into.ticks(array_bytes(chip.design))
        across = self._link.serve(chip.env.now, brought)
        for observer in chip.observers if brought else ():
            observer.slice(-1, chip.into.name, "weights", 0, self._arrays, across - brought, across)
        self._settling.append(across + self._writing)
        self._arrays += 1
        self.written += 1
        return across

    def settling(self, end: int) -> tuple[int, ...]:
        """How long after `end` each of the arrays that are not written then will be."""
        return tuple(ticks - end for ticks in self._settling if ticks > end)


def array_bytes(design: Design) -> int:
    """Bytes of the cells of an array."""
    array = design.array
    return -(-array.rows * array.columns * array.cell_bits // 8)


def write_ticks(design: Design, clock: Clock, *, ideal: bool) -> int:
    """Time to write all rows of an array; none without limits."""
    return 0 if ideal else design.array.rows * clock.array_write
