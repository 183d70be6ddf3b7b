"""The state of a row of words in a form that is equal where the future is: relative to a cycle, without numbers of
packets, places in rings, or times that are over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator

from archsim.noc import words
from archsim.noc.channel import INJECTION_CYCLES

State = tuple[Hashable, ...]


class Names:
    """Names messages, and numbers the packets of each state in the order in which they are met."""

    def __init__(self, name: Callable[[int], Hashable]) -> None:
        self.name = name
        self._packets: dict[int, int] = {}

    def packet(self, s: list[int], slot: int) -> State:
        """A packet: what it is at the first meeting, later its number."""
        if slot in self._packets:
            return (self._packets[slot],)
        self._packets[slot] = len(self._packets)
        flits, way, copies, reports = (s[slot + at] for at in (words.FLITS, words.WAY, words.COPIES, words.REPORTS))
        return str(self.name(s[slot + words.NUMBER])), flits, way, copies, reports


class Snapshot(ABC):
    """What all models have: the calendar, the deliveries that are due, and packets in rings."""

    carried: int
    """Where in a channel its flits are counted."""

    def __init__(self, s: list[int], now: int, names: Names) -> None:
        self.s = s
        self.names = names
        self._now = now
        self._events = sorted(self._scheduled())
        # no flit moves before this cycle any more, so that earlier times say the same
        self._over = min([now, *(time for time, _ in self._events)]) - INJECTION_CYCLES - 1

    def _scheduled(self) -> Iterator[tuple[int, int]]:
        """Cycle and item of all that is to come."""
        s = self.s
        calendar, days, soonest = s[words.CALENDAR], s[words.DAYS], s[words.NOW]
        for day in range(days):
            item = s[calendar + day]
            while item:
                yield soonest + (day - soonest) % days, item
                item = s[item]
        for key in s[s[words.HEAP] : s[words.HEAP] + s[words.HEAP_N]]:
            yield divmod(key, s[words.SPAN])

    def time(self, cycle: int) -> int:
        """A cycle, relative; those that are over are all the same."""
        return max(cycle, self._over) - self._now

    def ring(self, place: int, first: int, count: int) -> State:
        """The times of some flits in a ring of the size of a buffer."""
        size = self.s[words.BUFFER]
        return tuple(self.time(self.s[place + (first + at) % size]) for at in range(count))

    def packets(self, place: int, first: int, count: int) -> State:
        """Packets in a ring, and their ways."""
        size = self.s[words.BUFFER] + 1
        entries = (place + 2 * ((first + at) % size) for at in range(count))
        return tuple((self.names.packet(self.s, self.s[entry]), self.s[entry + 1]) for entry in entries)

    def chain(self, first: int) -> State:
        """Packets that wait in a source, with the cycles of their creation."""
        found: list[Hashable] = []
        while first:
            found.append((self.names.packet(self.s, first), self.time(self.s[first + words.CREATE])))
            first = self.s[first + words.NEXT]
        return tuple(found)

    def state(self) -> State:
        """All that decides the future."""
        s = self.s
        due = (s[words.DUE] + words.DUE_WORDS * at for at in range(s[words.DUE_N]))
        return (
            tuple(self.parts()),
            tuple((time - self._now, item) for time, item in self._events),
            tuple(sorted((s[at] - self._now, str(self.names.name(s[at + 1])), s[at + 2]) for at in due)),
        )

    @abstractmethod
    def parts(self) -> Iterator[State]:
        """The state of each channel."""
