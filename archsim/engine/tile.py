"""A tile's shared units."""

from __future__ import annotations

from archsim.engine.server import Server
from archsim.mapping import Part


class Tile:
    """The bus from the buffer to the PEs, the buffer's write port, the special functions, and the ADC sets that
    several arrays share (none are kept where each array has its own)."""

    def __init__(self, number: int, interleaved: int, arrays_per_set: int) -> None:
        self.number = number
        self.bus = Server()
        self.write = Server()
        self.sfu = Server()
        self._interleaved = interleaved
        self._arrays_per_set = arrays_per_set
        self._sets: dict[int, Server] = {}

    def adc_sets(self, part: Part) -> list[tuple[Server, int]]:
        """The shared ADC sets behind the arrays of a part, with the number of its arrays behind each: the arrays
        that read at once are neighbours in a PE, and the next ones stand behind the same sets."""
        if self._arrays_per_set == 1:
            return []
        counts: dict[int, int] = {}
        active = self._interleaved // self._arrays_per_set
        for slot in range(part.slot, part.slot + part.arrays):
            pe, place = divmod(slot, self._interleaved)
            number = pe * active + place % active
            counts[number] = counts.get(number, 0) + 1
        return [(self._sets.setdefault(number, Server()), count) for number, count in counts.items()]

    def servers(self) -> dict[str, Server]:
        """The units by name."""
        sets = {f"adc {number}": server for number, server in self._sets.items()}
        return {"bus": self.bus, "buffer": self.write, "sfu": self.sfu, **sets}
