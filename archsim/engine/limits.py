"""How long things take: the design's rates, or none of them for `--ideal`."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.engine.clock import Clock
from archsim.engine.port import UNLIMITED
from archsim.graph import RecurrentLayer, VectorLayer
from archsim.hardware import Bus, Design, Memory
from archsim.mapping import Port, StagePlan
from archsim.mapping.vector_work import Visit, visits_by_window


def _ticks(size_bytes: int, bus: Bus | None, period: int) -> int:
    """Time of a transfer; a unit that a design says nothing of takes none."""
    return 0 if bus is None else -(-size_bytes // bus.width_bytes) * period


def _of(memory: Memory, size_bytes: int) -> int:
    """How often a port of the memory has to move its bytes; what is larger than a subarray stands in several, whose
    ports move it side by side."""
    return -(-min(size_bytes, memory.subarray_bytes or size_bytes) // memory.port_bytes)


class Contended:
    """Every transfer and operation takes its time on the unit that does it; registers and buffers are finite."""

    def __init__(self, design: Design, clock: Clock) -> None:
        self._design = design
        self._clock = clock

    def bus_ticks(self, size_bytes: int) -> int:
        """Time of a transfer over a tile's bus."""
        return _ticks(size_bytes, self._design.tile.bus, self._clock.bus)

    def write_ticks(self, size_bytes: int) -> int:
        """Time of a write into a tile's buffer."""
        return _ticks(size_bytes, self._design.tile.write_port, self._clock.write)

    def offchip_ticks(self, size_bytes: int) -> int:
        """Time of a transfer over an off-chip link."""
        return _ticks(size_bytes, self._design.offchip, self._clock.offchip)

    def read_ticks(self, size_bytes: int) -> int:
        """Time of a transfer from the memory; from the host where there is no memory."""
        memory = self._design.memory
        return self.offchip_ticks(size_bytes) if memory is None else _of(memory, size_bytes) * self._clock.memory_read

    def store_ticks(self, size_bytes: int) -> int:
        """Time of a transfer to the memory; to the host where there is no memory."""
        memory = self._design.memory
        return self.offchip_ticks(size_bytes) if memory is None else _of(memory, size_bytes) * self._clock.memory_write

    def visits(self, layers: Sequence[VectorLayer | RecurrentLayer], plan: StagePlan) -> list[tuple[Visit, ...]]:
        """Time of a tile's digital units for each window of `plan`, one after the other: operations of `layers` over
        their lanes."""
        found = visits_by_window(layers, plan.stage.windows, self._design)
        timed = {
            each: tuple((unit, cycles * self._clock.sfu) for unit, cycles in each) for each in dict.fromkeys(found)
        }
        return [timed[each] for each in found]

    def output_slots(self, copies: int, value_bytes: int) -> int:
        """Results that a copy may have under way: the one its PEs add up, and its share of the tile's output
        register, which `copies` copies use."""
        register = self._design.tile.output_register_bytes
        return UNLIMITED if register is None else 1 + register // (copies * value_bytes)

    def capacity(self, port: Port) -> int:
        """Values that a port holds."""
        return port.capacity


class Unlimited:
    """Nothing but the reads and the fixed stages of a window takes time, and nothing is ever full."""

    def bus_ticks(self, size_bytes: int) -> int:  # noqa: ARG002
        """No time."""
        return 0

    write_ticks = bus_ticks
    offchip_ticks = bus_ticks
    read_ticks = bus_ticks
    store_ticks = bus_ticks

    def visits(self, layers: Sequence[VectorLayer | RecurrentLayer], plan: StagePlan) -> list[tuple[Visit, ...]]:  # noqa: ARG002
        """None."""
        return [()] * plan.stage.windows

    def output_slots(self, copies: int, value_bytes: int) -> int:  # noqa: ARG002
        """As many as there are results."""
        return UNLIMITED

    def capacity(self, port: Port) -> int:  # noqa: ARG002
        """Everything."""
        return UNLIMITED


Limits = Contended | Unlimited
