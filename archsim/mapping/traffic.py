"""Which tiles send how much to which others for an image, before any simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archsim.mapping.needs import Integers
from archsim.mapping.placement import Placement, Port, StagePlan
from archsim.mapping.pools import homes_of, lasting_homes, pooled_on_one_tile
from archsim.mapping.stages import StageInput

GATE = 0
"""The tile of a chip whose router its links are on."""

HOST = -1
"""Who sends the inputs and takes the results, over the link at the gate of the first chip."""

PARTIAL_SUM_BYTES = 4
"""Bytes of a partial sum on its way to another tile."""

Bools = npt.NDArray[np.bool_]

Route = tuple[int, tuple[int, ...], int]
"""The tile (or `HOST`) that sends, those that a value goes to, and its bytes."""


_NOWHERE = -2


@dataclass(frozen=True, slots=True)
class _Reader:
    """A port, or the way out, as a reader of a source: the tile, the slots that it needs, and the bytes of each."""

    tile: int
    needed: Bools
    value_bytes: int
    span: tuple[int, int]


def traffic(placement: Placement) -> Counter[Route]:
    """Messages of the first image by their route. A value goes to a tile once, however many read it there; one that
    stays on its tile is no message. Where a pool's raw results leave several tiles, these are sent."""
    readers = _readers(placement)
    routes: Counter[Route] = Counter()
    for source in placement.stages.inputs:
        homes = np.full(source.grid.size, HOST)
        routes.update(_sent(homes, readers.get(source.index, [])))
    for plan in placement.plans:
        mine = readers.get(plan.stage.index, [])
        routes.update(_results(plan, mine))
        routes.update(_partial_sums(plan))
    return routes


def _readers(placement: Placement) -> dict[int, list[_Reader]]:
    readers: dict[int, list[_Reader]] = {}
    for port in placement.ports:
        item = _item(placement, port)
        needed = port.ranks >= 0
        readers.setdefault(item.source, []).append(
            _Reader(port.tile, needed, port.value_bytes, (port.span.first, port.span.last))
        )
    size = placement.design.value_bytes
    for item in placement.stages.outputs:
        needed = np.zeros(item.need.slots + 1, bool)
        needed[item.need.table] = True
        whole = _Reader(HOST, needed[:-1], item.channels * size, (0, item.channels))
        readers.setdefault(item.source, []).append(whole)
    return readers


def _item(placement: Placement, port: Port) -> StageInput:
    index, number = port.key
    stage = placement.stages.stages[index]
    return (*stage.inputs, *stage.joins)[number]


def _results(plan: StagePlan, readers: list[_Reader]) -> Counter[Route]:
    """What the results of a stage cause, pooled where they leave one tile."""
    need, homes = plan.stage.pool_need, homes_of(plan)
    if need is None:
        return _sent(homes, readers)
    table, local = need.table, pooled_on_one_tile(need, lasting_homes(plan))
    highest = np.append(homes, -1)[table].max(axis=1)
    routes = _sent(np.where(local, highest, _NOWHERE), readers)
    raw = np.zeros((len(readers), plan.stage.windows + 1), bool)
    for number, reader in enumerate(readers):
        raw[number, table[reader.needed & ~local].reshape(-1)] = True
    apart = [
        _Reader(reader.tile, raw[number, :-1], reader.value_bytes, reader.span) for number, reader in enumerate(readers)
    ]
    routes.update(_sent(homes, apart))
    return routes


def _sent(homes: Integers, readers: list[_Reader]) -> Counter[Route]:
    """A message for each slot with a home and each part of a value that other tiles need."""
    routes: Counter[Route] = Counter()
    for span in sorted({reader.span for reader in readers}):
        mine = [reader for reader in readers if reader.span == span]
        needed = np.array([reader.needed for reader in mine])
        keys = np.vstack([np.packbits(needed, axis=0), homes.astype(">i8").view(np.uint8).reshape(-1, 8).T]).T
        _, first, counts = np.unique(np.ascontiguousarray(keys), axis=0, return_index=True, return_counts=True)
        for slot, count in zip(first.tolist(), counts.tolist(), strict=True):
            source = int(homes[slot])
            tiles = tuple(sorted({reader.tile for reader in mine if reader.needed[slot]} - {source}))
            if source != _NOWHERE and tiles:
                routes[source, tiles, mine[0].value_bytes] += count
    return routes


def _partial_sums(plan: StagePlan) -> Counter[Route]:
    routes: Counter[Route] = Counter()
    for copy in plan.copies:
        for part in copy.parts[:-1]:
            if part.tile != copy.home:
                routes[part.tile, (copy.home,), part.outputs * PARTIAL_SUM_BYTES] += len(copy.windows)
    return routes
