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
from archsim.mapping.training import Training

Plan = Callable[[Graph, Design, Stages, dict[int, Tiling], Training | None], Placement]
"""Places the stages of a network, whose matrix layers are tiled; with training, if that is asked for."""

PLANS: Registry[Plan] = Registry("schedule.kind")


def no_training(design: Design, training: Training | None) -> None:
    """Refuses training where a schedule has none."""
    if training is not None:
        raise input_error(
            "--training",
            f"design {design.name}",
            value=f"schedule.kind {design.schedule.kind}",
            expected="a design that trains (schedule.kind image_pipelined)",
        )
