"""Tiles that share one bus: `noc.model: bus`."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archsim.engine import simulate
from archsim.engine.chip import Chip
from archsim.mapping import Placement
from archsim.result import Result
from tests.engine.networks import SMALL, Net, placed

# a cycle of 10 us, of which a message of 8 bytes takes one
SLOW = ("noc.model=bus", "noc.clock_ghz=0.0001", "noc.flit_bytes=8", "noc.switch_allocation_delay=0")
TILES = ("tile.pes=1", "pe.arrays=2", "chip.tiles=4", "chip.mesh_width=4", "noc.concentration=1")


def two_layers(*settings: str) -> Placement:
    """Two windows on two copies in one tile, which send 4 values of 2 bytes each to a copy in another."""
    net = Net(3, 1, 2)
    net.conv(net.conv("image", 4), 4)
    return placed(net, *TILES, *settings, copies=[2, 1])


def test_results_of_two_copies_go_one_after_the_other() -> None:
    """Both leave 2,100 ns after their start, before cycle 1. The first is there in cycle 2, the second in cycle 3, and
    each is written in 100 ns and takes 2,100 ns to its own result, which has the bus from the next cycle on: the last
    from 4 to 5; and the read cycle of a write."""
    result = simulate(two_layers(*SLOW))
    assert result.ok
    assert result.latency_ns == 5 * 10_000 + 100
    assert (result.noc.packets, result.noc.flits, result.noc.bytes_hops) == (4, 4, 4 * 8)
    assert result.noc.mean_latency_ns == (10_000 + 20_000 + 10_000 + 10_000) / 4


def test_where_tiles_stand_and_what_routers_take_does_not_matter() -> None:
    routers = ("noc.routing_delay=3", "noc.vc_allocation_delay=4", "noc.traversal_delay=5", "chip.mesh_width=2")
    assert simulate(two_layers(*SLOW, *routers, "noc.concentration=2")).latency_ns == 50_100


def test_a_grant_takes_the_bus_too() -> None:
    """As above with two cycles a message: from 1 to 3, 3 to 5, then the results, which wait: 5 to 7, 7 to 9."""
    assert simulate(two_layers(*SLOW, "noc.switch_allocation_delay=1")).latency_ns == 90_100


def test_the_bus_is_among_the_busiest_units() -> None:
    """4 of 5 cycles and a read cycle."""
    uses = {use.unit: use for use in simulate(two_layers(*SLOW)).busiest}
    assert uses["noc"].where == "chip 0"
    assert uses["noc"].utilisation == pytest.approx(4 * 10_000 / 50_100)
    assert "noc" not in {use.unit for use in simulate(two_layers("noc.model=ideal")).busiest}


def test_a_value_that_several_tiles_need_is_on_the_bus_once() -> None:
    """Three readers of one convolution, each on a tile of its own: a message of two flits for all of them."""
    net = Net(3, 1, 1)
    stem = net.conv("image", 8)
    readers = [net.conv(stem, 16) for _ in range(3)]
    placement = placed(net, *TILES, "pe.arrays=1", *SLOW, copies=[1] * 4, outputs=readers)
    assert [plan.copies[0].home for plan in placement.plans] == [0, 1, 2, 3]
    machine = Chip(placement, 1, ideal=False)
    machine.run()
    (adapter,) = machine.fabric.meshes
    traffic = adapter.model.traffic
    assert traffic.broadcasts == {16: 1, 32: 3}
    assert traffic.sent == {(0, 1, 16): 1, (0, 2, 16): 1, (0, 3, 16): 1, (1, 0, 32): 1, (2, 0, 32): 1, (3, 0, 32): 1}


def both(name: str) -> tuple[Result, Result]:
    net = SMALL[name]()
    copies = [5, 3, 2, 1, 4, 2, 1, 3][: net.matrices]
    settings = ("tile.pes=1", "pe.arrays=4", "noc.clock_ghz=0.1", "noc.flit_bytes=4")
    free = ("noc.routing_delay=0", "noc.vc_allocation_delay=0", "noc.switch_allocation_delay=0")
    one = simulate(placed(net, *settings, *free, "noc.model=bus", copies=copies), images=4)
    return one, simulate(placed(net, *settings, *free, "noc.model=ideal", copies=copies), images=4)


@pytest.mark.parametrize("name", SMALL)
def test_a_bus_carries_all_that_a_mesh_carries(name: str) -> None:
    bus, mesh = both(name)
    assert bus.ok
    assert bus.moved_bytes.noc == mesh.moved_bytes.noc
    assert 0 < (bus.noc.flits or 0) <= (mesh.noc.flits or 0)
    assert 0 < (bus.noc.max_link_utilisation or 0) <= 1


def test_no_two_messages_are_on_the_bus_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every arrival is a message's flits after the one before, or later."""
    net = SMALL["residual"]()
    placement = placed(
        net, "tile.pes=1", "pe.arrays=4", "noc.model=bus", "noc.clock_ghz=0.05", copies=[4, 3, 2, 2, 1, 1, 1]
    )
    machine = Chip(placement, 2, ideal=False)
    (adapter,) = machine.fabric.meshes
    model, arrivals = adapter.model, {}
    send = model.send

    def kept(time: int, message: int, source: int, destinations: list[int], size: int) -> int:
        earliest = send(time, message, source, destinations, size)
        arrivals[message] = (max(arrival for arrival, number, _ in model.pending if number == message), -(-size // 4))
        return earliest

    monkeypatch.setattr(model, "send", kept)
    machine.run()
    ordered = [arrivals[number] for number in sorted(arrivals)]
    gaps = [(after - before, flits) for (before, _), (after, flits) in pairwise(ordered)]
    assert len(gaps) > 100
    assert all(gap >= flits + 1 for gap, flits in gaps)
    assert any(gap == flits + 1 for gap, flits in gaps)
