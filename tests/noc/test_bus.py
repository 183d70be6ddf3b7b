"""The bus that all tiles share, by hand."""

from __future__ import annotations

from archsim.noc import Mesh, Router, SharedBus


def bus(switch: int = 0, link: int = 1) -> SharedBus:
    """Flits of 4 bytes, packets of 2 flits."""
    return SharedBus(Mesh(8, 8), Router(7, 5, switch, 3, link, 4, 2))


def test_a_message_takes_a_cycle_a_flit_wherever_it_goes() -> None:
    model = bus()
    assert model.send(10, 1, 0, (7,), 13) == 14
    assert model.advance(13) == []
    assert model.advance(14) == [(14, 1, 7)]
    assert model.send(14, 2, 6, (7,), 1) == 15
    assert model.advance(15) == [(15, 2, 7)]


def test_the_grant_and_the_way_come_on_top() -> None:
    """2 cycles for the grant, 4 flits, 3 cycles along the bus for each."""
    model = bus(switch=2, link=3)
    assert model.send(10, 1, 0, (1,), 16) == 10 + 2 + 3 + 3
    assert model.latency(16) == 8


def test_one_message_at_a_time_first_come_first_served() -> None:
    """4 flits from cycle 10, 2 that come with them, 1 that comes in cycle 12, and 1 when all is done."""
    model = bus()
    model.send(10, 1, 0, (1,), 16)
    model.send(10, 2, 3, (1,), 8)
    assert model.send(12, 3, 1, (0,), 4) == 14
    assert model.advance(20) == [(14, 1, 1), (16, 2, 1), (17, 3, 0)]
    assert model.next_delivery() is None
    model.send(40, 4, 1, (0,), 4)
    assert model.advance(41) == [(41, 4, 0)]


def test_a_grant_keeps_the_bus_and_the_way_along_it_does_not() -> None:
    model = bus(switch=1, link=5)
    model.send(0, 1, 0, (1,), 8)
    model.send(0, 2, 0, (1,), 8)
    assert model.advance(100) == [(7, 1, 1), (10, 2, 1)]


def test_all_destinations_hear_a_message_at_once() -> None:
    model = bus()
    model.send(0, 1, 0, (5, 1, 3), 8)
    model.send(0, 2, 5, (0,), 8)
    assert model.next_delivery() == 2
    assert model.advance(10) == [(2, 1, 1), (2, 1, 3), (2, 1, 5), (4, 2, 0)]


def test_deliveries_that_are_not_taken_stay() -> None:
    model = bus()
    model.send(0, 1, 0, (1,), 8)
    model.send(1, 2, 0, (1,), 8)
    assert model.advance(3) == [(2, 1, 1)]
    assert list(model.pending) == [(4, 2, 1)]
    assert model.traffic.delivered == 1


def test_what_it_carried_counts_a_broadcast_once_and_its_deliveries_each() -> None:
    """3 flits to two tiles at once from cycle 0; 2 flits that wait 3 cycles; in all 5 flits in 2 + 1 packets."""
    model = bus()
    model.send(0, 1, 0, (1, 2), 10)
    model.send(0, 2, 3, (0,), 5)
    traffic = model.traffic
    assert (traffic.messages, traffic.sent_bytes, traffic.delivered) == (3, 25, 0)
    assert (traffic.broadcasts, traffic.latencies) == ({10: 1, 5: 1}, {3: 2, 5: 1})
    load = model.load(traffic)
    assert (load.links, load.router_flits, load.waited_cycles) == ({None: 5}, 0, 3)
    assert (load.messages, load.packets, load.flits, load.busiest_link_flits) == (3, 3, 5, 5)
    assert load.latency_cycles == 3 + 3 + (3 + 2)
    assert load.bytes_hops == 15
    assert model.busy_cycles == 5
