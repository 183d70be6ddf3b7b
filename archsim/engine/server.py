"""A unit that serves one request after the other, first come first served."""

from __future__ import annotations


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
