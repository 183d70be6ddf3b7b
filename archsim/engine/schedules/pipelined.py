"""All layers are resident, and windows flow from layer to layer as soon as what they need is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.engine.schedules.registry import SCHEDULES

if TYPE_CHECKING:
    from archsim.engine.chip import Chip


@SCHEDULES.register("pipelined")
def pipelined(chip: Chip) -> None:
    """The host starts to send the first image, and every copy looks for its first window (ISAAC, ISCA 2016)."""
    for stage in chip.stages:
        stage.begin()
    for host in chip.inputs:
        host.begin()
