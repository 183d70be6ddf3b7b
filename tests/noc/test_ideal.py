"""The uncontended mesh against BookSim 2 and against ways counted by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from archsim.noc import IdealMesh, Mesh, Router

SHARED = Path(__file__).parents[2].parent / "shared" / "noc" / "zero_load.csv"

# BookSim 2, commit 28f43299: one packet on an idle k x k mesh, cycles from creation to the arrival of the tail;
# 1 virtual channel of 8 flits. (k, flits, routing_delay, hops, packet_latency)
BOOKSIM = [
    (4, 1, 0, 0, 6),
    (4, 1, 0, 6, 30),
    (4, 1, 1, 0, 7),
    (4, 1, 1, 6, 37),
    (4, 4, 0, 0, 9),
    (4, 4, 0, 3, 21),
    (4, 8, 1, 2, 24),
    (8, 4, 0, 14, 65),
    (8, 8, 0, 1, 17),
    (8, 8, 1, 14, 84),
]


def mesh(k: int, routing_delay: int = 0, *, most: int = 16) -> IdealMesh:
    return IdealMesh(Mesh(k * k, k), Router(routing_delay, 1, 1, 1, 1, 4, most))


def pair(k: int, hops: int) -> tuple[int, int]:
    """Two nodes so many hops apart: along x first, then along y."""
    x = min(hops, k - 1)
    return 0, x + k * (hops - x)


@pytest.mark.parametrize(("k", "flits", "routing", "hops", "latency"), BOOKSIM)
def test_latency_is_that_of_booksim(k: int, flits: int, routing: int, hops: int, latency: int) -> None:
    model = mesh(k, routing)
    model.send(100, 1, *_route(k, hops), 4 * flits)
    assert model.advance(100 + latency - 1) == []
    assert model.advance(100 + latency) == [(100 + latency, 1, pair(k, hops)[1])]


def _route(k: int, hops: int) -> tuple[int, tuple[int]]:
    source, destination = pair(k, hops)
    return source, (destination,)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_file(), reason="BookSim's zero-load table is not here")
def test_latency_is_that_of_booksim_on_every_row_without_speculation_and_buffer_stalls() -> None:
    """Rows with 4-flit buffers (less than the round trip of a credit) or speculative allocation are other routers."""
    rows = 0
    for row in csv.DictReader(SHARED.open()):
        if row["speculative"] != "0" or int(row["vc_buf_size"]) < 6:
            continue
        k, hops = int(row["k"]), int(row["hops"])
        model = mesh(k, int(row["routing_delay"]))
        assert model.latency(*pair(k, hops), 4 * int(row["packet_flits"])) == int(row["packet_latency"])
        rows += 1
    assert rows == 792


def test_a_message_of_several_packets_pays_a_cycle_between_packets() -> None:
    """With one virtual channel a packet of L flits takes L + 1 cycles of a link (BookSim's saturation, 0.8 at 4)."""
    assert mesh(4).latency(0, 3, 4 * 4) == 2 + 4 * 4 + 3
    assert mesh(4, most=4).latency(0, 3, 4 * 12) == 2 + 4 * 4 + 11 + 2
    assert mesh(4, most=1).latency(0, 3, 4 * 3) == 2 + 4 * 4 + 2 + 2


def test_bytes_are_rounded_up_to_flits_and_a_message_has_one_at_least() -> None:
    router = Router(0, 1, 1, 1, 1, 4, 16)
    assert [router.cut(size) for size in (0, 1, 4, 5, 64, 65)] == [(1, 1), (1, 1), (1, 1), (2, 1), (16, 1), (17, 2)]


def test_hops_on_a_concentrated_mesh_are_between_routers() -> None:
    """14 x 12 tiles, 2 x 2 of them on a router: 7 x 6 routers."""
    tiles = Mesh(168, 14, 2, 2)
    assert [tiles.router(tile) for tile in (0, 1, 14, 15, 2, 28, 167)] == [
        (0, 0), (0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (6, 5),
    ]  # fmt: skip
    assert (tiles.hops(0, 15), tiles.hops(0, 2), tiles.hops(0, 167), tiles.hops(167, 0)) == (0, 1, 11, 11)


def test_the_way_goes_along_x_then_along_y() -> None:
    tiles = Mesh(16, 4)
    assert list(tiles.links(0, 9)) == [((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (1, 2))]
    assert list(tiles.links(9, 0)) == [((1, 2), (0, 2)), ((0, 2), (0, 1)), ((0, 1), (0, 0))]
    assert list(tiles.links(5, 5)) == []


def test_the_number_of_links_is_the_number_of_hops() -> None:
    for tiles in (Mesh(16, 4), Mesh(24, 6, 2, 2), Mesh(12, 4, 4, 1)):
        for source in range(tiles.tiles):
            for destination in range(tiles.tiles):
                assert len(list(tiles.links(source, destination))) == tiles.hops(source, destination)


def test_deliveries_come_in_order_of_time_then_of_message() -> None:
    model = mesh(4)
    model.send(0, 7, 0, (3,), 4)  # 3 hops: 18
    model.send(4, 5, 0, (2,), 4)  # 2 hops, 4 later: 18
    model.send(0, 6, 0, (1,), 4)  # 10
    assert model.next_delivery() == 10
    assert model.advance(9) == []
    assert model.advance(18) == [(10, 6, 1), (18, 5, 2), (18, 7, 3)]
    assert model.next_delivery() is None


def test_a_message_to_several_tiles_arrives_at_each() -> None:
    model = mesh(4)
    model.send(0, 1, 0, (15, 1, 5), 8)
    assert model.advance(1000) == [(11, 1, 1), (15, 1, 5), (31, 1, 15)]


def test_traffic_counts_what_was_sent_and_delivered() -> None:
    model = mesh(4)
    model.send(0, 1, 0, (3, 12), 70)
    model.send(5, 2, 0, (3,), 70)
    model.send(5, 3, 3, (0,), 4)
    traffic = model.traffic
    assert (traffic.messages, traffic.sent_bytes, traffic.delivered) == (4, 214, 0)
    load = model.load(traffic)
    assert (load.messages, load.flits, load.packets) == (4, 18 * 3 + 1, 2 * 3 + 1)
    assert load.bytes_hops == 3 * (70 * 3) + 4 * 3
    assert load.latency_cycles == 3 * (2 + 4 * 4 + 17 + 1) + (2 + 4 * 4)
    assert load.latencies == {2 + 4 * 4 + 17 + 1: 3, 2 + 4 * 4: 1}
    assert (load.busiest_link_flits, load.waited_cycles) == (36, None)
    assert (sum(load.links.values()), load.router_flits) == (3 * 18 * 3 + 3, 3 * 18 * 4 + 4)
    assert load.links[(0, 0), (1, 0)] == 36
    assert len(model.advance(1000)) == traffic.delivered == 4
