"""Each check after a run fails when what it checks is not so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from archsim.engine.checks import run_checks
from archsim.engine.chip import Chip
from archsim.engine.counters import Counters, count
from archsim.mapping import Estimate, estimate
from archsim.noc import VctMesh
from tests.engine.networks import SMALL, placed

IMAGES = 2


def finished() -> tuple[Chip, Counters, Estimate]:
    placement = placed(SMALL["residual"](), "tile.pes=1", "pe.arrays=4", "noc.concentration=1", "noc.model=vct")
    machine = Chip(placement, IMAGES, ideal=False)
    machine.run()
    return machine, count(machine), estimate(placement, IMAGES)


def lose_a_window(machine: Chip) -> None:
    machine.stages[0].seen[1][0] -= 1


def run_one_window_for_another(machine: Chip) -> None:
    """The number of windows is right, window 3 ran twice and window 4 not at all."""
    seen = machine.stages[0].seen[0]
    seen[1] += 3 - 4
    seen[2] += 9 - 16


def swap_windows_that_add_up(machine: Chip) -> None:
    """Windows 1 and 4 ran as 2 and 3: the same number and sum."""
    machine.stages[0].seen[0][2] += 4 + 9 - 1 - 16


def lose_a_delivery(machine: Chip) -> None:
    machine.fabric.meshes[0].model.traffic.delivered -= 1


def lose_bytes_on_the_mesh(machine: Chip) -> None:
    machine.fabric.meshes[0].delivered_bytes -= 1


def lose_bytes_on_a_link(machine: Chip) -> None:
    machine.out.crossed_bytes -= 1


def lose_a_flit(machine: Chip) -> None:
    model = machine.fabric.meshes[0].model
    assert isinstance(model, VctMesh)
    next(output for output in model._junctions.outputs if output.carried and output.following).carried -= 1


def read_too_long(machine: Chip) -> None:
    machine.stages[0].copies[0].units[0].arrays.busy += 1


def stall_too_long(machine: Chip) -> None:
    machine.stages[0].copies[0].units[0].arrays.stalls["data"] = 10**12


def work_longer_than_the_run(machine: Chip) -> None:
    next(iter(machine.tiles.values())).bus.busy = machine.elapsed + 1


def finish_too_early(machine: Chip) -> None:
    machine.output.image_done[0] = 1


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lose_a_window, "windows"),
        (run_one_window_for_another, "windows"),
        (swap_windows_that_add_up, "windows"),
        (lose_a_delivery, "bytes"),
        (lose_bytes_on_the_mesh, "bytes"),
        (lose_bytes_on_a_link, "bytes"),
        (lose_a_flit, "flits"),
        (read_too_long, "time"),
        (stall_too_long, "time"),
        (work_longer_than_the_run, "time"),
        (finish_too_early, "bound"),
    ],
)
def test_a_run_that_went_wrong_fails_the_check(spoil: Callable[[Chip], None], check: str) -> None:
    machine, counters, bound = finished()
    assert all(run_checks(machine, counters, IMAGES, bound).values())
    spoil(machine)
    checks = run_checks(machine, counters, IMAGES, bound)
    assert {name for name, held in checks.items() if not held} == {check}


def test_missing_multiply_accumulates_fail_the_check() -> None:
    machine, counters, bound = finished()
    fewer = counters.plus(Counters(Counter({("macs",): 1})), -1)
    assert not run_checks(machine, fewer, IMAGES, bound)["macs"]
