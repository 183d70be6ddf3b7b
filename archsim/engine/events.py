"""The engine's events: SimPy events that call one function, in an order of their own where times are equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy
from simpy.events import Event

# The kinds of event in the order in which those of one tick run: what frees and what arrives comes before
# what starts, so that a start sees all that its tick brings.
ARRIVE, FETCHED, SUMMED, OUT, ENTER, ISSUE = range(6)

_PART_BITS, _WINDOW_BITS, _STAGE_BITS = 16, 32, 14


def rank(kind: int, stage: int, window: int = 0, part: int = 0) -> int:
    """The priority of an event: by component kind, layer, window, part; never by order of creation."""
    return ((kind << _STAGE_BITS | stage) << _WINDOW_BITS | window) << _PART_BITS | part


class Action(Event):
    """Calls `callback(argument)` after `delay` ticks."""

    def __init__(
        self, env: simpy.Environment, delay: int, priority: int, callback: Callable[[Any], None], argument: Any = None
    ) -> None:
        self.env = env
        self.callbacks = [self._call]
        self._value = argument
        self._ok = True
        self._callback = callback
        env.schedule(self, priority, delay)  # type: ignore[arg-type]

    def _call(self, _: Event) -> None:
        self._callback(self._value)
