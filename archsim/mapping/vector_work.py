"""How long a tile's special functions are busy with the vector layers of a stage, or with its gates."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.graph import RecurrentLayer, VectorLayer
from archsim.hardware import Design


def sfu_cycles(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> int:
    """Cycles of the special functions' clock for one of `windows` windows: the operations of each layer over the
    lanes of its unit, one layer after the other."""
    cycles = 0
    for layer in layers:
        operations = -(-layer.operations // windows)
        cycles += -(-operations // (design.sfu.lanes(layer.unit) or 1))
    return cycles
