"""The arrays of a copy in one tile: what they did, and what they waited for."""

from __future__ import annotations

from archsim.engine.job import Job

CAUSES = ("buffer", "data", "bus", "adc")
"""What arrays can wait for, in the order in which a window does."""


class Arrays:
    """Read for one window at a time, of whichever layer uses them. `free` is when they are again, `first` when they
    were read first, `busy` for how long, `stalls` for how long they waited, by cause."""

    __slots__ = ("busy", "first", "free", "stalls")

    def __init__(self) -> None:
        self.free = 0
        self.busy = 0
        self.first: int | None = None
        self.stalls: dict[str, int] = {}

    def read(self, job: Job, wanted: int, fetched: int, start: int, ticks: int) -> int:
        """Read from `start` on, for a window that was `wanted` when all it needs was there and `fetched` then;
        answers when they are free again."""
        if start != self.free:
            self._account(job, wanted, fetched, start)
        self.free = start + ticks
        self.busy += ticks
        return self.free

    def _account(self, job: Job, wanted: int, fetched: int, start: int) -> None:
        """Divides the time since the last read among what it waited for; before the first read it was idle."""
        if self.first is None:
            self.first = start
            return
        since = self.free
        times = (job.room, wanted, fetched, start)
        for cause, until in zip(CAUSES, times, strict=True):
            if until > since:
                self.stalls[cause] = self.stalls.get(cause, 0) + min(until, start) - since
                since = min(until, start)

    def idle(self, end: int) -> int:
        """Ticks before the first read and after the last."""
        return end if self.first is None else self.first + end - self.free
