"""An observer of a machine whose time 0 is a later one of the whole run, and its image 0 a later one, too."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.result import Observer


class Later:
    """Passes on what it sees, `ticks` later and counted to image number `image`."""

    def __init__(self, observers: Sequence[Observer], ticks: int, image: int = 0) -> None:
        self._observers = observers
        self.ticks = ticks
        self._image = image

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:
        """A unit worked for a window."""
        for observer in self._observers:
            observer.slice(tile, unit, layer, self._image + image, window, start + self.ticks, end + self.ticks)

    def level(self, tile: int, port: str, time: int, filled_bytes: int) -> None:
        """A share of a buffer holds so many bytes."""
        for observer in self._observers:
            observer.level(tile, port, time + self.ticks, filled_bytes)
