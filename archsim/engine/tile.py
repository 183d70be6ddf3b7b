"""A tile's shared units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archsim.engine.digital import DigitalUnit
from archsim.engine.server import Server
from archsim.mapping import Part, Sharing
from archsim.mapping.vector_work import SFU


class Tile:
    """The bus from the buffer to the PEs, the buffer's write port, the special functions, and the ADC sets that
    several arrays share (none are kept where each array has its own). `gates` are the special functions and the
    multiplier of a design that has one."""

    def __init__(self, number: int, sharing: Sharing, gates: Mapping[str, DigitalUnit] | None) -> None:
        self.number = number
        self.bus = Server()
        self.write = Server()
        self.gates = gates
        self.sfu = gates[SFU] if gates else Server()
        self._sharing = sharing
        self._sets: dict[int, Server] = {}

    def adc_sets(self, part: Part) -> list[tuple[Server, int]]:
        """The shared ADC sets behind the arrays of a part, with the number of its arrays behind each."""
        if not self._sharing.shared:
            return []
        counts = Counter(map(self._sharing.adc_set, range(part.slot, part.slot + part.arrays)))
        return [(self._sets.setdefault(number, Server()), count) for number, count in counts.items()]

    def servers(self) -> dict[str, Server]:
        """The units by name."""
        sets = {f"adc {number}": server for number, server in self._sets.items()}
        return {"bus": self.bus, "buffer": self.write, SFU: self.sfu, **(self.gates or {}), **sets}
