"""The engine's clockwork: SimPy events that call one function, in an order of their own where times are equal."""

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


def ranks(kind: int, stage: int, part: int = 0) -> Callable[[int], int]:
    """`rank` for a stage and part that stay the same: a function of the window."""
    base = rank(kind, stage, 0, part)
    return lambda window: base + (window << _PART_BITS)


class Timeline(simpy.Environment):
    """SimPy's environment on whole ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.actions = 0

    @property
    def now(self) -> int:
        """The current tick."""
        return self._now  # type: ignore[return-value]


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
