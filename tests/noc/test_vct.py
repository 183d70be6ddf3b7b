"""The cut-through mesh against logs of BookSim 2, against the wormhole mesh, by hand, and what multicast keeps."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.noc import IdealMesh, Mesh, Router, Traffic, VctMesh
from archsim.noc.network import Network
from archsim.noc.packets import Packets, read_packets
from archsim.noc.replay import replay, zero_load_latency

LOGS = Path(__file__).parent / "logs"
SHARED = Path(__file__).parents[2].parent / "shared" / "noc"
BASE = Router(0, 1, 1, 1, 1, 4, 16)
ENDLESS = 10**12

Sent = tuple[int, int, tuple[int, ...], int]
"""Time, source, destinations, bytes."""


def logged(path: Path) -> np.ndarray:
    with gzip.open(path, "rt") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: int(row["pid"]))
    return np.array([int(row["tail_arrive"]) for row in rows])


def error(path: Path, network: Network) -> tuple[int, float]:
    """Packets that arrive in another cycle than in a log, and how far off the mean latency is."""
    packets = read_packets(path, network.columns * network.rows)
    found, expected = replay(packets, network), logged(path)
    mean = (expected - packets.create).mean()
    return int((found.tail_arrive != expected).sum()), abs(found.latencies.mean() - mean) / mean


@pytest.mark.parametrize("name", ["incast_x8", "transpose_burst"])
def test_logs_without_full_buffers_are_reproduced(name: str):
    log = LOGS / f"directed_4x4_v1b8_{name}.csv.gz"
    assert error(log, Network(4, 4, "vct")) == (0, 0)


def test_a_log_with_full_buffers_is_not():
    """What the model leaves out shows: two packets of five wait for room in BookSim."""
    assert error(LOGS / "directed_4x4_v1b8_hol_block.csv.gz", Network(4, 4, "vct"))[0] == 2


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="BookSim's logs are not here")
def test_mean_latency_is_within_5_percent_of_booksim_up_to_medium_load_and_exact_with_long_buffers():
    logs = 0
    for run in json.loads((SHARED / "packets_index.json").read_text()):
        if run["num_vcs"] == 1 and run["load"] in {"low", "med"}:
            network = Network(run["k"], run["k"], "vct", buffer_flits=run["vc_buf_size"])
            wrong, off = error(SHARED / run["file"], network)
            assert off < 0.05, run["name"]
            assert wrong == 0 or run["vc_buf_size"] < 64, run["name"]
            logs += 1
    assert logs == 10


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 5), st.integers(1, 4), st.integers(0, 1), st.integers(0, 3))
def test_with_buffers_that_never_fill_it_is_the_wormhole_mesh(
    data: st.DataObject, columns: int, rows: int, routing_delay: int, credit_delay: int
):
    node = st.integers(0, columns * rows - 1)
    target = st.just(data.draw(node)) if data.draw(st.booleans()) else node
    drawn = data.draw(
        st.lists(st.tuples(node, target, st.integers(1, 12), st.integers(0, 30)), min_size=1, max_size=25)
    )
    packets = Packets(*np.array([(pid, *row) for pid, row in enumerate(drawn)], dtype=np.int64).T)
    router = {"buffer_flits": 400, "routing_delay": routing_delay, "credit_delay": credit_delay}
    vct, wormhole = (replay(packets, Network(columns, rows, model, **router)) for model in ("vct", "wormhole"))
    assert vct.tail_arrive.tolist() == wormhole.tail_arrive.tolist()
    assert vct.checks == {"packets": True, "flits": True}


@settings(deadline=None)
@given(st.integers(0, 14), st.integers(1, 40), st.integers(1, 16), st.integers(0, 1), st.integers(0, 3))
def test_a_packet_alone_takes_the_formula(hops: int, flits: int, buffer: int, routing: int, credit: int):
    network = Network(15, 1, "vct", buffer_flits=buffer, routing_delay=routing, credit_delay=credit)
    found = replay(Packets(*np.array([[0, 0, hops, flits, 50]]).T), network)
    assert found.latencies.tolist() == zero_load_latency(np.array([hops]), np.array([flits]), network).tolist()


def deliveries(mesh: VctMesh, sent: list[Sent]) -> dict[tuple[int, int], int]:
    """The cycle in which each message is at each destination, sent by the number of its place in the list."""
    for number, (time, source, tiles, size) in enumerate(sent):
        mesh.send(time, number, source, tiles, size)
    found = mesh.advance(ENDLESS)
    assert found == sorted(found)
    assert len({delivery[1:] for delivery in found}) == len(found)
    return {(number, tile): cycle for cycle, number, tile in found}


@pytest.mark.parametrize("most", [1, 4, 16])
@pytest.mark.parametrize("size", [0, 4, 63, 64, 65, 500])
def test_a_message_alone_takes_as_long_as_on_the_ideal_mesh(size: int, most: int):
    """Whole messages of several packets too, on a concentrated mesh."""
    tiles = Mesh(48, 8, 2, 2)
    router = Router(0, 1, 1, 1, 1, 4, most)
    for source, destination in ((0, 47), (5, 4), (0, 9), (7, 7)):
        found = deliveries(VctMesh(tiles, router), [(9, source, (destination,), size)])
        assert found == {(0, destination): 9 + IdealMesh(tiles, router).latency(source, destination, size)}


def test_stages_of_other_lengths_move_a_head_and_hold_an_output_longer():
    """Hops of 2 + 3 + 1 + 2 + 4 cycles; in the last router the second packet is first in its buffer once the 4 flits
    before it have gone, and only then is it routed (2 cycles) and given its output (3)."""
    router = Router(2, 3, 1, 2, 4, 1, 16)
    found = deliveries(VctMesh(Mesh(3, 3), router), [(0, 0, (2,), 4), (12, 1, (2,), 4)])
    assert found[0, 2] == 2 + 3 * 12 + 3
    assert found[1, 2] == found[0, 2] + 4 + 2 + 3


def test_tiles_of_one_router_send_and_receive_through_ports_of_their_own():
    """Two tiles each send to another of their router at once, without waiting; two that send to one tile take turns."""
    tiles = Mesh(4, 2, 2, 2)
    alone = 2 + 4 + 3
    assert deliveries(VctMesh(tiles, BASE), [(0, 0, (2,), 16), (0, 1, (3,), 16)]) == {(0, 2): alone, (1, 3): alone}
    taking_turns = deliveries(VctMesh(tiles, BASE), [(0, 0, (3,), 16), (0, 1, (3,), 16), (0, 2, (3,), 16)])
    assert taking_turns == {(0, 3): alone, (1, 3): alone + 5, (2, 3): alone + 10}


def test_a_message_to_all_forks_and_arrives_everywhere_as_if_alone():
    """Every branch is free, so that each gets the flits with the others: the latency of a way of its own."""
    tiles = Mesh(15, 5)
    mesh = VctMesh(tiles, BASE)
    found = deliveries(mesh, [(0, 7, tuple(range(15)), 32)])
    assert found == {(0, tile): 2 + 4 * (tiles.hops(7, tile) + 1) + 7 for tile in range(15)}
    assert set(mesh.link_flits.values()) == {8}
    assert len(mesh.link_flits) == 14


def test_a_branch_that_is_taken_follows_in_a_second_pass():
    """Tile 1 of 0-1-2 sends to both neighbours while its way to 2 is taken by a message of 16 flits: 0 has it as if
    alone; the rest of it goes to 2 when that way is free, after the tail of the first pass at least."""
    mesh = VctMesh(Mesh(3, 3), BASE)
    found = deliveries(mesh, [(0, 0, (2,), 64), (5, 1, (0, 2), 16)])
    assert found[0, 2] == 2 + 4 * 3 + 15
    assert found[1, 0] == 5 + 2 + 4 * 2 + 3
    # allocated in the cycle after the tail of the long one has left router 1, in 2 + 4 + 1 + 15
    assert found[1, 2] == 23 + 1 + 3 + 4 + 3
    assert mesh.link_flits == {((0, 0), (1, 0)): 16, ((1, 0), (0, 0)): 4, ((1, 0), (2, 0)): 20}


def test_unicasts_follow_each_other_from_the_source():
    mesh = VctMesh(Mesh(3, 3), BASE, multicast=False)
    assert deliveries(mesh, [(0, 1, (2, 0), 16)]) == {(0, 0): 2 + 8 + 3, (0, 2): 2 + 8 + 3 + 5}


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    across, down = draw(st.sampled_from([(1, 1), (2, 1), (2, 2)]))
    columns = across * draw(st.integers(1, 5))
    return Mesh(draw(st.integers(1, columns * down * 4)), columns, across, down)


def traffic(draw: st.DataObject, mesh: Mesh, most: int) -> list[Sent]:
    tile = st.integers(0, mesh.tiles - 1)
    several = st.sets(tile, min_size=1, max_size=min(mesh.tiles, 9)).map(lambda tiles: tuple(sorted(tiles)))
    message = st.tuples(st.integers(0, 40), tile, several, st.integers(0, 150))
    return sorted(draw.draw(st.lists(message, min_size=1, max_size=most)))


@settings(deadline=None, max_examples=150)
@given(st.data(), meshes(), st.sampled_from([1, 3, 16]))
def test_multicast_delivers_once_and_takes_the_links_of_its_tree(data: st.DataObject, mesh: Mesh, most_flits: int):
    sent = traffic(data, mesh, 40)
    router = Router(data.draw(st.integers(0, 1)), 1, 1, 1, 1, 4, most_flits)
    once, each = VctMesh(mesh, router), VctMesh(mesh, router, multicast=False)
    found, by_itself = deliveries(once, sent), deliveries(each, sent)
    expected = {(number, tile) for number, (_, _, tiles, _) in enumerate(sent) for tile in tiles}
    assert found.keys() == by_itself.keys() == expected
    on_tree: Counter = Counter()
    for _, source, tiles, size in sent:
        on_tree.update(dict.fromkeys(mesh.tree(source, tiles), router.cut(size)[0]))
    assert once.link_flits == on_tree
    assert all(flits <= each.link_flits[link] for link, flits in once.link_flits.items())
    ideal = IdealMesh(mesh, router)
    assert all(
        cycle >= sent[number][0] + ideal.latency(sent[number][1], tile, sent[number][3])
        for (number, tile), cycle in {**by_itself, **found}.items()
    )
    assert once.state(ENDLESS, str)[0] == ()


def test_broadcasts_from_everywhere_at_once_all_arrive():
    """256 of them on 8 x 8 tiles, each to all: 16,384 deliveries, and nothing stands still."""
    mesh = VctMesh(Mesh(64, 8), BASE)
    sent = [(0, tile, tuple(range(64)), 64) for tile in range(64) for _ in range(4)]
    assert len(deliveries(mesh, sent)) == 16_384
    assert sum(mesh.link_flits.values()) == 256 * 63 * 16


@settings(deadline=None, max_examples=80)
@given(st.data(), meshes())
def test_one_destination_is_the_same_with_and_without_multicast(data: st.DataObject, mesh: Mesh):
    sent = [(time, source, tiles[:1], size) for time, source, tiles, size in traffic(data, mesh, 30)]
    assert deliveries(VctMesh(mesh, BASE), sent) == deliveries(VctMesh(mesh, BASE, multicast=False), sent)


@settings(deadline=None, max_examples=100)
@given(st.data(), meshes(), st.integers(1, 30))
def test_running_ahead_finds_every_delivery_in_its_cycle(data: st.DataObject, mesh: Mesh, step: int):
    """The way of an event-driven caller: it runs ahead as far as nothing new can be sent, a message's first cycle at
    its router being 2 after it was sent, and stops where something certainly arrives."""
    sent = traffic(data, mesh, 30)
    expected = deliveries(VctMesh(mesh, BASE), sent)
    model, found, waiting, now, least = VctMesh(mesh, BASE), {}, list(enumerate(sent)), 0, 0
    while waiting or len(found) < len(expected):
        following = waiting[0][1][0] if waiting else now + step
        certain = model.run_ahead(following + 2)
        if certain is not None and certain <= following:
            now = certain
            assert now >= least
            arrived = model.advance(now)
            assert {cycle for cycle, _, _ in arrived} == {now}
            found |= {(number, tile): cycle for cycle, number, tile in arrived}
        else:
            now = following
            least = model.not_before if certain is None else least
            while waiting and waiting[0][1][0] == now:
                number, message = waiting.pop(0)
                model.send(now, number, *message[1:])
    assert found == expected
    assert model.run_ahead(ENDLESS) is None


def test_a_delivery_is_known_when_its_last_branch_is_given_and_certain_when_none_can_come_before():
    """16 flits on the way from 0 to 1 are decided in cycle 2 + 4, 1 + 15 + 3 before they are there; a flit that another
    tile sends in cycle 9 is there before."""
    mesh = VctMesh(Mesh(3, 3), BASE)
    assert mesh.send(0, 1, 0, (1,), 64) is None
    assert (mesh.run_ahead(6), mesh.next_delivery()) == (None, None)
    assert (mesh.run_ahead(7), mesh.next_delivery(), mesh.pending) == (25, 25, [(25, 1, 1)])
    assert mesh.send(9, 2, 2, (2,), 4) == 25
    assert (mesh.run_ahead(11), mesh.not_before) == (None, 14)
    assert mesh.run_ahead(12) == 15
    assert mesh.advance(24) == [(15, 2, 2)]
    assert mesh.advance(25) == [(25, 1, 1)]
    assert mesh.next_delivery() is None


@settings(deadline=None, max_examples=60)
@given(st.data(), meshes(), st.integers(1, 60))
def test_the_state_repeats_with_the_traffic_and_decides_what_follows(data: st.DataObject, mesh: Mesh, at: int):
    """The same messages, by other numbers and later: the same state relative to now, and the same future."""
    sent = traffic(data, mesh, 15)
    states, futures = [], []
    for shift, first in ((0, 0), (1000, 500)):
        model = VctMesh(mesh, BASE)
        for number, (time, *message) in enumerate(sent):
            if time <= at:
                model.send(time + shift, number + first, *message)
        model.advance(at + shift)
        states.append(model.state(at + shift, lambda number, first=first: number - first))
        futures.append([(cycle - shift, number - first, tile) for cycle, number, tile in model.advance(ENDLESS)])
    assert states[0] == states[1]
    assert futures[0] == futures[1]


def test_the_state_tells_apart_what_goes_on_in_different_ways():
    def state(*sent: Sent) -> tuple:
        mesh = VctMesh(Mesh(4, 4), BASE)
        for number, (time, *message) in enumerate(sent):
            mesh.send(time, number, *message)
        mesh.advance(12)
        return mesh.state(12, str)

    different = [
        state((0, 0, (3,), 64)),
        state((1, 0, (3,), 64)),
        state((0, 0, (2,), 64)),
        state((0, 0, (3,), 60)),
        state((0, 0, (2, 3), 64)),
        state((0, 0, (3,), 128)),
        state((0, 0, (3,), 64), (2, 1, (3,), 4)),
        state(),
    ]
    assert len(set(different)) == len(different)


def test_load_counts_what_enters_its_links_and_the_cycles_that_it_took():
    mesh = VctMesh(Mesh(16, 4), Router(0, 1, 1, 1, 1, 4, 4))
    found = deliveries(mesh, [(0, 0, (3, 12), 70), (200, 0, (3,), 70), (200, 3, (0,), 4)])
    load = mesh.load(mesh.traffic)
    assert (mesh.traffic.messages, mesh.traffic.delivered, mesh.traffic.sent_bytes) == (4, 4, 214)
    assert (load.messages, load.packets, load.flits) == (4, 5 + 5 + 1, 18 + 18 + 1)
    assert load.bytes_hops == 70 * 6 + 70 * 3 + 4 * 3
    assert load.busiest_link_flits == mesh.busy_cycles == 36
    assert load.links == mesh.link_flits
    assert load.router_flits == sum(load.links.values()) + 18 + 18 + 1
    assert load.latency_cycles == sum(found.values()) - 2 * 200
    unicast = VctMesh(Mesh(16, 4), BASE, multicast=False)
    deliveries(unicast, [(0, 0, (3, 12), 70)])
    assert unicast.load(unicast.traffic).flits == 36


def test_what_messages_wait_is_what_they_take_beyond_an_idle_mesh():
    """The third and the second of three from one tile, 16 + 1 cycles behind each other; two at once from others."""
    mesh = VctMesh(Mesh(4, 4), BASE)
    deliveries(mesh, [(0, 0, (1,), 64)] * 3)
    assert mesh.load(mesh.traffic).waited_cycles == 17 + 2 * 17


def test_load_of_several_such_runs_is_so_many_times_as_much():
    mesh = VctMesh(Mesh(16, 4), BASE)
    deliveries(mesh, [(0, 0, (3, 12), 70), (0, 1, (3,), 70), (0, 0, (3,), 70)])
    traffic = mesh.traffic
    thrice = Traffic(
        {route: 3 * count for route, count in traffic.sent.items()},
        trees={tree: 3 * count for tree, count in traffic.trees.items()},
        latencies={cycles: 3 * count for cycles, count in traffic.latencies.items()},
    )
    once, all_three = mesh.load(traffic), mesh.load(thrice)
    assert once.waited_cycles
    assert all_three.links == {link: 3 * flits for link, flits in once.links.items()}
    for name in ("messages", "packets", "flits", "latency_cycles", "waited_cycles", "bytes_hops", "router_flits"):
        assert getattr(all_three, name) == 3 * getattr(once, name)
    nothing = mesh.load(Traffic())
    assert (nothing.messages, nothing.flits, nothing.waited_cycles, nothing.links) == (0, 0, 0, {})
