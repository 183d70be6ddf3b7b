"""Runs a placement and answers with a Result."""

from __future__ import annotations

import time
from collections.abc import Callable

from archsim.engine.figures import to_result
from archsim.engine.network import MESHES, model_of
from archsim.engine.schedules import SCHEDULES, Run
from archsim.errors import InputError, Problem, input_error
from archsim.hardware import Design
from archsim.mapping import Placement
from archsim.result import Observer, Result

_MOST_IMAGES = 100_000


def check(design: Design) -> list[Problem]:
    """What is wrong with the names of schedules and network models in a design."""
    return [*SCHEDULES.check(design.schedule.kind), *(MESHES.check(model_of(design.noc)) if design.noc else [])]


def simulate(
    placement: Placement,
    *,
    images: int = 1,
    ideal: bool = False,
    observer: Observer | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Simulates `images` images, every window of every layer.

    `ideal` takes all limits away but the reads themselves (timing contract); `observer` sees every slice of
    work; `progress` is called with windows done and windows in all.

    Raises `InputError` for settings no simulation exists for, `StalledError` if the run cannot finish.
    """
    if not 1 <= images <= _MOST_IMAGES:
        raise input_error("--images", value=images, expected=f"a number from 1 to {_MOST_IMAGES}")
    problems = check(placement.design)
    if problems:
        raise InputError(*problems)
    began = time.process_time()
    observers = () if observer is None else (observer,)
    found = SCHEDULES[placement.design.schedule.kind](Run(placement, images, ideal, observers, progress))
    return to_result(found, time.process_time() - began)
