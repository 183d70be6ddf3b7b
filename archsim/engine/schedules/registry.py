"""The schedules by the name that `schedule.kind` gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.mapping import Placement
from archsim.mapping.registry import Registry

if TYPE_CHECKING:
    from archsim.engine.findings import Findings
    from archsim.result import Observer


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked for: `images` images of a placement, `ideal` or with contention, seen by `observers`;
    `progress` is called with windows done and windows in all."""

    placement: Placement
    images: int
    ideal: bool
    observers: tuple[Observer, ...]
    progress: Callable[[int, int], None] | None


Schedule = Callable[[Run], "Findings"]
"""Runs what a placement of its kind says."""

SCHEDULES: Registry[Schedule] = Registry("schedule.kind")
