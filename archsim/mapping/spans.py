"""Parts of a value: a tile that holds some rows of a matrix needs some channels of its input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Channels `first` to `last` (exclusive) of a value."""

    first: int
    last: int

    @property
    def channels(self) -> int:
        """How many channels."""
        return self.last - self.first

    def union(self, other: Span | None) -> Span:
        """The smallest span that has both."""
        return self if other is None else Span(min(self.first, other.first), max(self.last, other.last))

    def within(self, channels: int) -> Span:
        """The part of the span that a value of `channels` channels has."""
        return Span(self.first, min(self.last, channels))


WHOLE = Span(0, 1 << 60)
"""All channels."""
