"""What an observer saw of a run, as sets that tests compare."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.result import NullObserver


@dataclass
class Reads(NullObserver):
    """The time of each window's array reads, in ticks, by (layer, image, window): one entry a tile."""

    spans: dict[tuple[str, int, int], list[tuple[int, int]]] = field(default_factory=dict)

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:  # noqa: ARG002
        """Notes what arrays did."""
        if unit.startswith("arrays"):
            self.spans.setdefault((layer, image, window), []).append((start, end))


@dataclass
class Slices(NullObserver):
    """Every slice of every unit: (start, end) in ticks by (tile, unit)."""

    spans: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:  # noqa: ARG002
        """Notes the slice."""
        self.spans.setdefault((tile, unit), []).append((start, end))


@dataclass
class Levels(NullObserver):
    """The fullest that each share of a buffer was, in bytes, by (tile, port)."""

    highest: dict[tuple[int, str], int] = field(default_factory=dict)

    def level(self, tile: int, port: str, time: int, filled_bytes: int) -> None:  # noqa: ARG002
        """Notes the level."""
        self.highest[tile, port] = max(self.highest.get((tile, port), 0), filled_bytes)
