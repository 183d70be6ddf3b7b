"""How long a tile's digital units are busy with the vector layers of a stage, and with the gates of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archsim.graph import RecurrentLayer, VectorLayer
from archsim.hardware import Design

SFU, MULTIPLIER = "sfu", "multiplier"
"""The digital units of a tile: the special functions, and the multiplier of a design that has one."""

Visit = tuple[str, int]
"""A digital unit of a tile, and cycles of the special functions' clock on it."""


def visits(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> tuple[Visit, ...]:
    """What the `layers` of one of `windows` windows take of a tile's units, one after the other: operations over the
    lanes that do them. Visits that follow each other on one unit are one.

    Without `sfu.multiplier_lanes` the special functions do everything.
    """
    found: list[Visit] = []
    for unit, operations in _work(layers, windows, design):
        cycles = -(-operations // (design.sfu.lanes(unit) or 1))
        place = MULTIPLIER if unit == "multiplier" and design.sfu.multiplier_lanes else SFU
        if found and found[-1][0] == place:
            found[-1] = place, found[-1][1] + cycles
        elif cycles:
            found.append((place, cycles))
    return tuple(found)


def _work(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> Iterator[tuple[str, int]]:
    """Operations of each kind of unit."""
    for layer in layers:
        if isinstance(layer, RecurrentLayer) and design.sfu.multiplier_lanes:
            yield from ((phase.unit, phase.operations) for phase in layer.phases)
        else:
            yield layer.unit, -(-_operations(layer, design) // windows)


def _operations(layer: VectorLayer | RecurrentLayer, design: Design) -> int:
    if isinstance(layer, RecurrentLayer) or design.sfu.multiplier_lanes:
        return layer.operations
    return layer.operations + layer.additions


def busiest_cycles(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> int:
    """Cycles of the special functions' clock for which the unit that works longest does for one window."""
    found = visits(layers, windows, design)
    return max(sum(cycles for unit, cycles in found if unit == place) for place in (SFU, MULTIPLIER))
