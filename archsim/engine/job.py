"""One window on its way through a copy."""

from __future__ import annotations


class Job:
    """A window of an image: `position` among the copy's windows of that image, `number` among all it runs.

    `missing` parts have not given their sums, `ready` is when the last did so far, `processed` when the special
    functions were done.
    """

    __slots__ = ("image", "missing", "number", "position", "processed", "ready", "window")

    def __init__(self, image: int, window: int, position: int, number: int, parts: int) -> None:
        self.image = image
        self.window = window
        self.position = position
        self.number = number
        self.missing = parts
        self.ready = 0
        self.processed = 0
