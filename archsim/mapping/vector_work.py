"""How long a tile's digital units are busy with the vector layers of a stage, and with the gates of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archsim.graph import RecurrentLayer, VectorLayer
from archsim.hardware import Design

SFU, MULTIPLIER = "sfu", "multiplier"
"""The digital units of a tile: the special functions, and the multiplier of a design that has one."""

Visit = tuple[str, int]
"""A digital unit of a tile, and cycles of the special functions' clock on it."""


def visits(
    layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design, number: int = 0
) -> tuple[Visit, ...]:
    """What the `layers` of one of `windows` windows take of a tile's units, one after the other: operations over the
    lanes that do them. Visits that follow each other on one unit are one. `number` is the window's round where steps
    take several.

    Without `sfu.multiplier_lanes` the special functions do everything.
    """
    found: list[Visit] = []
    for unit, operations in work(layers, windows, design, number):
        cycles = -(-operations // (design.sfu.lanes(unit) or 1))
        place = MULTIPLIER if unit == "multiplier" and design.sfu.multiplier_lanes else SFU
        if found and found[-1][0] == place:
            found[-1] = place, found[-1][1] + cycles
        elif cycles:
            found.append((place, cycles))
    return tuple(found)


def work(
    layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design, number: int
) -> Iterator[tuple[str, int]]:
    """Operations of each kind of unit in one of `windows` windows, rounded up; `number` is its round of a step."""
    for layer in layers:
        if not isinstance(layer, RecurrentLayer):
            yield layer.unit, -(-_operations(layer, design) // windows)
        elif design.sfu.multiplier_lanes:
            yield from ((phase.unit, phase.operations) for phase in layer.rounds[number].phases)
        else:
            yield layer.unit, layer.rounds[number].operations


def _operations(layer: VectorLayer, design: Design) -> int:
    return layer.operations if design.sfu.multiplier_lanes else layer.operations + layer.additions


def visits_by_window(
    layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design
) -> list[tuple[Visit, ...]]:
    """The visits of each of `windows` windows."""
    rounds = _rounds(layers, windows, design)
    first = layers[0] if layers else None
    if not isinstance(first, RecurrentLayer):
        return rounds * windows
    return [rounds[first.round_of(window)] for window in range(windows)]


def busiest_cycles(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> int:
    """Cycles of the special functions' clock for which the unit that works longest does for one window, in the round
    of a step that takes most."""
    rounds = _rounds(layers, windows, design)
    return max(sum(cycles for unit, cycles in each if unit == place) for each in rounds for place in (SFU, MULTIPLIER))


def _rounds(layers: Sequence[VectorLayer | RecurrentLayer], windows: int, design: Design) -> list[tuple[Visit, ...]]:
    """The visits of a window in each round of a step."""
    first = layers[0] if layers else None
    count = len(first.rounds) if isinstance(first, RecurrentLayer) else 1
    return [visits(layers, windows, design, number) for number in range(count)]
