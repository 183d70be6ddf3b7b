"""What a placement will send over the network, before any simulation."""

from __future__ import annotations

from typing import TypeVar

from archsim.engine.network import network_of
from archsim.mapping import Placement
from archsim.mapping.traffic import GATE, HOST, Route, traffic
from archsim.noc import Traffic
from archsim.result import PlannedNoc

Key = TypeVar("Key")

_Sending = tuple[int, int, tuple[int, ...], int]
"""The chip, the tile there that sends, those that it sends to, and the bytes."""


def planned_noc(placement: Placement, interval_ns: float) -> PlannedNoc | None:
    """What the messages of an image come to if every one goes out once, to all its tiles: bytes x links, and for how
    much of `interval_ns` the busiest link carries a flit. None without a network, and where layers do not stand beside
    each other for one image."""
    noc, network = placement.design.noc, network_of(placement.design, placement.tiles_per_chip)
    if noc is None or network is None or placement.jobs or placement.lockstep:
        return None
    chips: dict[int, Traffic] = {}
    for route, count in traffic(placement).items():
        for chip, source, tiles, size in _sendings(route, placement.tiles_per_chip):
            carried = chips.setdefault(chip, Traffic())
            for tree in [tiles] if noc.multicast else [(tile,) for tile in tiles]:
                _add(carried.trees, (source, tree, size), count)
            _add(carried.broadcasts, size, count)
            for tile in tiles:
                _add(carried.sent, (source, tile, size), count)
    loads = [network.load(carried) for carried in chips.values()]
    busiest = max((load.busiest_link_flits for load in loads), default=0)
    return PlannedNoc(
        bytes_hops=sum(load.bytes_hops for load in loads),
        busiest_link_load=busiest / float(noc.clock_ghz) / interval_ns,
    )


def _sendings(route: Route, per_chip: int) -> list[_Sending]:
    """What a message causes on each chip that it touches: it leaves each by the gate, and enters the next there."""
    source, destinations, size = route
    # the host is at the gate of the first chip
    chip, tile = (0, GATE) if source == HOST else divmod(source, per_chip)
    by_chip: dict[int, set[int]] = {}
    for destination in destinations:
        other, place = (0, GATE) if destination == HOST else divmod(destination, per_chip)
        by_chip.setdefault(other, set()).add(place)
    found = [(chip, tile, by_chip.pop(chip, set()))]
    for step in (1, -1):
        beyond = [other for other in by_chip if (other - chip) * step > 0]
        if beyond:
            found.append((chip, tile, {GATE}))
            found += [(other, GATE, by_chip[other]) for other in beyond]
    return [(where, start, tuple(sorted(tiles - {start})), size) for where, start, tiles in found if tiles - {start}]


def _add(counts: dict[Key, int], key: Key, count: int) -> None:
    counts[key] = counts.get(key, 0) + count
