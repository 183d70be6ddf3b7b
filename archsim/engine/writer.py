"""Writes weights into arrays: for the pass that comes next, and ahead while others are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.engine.clock import Clock
from archsim.engine.events import ENTER, Action, rank
from archsim.engine.limits import Contended
from archsim.hardware import Design

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


@dataclass(frozen=True, slots=True)
class Ahead:
    """`arrays` are written, or on their way, for passes to come; the last is done in `settles` ticks."""

    arrays: int = 0
    settles: int = 0


class Writer:
    """Brings the weights of one array after the other from memory over the link that the inputs come on, and writes
    each row by row; arrays are written side by side. It stops when `most` are `written`, or the machine's work is
    done; the last is `settled` at that tick."""

    def __init__(self, chip: Chip, most: int) -> None:
        self._chip = chip
        self._priority = rank(ENTER, 2 * chip.placement.chips + 2)
        self._most = most
        self.written = 0
        self.settled = 0

    def begin(self) -> None:
        """Asks for the next array's weights, if there is room for it and work to hide it behind."""
        chip = self._chip
        if self.written == self._most or not chip.output.missing:
            return
        self.written += 1
        across = chip.into.servers[0].serve(chip.env.now, chip.into.ticks(array_bytes(chip.design)))
        self.settled = across + write_ticks(chip.design, chip.clock)
        Action(chip.env, across - chip.env.now, self._priority, lambda _: self.begin())


def array_bytes(design: Design) -> int:
    """Bytes of the cells of an array."""
    array = design.array
    return -(-array.rows * array.columns * array.cell_bits // 8)


def write_ticks(design: Design, clock: Clock) -> int:
    """Time to write all rows of an array."""
    return design.array.rows * clock.array_write


def time_to_write(design: Design, clock: Clock, arrays: int, ahead: Ahead, *, ideal: bool) -> int:
    """Ticks until `arrays` are written when nothing else goes on, of which some are ahead; `ideal` brings their
    weights in no time."""
    missing = arrays - ahead.arrays
    if missing <= 0:
        return ahead.settles
    each = 0 if ideal else Contended(design, clock).read_ticks(array_bytes(design))
    return max(missing * each + write_ticks(design, clock), ahead.settles)
