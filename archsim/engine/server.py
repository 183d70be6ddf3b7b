"""A unit that serves one request after the other, first come first served."""

from __future__ import annotations

from collections.abc import Hashable


class Server:
    """Requests must come in order of time; then a grant needs no event: it ends at
    `max(now, free) + service`."""

    __slots__ = ("busy", "free")

    def __init__(self) -> None:
        self.free = 0
        self.busy = 0

    def serve(self, now: int, service: int) -> int:
        """When a request made now, that takes `service` ticks, is done."""
        start = self.free if self.free > now else now
        self.free = end = start + service
        self.busy += service
        return end

    def state(self, now: int, image: int) -> Hashable:  # noqa: ARG002
        """What decides the unit's future, relative to now and to an image."""
        return max(self.free - now, 0)
