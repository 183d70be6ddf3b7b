"""What tiles send each other is known before any simulation, and exchanging tiles lowers how far it goes."""

from __future__ import annotations

from itertools import combinations

import pytest

from archsim.engine import planned_noc, simulate
from archsim.errors import InputError
from archsim.mapping import Placement
from archsim.mapping.exchange import hops_between, moved
from archsim.mapping.traffic import GATE, HOST, traffic
from tests.engine.networks import SMALL, Net, placed

SEVERAL_TILES = ("tile.pes=1", "pe.arrays=4", "noc.concentration=1")
SEVERAL_CHIPS = (*SEVERAL_TILES, "chip.tiles=4", "chip.mesh_width=2")


def bytes_hops(placement: Placement) -> float:
    """Bytes x links between routers, each message counted to each of its tiles, by way of the gates to other chips
    and to the host, which a message reaches once for all that is beyond; with multicast, a share to each tile."""
    hops, size = hops_between(placement), placement.tiles_per_chip
    noc = placement.design.noc
    total = 0.0
    for (source, destinations, value_bytes), count in traffic(placement).items():
        weight = count * value_bytes / (len(destinations) if noc is not None and noc.multicast else 1)
        beyond = False
        for destination in destinations:
            if HOST in (destination, source) or destination // size != source // size:
                beyond = True
                total += weight * (destination != HOST) * hops[GATE, destination % size]
            else:
                total += weight * hops[source % size, destination % size]
        if beyond and source != HOST:
            total += weight * hops[source % size, GATE]
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


@pytest.mark.parametrize("multicast", ["true", "false"])
@pytest.mark.parametrize("chips", [SEVERAL_TILES, SEVERAL_CHIPS], ids=["a chip", "several chips"])
@pytest.mark.parametrize("name", ["chain", "residual", "inception"])
def test_after_exchanging_tiles_no_exchange_of_two_tiles_of_a_chip_helps(
    name: str, chips: tuple[str, ...], multicast: str
) -> None:
    before, after = (
        placed(SMALL[name](), *chips, f"noc.multicast={multicast}", f"placement.order={order}", copies=[3, 2, 2])
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
            assert bytes_hops(moved(after, to)) >= least - 1e-6
    assert simulate(after, ideal=True).latency_ns == simulate(before, ideal=True).latency_ns
    assert simulate(after).ok


@pytest.mark.parametrize(("multicast", "share"), [("false", 0.82), ("true", 0.96)])
def test_exchanging_tiles_saves_bytes_times_hops_of_resnet18(multicast: str, share: float) -> None:
    """As the simulation counts them: once for each tile, or with multicast once over each link of a tree."""
    copies = [64] + [16] * 4 + [4] * 5 + [1] * 11
    interleaved, exchanged = (
        planned_noc(placed("resnet18", f"placement.order={order}", f"noc.multicast={multicast}", copies=copies), 1000.0)
        for order in ("interleaved", "exchanged")
    )
    assert interleaved is not None
    assert exchanged is not None
    assert exchanged.bytes_hops < share * interleaved.bytes_hops


@pytest.mark.parametrize("chips", [SEVERAL_TILES, SEVERAL_CHIPS], ids=["a chip", "several chips"])
@pytest.mark.parametrize("multicast", ["true", "false"])
@pytest.mark.parametrize("name", SMALL)
def test_what_is_planned_is_what_the_network_carries_where_buffers_have_room(
    name: str, multicast: str, chips: tuple[str, ...]
) -> None:
    """Bytes x links, and flits of a byte over the busiest link; a value that finds a full buffer is sent there later,
    by itself, so buffers are large here."""
    settings = ("noc.model=vct", "noc.flit_bytes=1", "tile.buffer_bytes=10000000", f"noc.multicast={multicast}")
    placement = placed(SMALL[name](), *chips, *settings)
    ran, planned = simulate(placement), planned_noc(placement, 1000.0)
    assert planned is not None
    assert (ran.noc.bytes_hops, ran.noc.link_flits) == (planned.bytes_hops, planned.bytes_hops)
    assert ran.noc.max_link_utilisation == pytest.approx(planned.busiest_link_load * 1000.0 / (ran.elapsed_ns or 0))


def test_without_a_network_nothing_is_planned() -> None:
    assert planned_noc(placed(SMALL["chain"](), "noc=null"), 1000.0) is None


def test_an_order_that_no_one_knows_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"placement\.order: got 'layer', expected one of exchanged, inter"):
        placed(SMALL["chain"](), "placement.order=layer")


@pytest.mark.parametrize("copies", [[5, 3, 1], [7, 2, 1]])
def test_where_copies_take_turns_from_image_to_image_no_pool_is_taken_for_local(copies: list[int]) -> None:
    """144 windows on 5 or 7 copies: the tile of a window changes with the image, so raw results are sent in every
    image, also from those that happen to leave one tile in the first."""
    placement = placed(SMALL["chain"](), *SEVERAL_TILES, "chips=1", "copies.assignment=round_robin", copies=copies)
    assert over_the_mesh(placement) == simulate(placement).moved_bytes.noc


@pytest.mark.parametrize("multicast", ["true", "false"])
@pytest.mark.parametrize("chips", [(), SEVERAL_CHIPS], ids=["a chip", "several chips"])
def test_a_value_that_is_an_output_and_is_read_goes_out_once_for_both(chips: tuple[str, ...], multicast: str) -> None:
    net = Net(3, 6, 6)
    first = net.conv("image", 16)
    second = net.conv(first, 16)
    last = net.conv(second, 16)
    outputs = [net.concat(first, second, last), second]
    settings = (*SEVERAL_TILES, "pe.arrays=1", *chips, "tile.buffer_bytes=10000000", "noc.model=vct")
    placement = placed(net, *settings, f"noc.multicast={multicast}", outputs=outputs)
    planned = planned_noc(placement, 1000.0)
    assert planned is not None
    assert simulate(placement).noc.bytes_hops == planned.bytes_hops
