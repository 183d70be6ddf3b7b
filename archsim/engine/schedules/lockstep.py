"""Which images are where in each logical cycle of a lock-step pipeline (PipeLayer, HPCA 2017)."""

from __future__ import annotations

from collections.abc import Callable

from archsim.engine.events import ISSUE, Action, Timeline, rank


class Lockstep:
    """A pipeline of `places`, through which images move one place each logical cycle.

    An image enters when the first place is free, or, without `overlap`, when the one before is through. With a
    `batch` no image of the next one enters before all of a batch are through and the weights have been updated, which
    takes a logical cycle by itself.

    `run` counts `cycles`, and calls `through(image, time)` for each image that leaves the last place. A logical cycle
    takes `ticks`, an update `update_ticks`.
    """

    def __init__(
        self, places: int, images: int, batch: int | None, *, overlap: bool, ticks: int, update_ticks: int
    ) -> None:
        self.env = Timeline()
        self.cycles = 0
        self.updates = 0
        self._places: list[int | None] = [None] * places
        self._images = images
        self._batch = batch or images
        self._updates = batch is not None
        self._overlap = overlap
        self.ticks = ticks
        self._update_ticks = update_ticks
        self._entered = 0
        self._left = 0
        self._updated = 0
        self._through: Callable[[int, int], None] = lambda _image, _time: None

    def run(self, through: Callable[[int, int], None]) -> None:
        """Runs all images through."""
        self._through = through
        self._begin()
        while self.env.run_some(10_000):
            pass

    def _begin(self) -> None:
        """A logical cycle begins: an update if one is due, else whoever may enters, and all places work."""
        if self._updates and self._left - self._updated == self._batch_size:
            self._next(self._update_ticks, self._update_done)
            return
        if self._left == self._images:
            return
        if self._may_enter():
            self._places[0] = self._entered
            self._entered += 1
        self._next(self.ticks, self._worked)

    @property
    def _batch_size(self) -> int:
        """Images of the batch that is under way; the last may be smaller."""
        return max(min(self._batch, self._images - self._updated), 1)

    def _may_enter(self) -> bool:
        if self._entered == self._images or self._entered - self._updated >= self._batch:
            return False
        return self._overlap or self._entered == self._left

    def _next(self, ticks: int, done: Callable[[Action], None]) -> None:
        self.cycles += 1
        Action(self.env, ticks, rank(ISSUE, 0, self.cycles % (1 << 32)), done)

    def _worked(self, _: Action) -> None:
        """Every place has done its work: images move on."""
        last = self._places.pop()
        self._places.insert(0, None)
        if last is not None:
            self._left += 1
            self._through(last, self.env.now)
        self._begin()

    def _update_done(self, _: Action) -> None:
        self.updates += 1
        self._updated = self._left
        self._begin()
