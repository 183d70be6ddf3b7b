"""What the components of a chip did, in exact whole numbers: what energies are multiplied with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Counts of a run or of a layer; None where a run did not count, or the design has no such unit.

    `array_reads` are arrays x read cycles, `row_drives` rows that hold weights x read cycles in which they are driven.
    An ADC's `conversions` are of all columns, used or not, and each is shifted and added (`shift_adds`).
    `register_bytes` are fetched into input registers, `bus_bytes` over the buses of tiles (operands of joins, and what
    vector layers read, among them); `buffer_bytes` are these and what is written to buffers. `tile_adds` add the sums
    of arrays up, `result_bytes` are results in output registers. `router_flits` and `link_flits` are counted in each
    router and on each link that they pass, `offchip_bytes` on each link off chip. `memory_bytes` are read and written
    between layers, `row_writes` are rows of arrays.
    """

    array_reads: int | None = None
    row_drives: int | None = None
    conversions: int | None = None
    shift_adds: int | None = None
    register_bytes: int | None = None
    bus_bytes: int | None = None
    buffer_bytes: int | None = None
    tile_adds: int | None = None
    result_bytes: int | None = None
    sfu_operations: int | None = None
    pool_elements: int | None = None
    router_flits: int | None = None
    link_flits: int | None = None
    offchip_bytes: int | None = None
    memory_bytes: int | None = None
    row_writes: int | None = None


ACTIONS = tuple(field.name for field in fields(Actions))
"""The names of all counts."""


def sum_of(each: Iterable[Actions]) -> Actions:
    """Counts added up, name by name; those that nobody counted stay None."""
    together = list(each)
    sums = {}
    for name in ACTIONS:
        known = [value for actions in together if (value := getattr(actions, name)) is not None]
        sums[name] = sum(known) if known else None
    return Actions(**sums)
