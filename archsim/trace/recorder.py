"""An observer that keeps what the engine tells it, in columns of numbers, up to a limit."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple


class Slice(NamedTuple):
    """A unit worked on a window from `start` to `end` (ticks)."""

    start: int
    end: int
    layer: str
    image: int
    window: int


class Level(NamedTuple):
    """A buffer port of a tile holds `filled_bytes` from `time` (ticks) on."""

    time: int
    filled_bytes: int


class Recorder:
    """Keeps the first `limit` events of a run; `dropped` counts those that came after.

    Slices are kept per tile and unit, levels per tile and port. Work that takes no time is no event.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.kept = 0
        self.dropped = 0
        self._layers: dict[str, int] = {}
        self._slices: dict[tuple[int, str], array[int]] = {}
        self._levels: dict[tuple[int, str], array[int]] = {}

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:
        """Keep that a unit worked for a window from `start` to `end`."""
        if start == end:
            return
        if self.kept >= self.limit:
            self.dropped += 1
            return
        self.kept += 1
        column = self._slices.get((tile, unit))
        if column is None:
            column = self._slices[tile, unit] = array("q")
        column.extend((start, end, self._layers.setdefault(layer, len(self._layers)), image, window))

    def level(self, tile: int, port: str, time: int, filled_bytes: int) -> None:
        """Keep that a buffer port holds `filled_bytes` from `time` on."""
        if self.kept >= self.limit:
            self.dropped += 1
            return
        self.kept += 1
        column = self._levels.get((tile, port))
        if column is None:
            column = self._levels[tile, port] = array("q")
        column.extend((time, filled_bytes))

    @property
    def units(self) -> list[tuple[int, str]]:
        """Tile and unit of everything that has slices."""
        return list(self._slices)

    @property
    def ports(self) -> list[tuple[int, str]]:
        """Tile and port of everything that has levels."""
        return list(self._levels)

    def slices(self, unit: tuple[int, str]) -> list[Slice]:
        """The slices of a unit by start, longer ones first."""
        names = list(self._layers)
        column = iter(self._slices[unit])
        rows = zip(column, column, column, column, column, strict=True)
        made = (Slice(start, end, names[layer], image, window) for start, end, layer, image, window in rows)
        return sorted(made, key=lambda piece: (piece.start, -piece.end, piece.layer, piece.image, piece.window))

    def levels(self, port: tuple[int, str]) -> Iterator[Level]:
        """The levels of a port by time; of several at one time the last told counts."""
        column = iter(self._levels[port])
        last = dict(zip(column, column, strict=True))
        return (Level(time, last[time]) for time in sorted(last))
