"""Runs a placement and answers with a Result."""

from __future__ import annotations

import time
from collections.abc import Callable

from archsim.engine.checks import run_checks
from archsim.engine.chip import Chip
from archsim.engine.figures import to_result
from archsim.engine.stalled import explain
from archsim.errors import InputError, input_error
from archsim.mapping import Placement, check, estimate
from archsim.result import Observer, Result


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
    if images < 1:
        raise input_error("--images", value=images, expected="a number of at least 1")
    problems = check(placement.design)
    if problems:
        raise InputError(*problems)
    began = time.process_time()
    chip = Chip(placement, images, ideal, () if observer is None else (observer,), progress)
    chip.run()
    if chip.output.missing:
        raise explain(chip)
    bound = estimate(placement, images)
    checks = run_checks(chip, bound)
    return to_result(chip, checks, bound, (), time.process_time() - began)
