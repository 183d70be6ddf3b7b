"""The schedules by the name that `schedule.kind` gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archsim.mapping.registry import Registry

if TYPE_CHECKING:
    from archsim.engine.chip import Chip

Schedule = Callable[["Chip"], None]
"""Sets a chip going; what follows, follows from events."""

SCHEDULES: Registry[Schedule] = Registry("schedule.kind")
