"""How a network stands on a chip for each schedule, by the name that `schedule.kind` gives."""

from __future__ import annotations

from collections.abc import Callable

from archsim.errors import input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.placement import Placement
from archsim.mapping.registry import Registry
from archsim.mapping.stages import Stages
from archsim.mapping.tiling import Tiling

Plan = Callable[[Graph, Design, Stages, dict[int, Tiling], bool], Placement]
"""Places the stages of a network, whose matrix layers are tiled; the last argument asks for training."""

PLANS: Registry[Plan] = Registry("schedule.kind")


def no_training(design: Design, training: bool) -> None:
    """Refuses training where a schedule has none."""
    if training:
        raise input_error(
            "--training",
            f"design {design.name}",
            value=f"schedule.kind {design.schedule.kind}",
            expected="a design that trains (schedule.kind image_pipelined)",
        )
