"""What tiles send each other is known before any simulation, and exchanging tiles lowers how far it goes."""

from __future__ import annotations

from itertools import combinations

import pytest

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.mapping import Placement
from archsim.mapping.exchange import hops_between, moved
from archsim.mapping.traffic import GATE, HOST, traffic
from tests.engine.networks import SMALL, placed

SEVERAL_TILES = ("tile.pes=1", "pe.arrays=4", "noc.concentration=1")
SEVERAL_CHIPS = (*SEVERAL_TILES, "chip.tiles=4", "chip.mesh_width=2")


def bytes_hops(placement: Placement) -> float:
    """Bytes x links between routers, each message counted to each of its tiles, by way of the gates to other chips
    and to the host, which a message reaches once for all that is beyond."""
    hops, size = hops_between(placement), placement.tiles_per_chip
    total = 0.0
    for (source, destinations, value_bytes), count in traffic(placement).items():
        beyond = False
        for destination in destinations:
            if HOST in (destination, source) or destination // size != source // size:
                beyond = True
                total += count * value_bytes * (destination != HOST) * hops[GATE, destination % size]
            else:
                total += count * value_bytes * hops[source % size, destination % size]
        if beyond and source != HOST:
            total += count * value_bytes * hops[source % size, GATE]
    return total


def over_the_mesh(placement: Placement) -> int:
    """Bytes of the first image, for each tile of a chip that they go to."""
    total = 0
    for (source, destinations, size), count in traffic(placement).items():
        tiles = {GATE if tile == HOST else tile for tile in destinations} - {GATE if source == HOST else source}
        total += count * size * len(tiles)
    return total


@pytest.mark.parametrize("settings", [(), SEVERAL_TILES], ids=["one tile", "several tiles"])
@pytest.mark.parametrize("assignment", ["strips", "round_robin", "bands"])
@pytest.mark.parametrize("name", SMALL)
def test_the_traffic_is_what_the_simulation_sends(name: str, assignment: str, settings: tuple[str, ...]) -> None:
    """On one chip every message of a route goes to each of its tiles over the mesh."""
    placement = placed(SMALL[name](), "chips=1", f"copies.assignment={assignment}", *settings)
    assert over_the_mesh(placement) == (simulate(placement).moved_bytes.noc or 0)


@pytest.mark.parametrize("chips", [SEVERAL_TILES, SEVERAL_CHIPS], ids=["a chip", "several chips"])
@pytest.mark.parametrize("name", ["chain", "residual", "inception"])
def test_after_exchanging_tiles_no_exchange_of_two_tiles_of_a_chip_helps(name: str, chips: tuple[str, ...]) -> None:
    before, after = (
        placed(SMALL[name](), *chips, f"placement.order={order}", copies=[3, 2, 2])
        for order in ("interleaved", "exchanged")
    )
    least = bytes_hops(after)
    assert least <= bytes_hops(before)
    used = sorted({part.tile for plan in after.plans for copy in plan.copies for part in copy.parts})
    size = after.tiles_per_chip
    for one, other in combinations(range(max(used) + 1), 2):
        if one // size == other // size:
            to = list(range(after.chips * size))
            to[one], to[other] = other, one
            assert bytes_hops(moved(after, to)) >= least
    assert simulate(after, ideal=True).latency_ns == simulate(before, ideal=True).latency_ns
    assert simulate(after).ok


def test_exchanging_tiles_saves_a_fifth_of_bytes_times_hops_of_resnet18() -> None:
    copies = [64] + [16] * 4 + [4] * 5 + [1] * 11
    interleaved, exchanged = (
        placed("resnet18", f"placement.order={order}", copies=copies) for order in ("interleaved", "exchanged")
    )
    assert bytes_hops(exchanged) < 0.8 * bytes_hops(interleaved)


def test_an_order_that_no_one_knows_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"placement\.order: got 'layer', expected one of exchanged, inter"):
        placed(SMALL["chain"](), "placement.order=layer")


@pytest.mark.parametrize("copies", [[5, 3, 1], [7, 2, 1]])
def test_where_copies_take_turns_from_image_to_image_no_pool_is_taken_for_local(copies: list[int]) -> None:
    """144 windows on 5 or 7 copies: the tile of a window changes with the image, so raw results are sent in every
    image, also from those that happen to leave one tile in the first."""
    placement = placed(SMALL["chain"](), *SEVERAL_TILES, "chips=1", "copies.assignment=round_robin", copies=copies)
    assert over_the_mesh(placement) == simulate(placement).moved_bytes.noc
