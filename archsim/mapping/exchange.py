"""Moves the contents of tiles about on their chip, so that less has to travel: bytes x hops goes down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from archsim.mapping.placement import Placement, StagePlan
from archsim.mapping.traffic import GATE, HOST, traffic

Floats = npt.NDArray[np.float64]

# Exchanges after which the search ends, on each chip.
_MOST_EXCHANGES = 2000


def exchanged(placement: Placement) -> Placement:
    """Exchanges the contents of two tiles of a chip, always the two with which bytes x hops goes down most (ties: the
    first two), until no exchange helps. Every message counts to each of its tiles; with multicast, where its bytes go
    once over a link for all of them, each of n tiles counts an nth.

    The pairwise exchange of quadratic assignment problems: Armour and Buffa, Management Science 9 (1963).
    """
    if placement.design.noc is None:
        return placement
    flows, gates = _flows(placement, multicast=placement.design.noc.multicast)
    hops = hops_between(placement)
    size = placement.tiles_per_chip
    to = np.arange(placement.chips * size)
    for chip in range(placement.chips):
        tiles = slice(chip * size, (chip + 1) * size)
        to[tiles] = chip * size + _descend(flows[chip], gates[chip], hops)
    return moved(placement, to.tolist())


def hops_between(placement: Placement) -> Floats:
    """Links between the routers of any two tiles of a chip, as (tiles, tiles)."""
    noc, width = placement.design.noc, placement.design.chip.mesh_width or placement.tiles_per_chip
    across, down = noc.cluster if noc else (1, 1)
    y, x = np.divmod(np.arange(placement.tiles_per_chip), width)
    x, y = x // across, y // down
    hops: Floats = (np.abs(x[:, None] - x) + np.abs(y[:, None] - y)).astype(np.float64)
    return hops


def _flows(placement: Placement, *, multicast: bool) -> tuple[list[Floats], list[Floats]]:
    """For each chip the bytes between any two tiles, both ways together, and those between each tile and the gate."""
    size = placement.tiles_per_chip
    flows = [np.zeros((size, size)) for _ in range(placement.chips)]
    gates = [np.zeros(size) for _ in range(placement.chips)]
    for (source, destinations, value_bytes), count in traffic(placement).items():
        chip, tile = divmod(source, size)
        weight = count * value_bytes / (len(destinations) if multicast else 1)
        away = {destination for destination in destinations if destination == HOST or destination // size != chip}
        for destination in destinations:
            other, place = divmod(destination, size)
            if destination not in away:
                flows[chip][tile, place] += weight
                flows[chip][place, tile] += weight
            elif destination != HOST:
                gates[other][place] += weight
        if away and source != HOST:
            gates[chip][tile] += weight
    return flows, gates


def _descend(flow: Floats, gate: Floats, hops: Floats) -> npt.NDArray[np.int64]:
    """Where the contents of each tile go."""
    place = np.arange(len(flow))
    for _ in range(_MOST_EXCHANGES):
        apart = hops[np.ix_(place, place)]
        cost = flow @ apart + np.outer(gate, hops[GATE][place])
        own = np.diag(cost)
        change = cost + cost.T - own[:, None] - own + 2 * flow * apart
        best = int(np.argmin(change))
        if change.flat[best] >= 0:
            break
        one, other = divmod(best, len(flow))
        place[[one, other]] = place[[other, one]]
    return place


def moved(placement: Placement, to: list[int]) -> Placement:
    """The placement with what stands in tile t in tile `to[t]`."""

    def plan_moved(plan: StagePlan) -> StagePlan:
        copies = (
            replace(copy, parts=tuple(replace(part, tile=to[part.tile]) for part in copy.parts)) for copy in plan.copies
        )
        return replace(plan, copies=tuple(copies))

    ports = sorted((replace(port, tile=to[port.tile]) for port in placement.ports), key=lambda port: port.tile)
    return replace(placement, plans=tuple(map(plan_moved, placement.plans)), ports=tuple(ports))
