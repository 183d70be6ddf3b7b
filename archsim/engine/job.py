"""One window on its way through a copy."""

from __future__ import annotations


class Job:
    """A window of an image: `position` among the copy's windows of that image, `number` among all it runs.

    It was `issued` when the output register had had room since `room`. `missing` parts have not given their sums,
    `ready` is when the last did so far, `processed` when the special functions were done.
    """

    __slots__ = ("image", "issued", "missing", "number", "position", "processed", "ready", "room", "window")

    def __init__(self, image: int, window: int, position: int, number: int, parts: int) -> None:
        self.image = image
        self.window = window
        self.position = position
        self.number = number
        self.missing = parts
        self.issued = 0
        self.room = 0
        self.ready = 0
        self.processed = 0
