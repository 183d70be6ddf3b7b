"""The engine's clockwork: SimPy events that call one function, in an order of their own where times are equal."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import simpy
from simpy.core import EmptySchedule
from simpy.events import Event

# The kinds of event in the order in which those of one tick run: what frees and what arrives comes before
# what starts, so that a start sees all that its tick brings.
ARRIVE, FETCHED, SUMMED, OUT, ENTER, ISSUE = range(6)

_PART_BITS, _WINDOW_BITS, _STAGE_BITS = 24, 32, 32
WINDOW = 1 << _PART_BITS
"""What the next window adds to a rank."""


def rank(kind: int, stage: int, window: int = 0, part: int = 0) -> int:
    """The priority of an event: by component kind, layer, window, part; never by order of creation."""
    return ((kind << _STAGE_BITS | stage) << _WINDOW_BITS | window) << _PART_BITS | part


class Timeline(simpy.Environment):
    """SimPy's environment on whole ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.actions = 0

    if TYPE_CHECKING:
        now: int
    else:
        now = property(operator.attrgetter("_now"), doc="The current tick.")

    @property
    def queued(self) -> list[tuple[int, int, Any]]:
        """What is to come: time, priority and argument of each action."""
        return [(time, priority, event.argument) for time, priority, _, event in self._queue]  # type: ignore[misc, attr-defined]

    def run_some(self, events: int) -> bool:
        """Runs that many events, fewer if they run out; answers whether any are left."""
        step = self.step
        try:
            for _ in range(events):
                step()
        except EmptySchedule:
            return False
        return True


class Action(Event):
    """Calls `callback(argument)` after `delay` ticks; the callback is given the event, which holds the argument."""

    def __init__(
        self, env: Timeline, delay: int, priority: int, callback: Callable[[Action], None], argument: Any = None
    ) -> None:
        self.env = env
        self.callbacks = [callback]
        self.argument = argument
        self._ok = True
        env.actions += 1
        env.schedule(self, priority, delay)  # type: ignore[arg-type]
