"""The wormhole mesh against packet logs of BookSim 2, against a model stepped cycle by cycle, and by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.noc import Buffers, Mesh, Router, WormholeMesh
from archsim.noc.contended import ContendedMesh
from archsim.noc.network import Network
from archsim.noc.replay import zero_load_latency
from tests.noc import exact
from tests.noc.exact import SHARED, arrivals, as_time_goes_on, read, sent
from tests.noc.stepped import Sent, SteppedMesh

LOGS = sorted(exact.LOGS.glob("*_v1b8_*.csv.gz"))


def wormhole(columns: int, rows: int, **router: int) -> ContendedMesh:
    return exact.exact("wormhole", columns, rows, **router)


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_every_packet_of_a_log_of_booksim_arrives_in_its_cycle(log: Path):
    rows = read(log)
    found = arrivals(wormhole(4, 4, buffer_flits=8), sent(rows))
    assert found == {row["pid"]: row["tail_arrive"] for row in rows}


def test_the_logs_have_contention():
    """So that agreement with them says more than agreement on an idle network."""
    for log in LOGS:
        rows = read(log)
        assert any(row["tail_arrive"] - row["create"] > 6 + 4 * 6 + row["flits"] - 1 for row in rows)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="BookSim's logs are not here")
def test_every_packet_of_all_logs_of_booksim_arrives_in_its_cycle():
    packets = 0
    for run in json.loads((SHARED / "packets_index.json").read_text()):
        if run["num_vcs"] == 1 and (SHARED / run["file"]).is_file():
            delays = {name: run[name] for name in ("routing_delay", "credit_delay")}
            mesh = wormhole(run["k"], run["k"], buffer_flits=run["vc_buf_size"], **delays)
            rows = read(SHARED / run["file"])
            assert arrivals(mesh, sent(rows)) == {row["pid"]: row["tail_arrive"] for row in rows}, run["name"]
            packets += len(rows)
    assert packets == 47_840


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="BookSim's zero-load table is not here")
def test_a_packet_alone_takes_the_latency_of_booksim():
    """Virtual channels make no difference to a packet alone; speculative rows are another router."""
    rows = 0
    for row in csv.DictReader((SHARED / "zero_load.csv").open()):
        k, hops, flits = (int(row[name]) for name in ("k", "hops", "packet_flits"))
        if row["speculative"] == "0":
            buffer, routing = int(row["vc_buf_size"]), int(row["routing_delay"])
            mesh = wormhole(k, k, buffer_flits=buffer, routing_delay=routing)
            x = min(hops, k - 1)
            assert arrivals(mesh, [(0, 0, 0, x + k * (hops - x), flits)]) == {0: int(row["packet_latency"])}
            rows += 1
    assert rows == 1188


NETWORKS = {
    "columns": st.integers(1, 5),
    "rows": st.integers(1, 4),
    "buffer_flits": st.sampled_from([1, 2, 3, 4, 5, 6, 8, 16]),
    "routing_delay": st.integers(0, 1),
    "credit_delay": st.integers(0, 3),
}


@settings(deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(0, 50), st.fixed_dictionaries(NETWORKS))
def test_a_packet_alone_takes_the_formula(data: st.DataObject, flits: int, create: int, network: dict[str, int]):
    nodes = st.integers(0, network["columns"] * network["rows"] - 1)
    source, destination = data.draw(nodes), data.draw(nodes)
    (y0, x0), (y1, x1) = divmod(source, network["columns"]), divmod(destination, network["columns"])
    hops = np.array([abs(x1 - x0) + abs(y1 - y0)])
    latency = zero_load_latency(hops, np.array([flits]), Network(**network, model="ideal"))
    found = arrivals(wormhole(**network), [(create, 7, source, destination, flits)])
    assert found == {7: create + int(latency[0])}


def random_packets(data: st.DataObject, nodes: int) -> list[Sent]:
    node = st.integers(0, nodes - 1)
    target = st.just(data.draw(node)) if data.draw(st.booleans()) else node
    packet = st.tuples(st.integers(0, 30), node, target, st.integers(1, 12))
    drawn = data.draw(st.lists(packet, min_size=1, max_size=25))
    return sorted((create, pid, *rest) for pid, (create, *rest) in enumerate(drawn))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.fixed_dictionaries(NETWORKS))
def test_random_traffic_equals_the_model_stepped_cycle_by_cycle(data: st.DataObject, network: dict[str, int]):
    packets = random_packets(data, network["columns"] * network["rows"])
    found = arrivals(wormhole(**network), packets)
    assert SteppedMesh(**network).run(packets, max(found.values()) + 1) == found


@pytest.mark.parametrize("log", LOGS[:2], ids=lambda path: path.name)
def test_the_stepped_model_agrees_with_booksim_too(log: Path):
    rows = read(log)
    expected = {row["pid"]: row["tail_arrive"] for row in rows}
    assert SteppedMesh(4, 4, 8, 0, 1).run(sent(rows), max(expected.values()) + 1) == expected


@settings(deadline=None, max_examples=60)
@given(st.data(), st.fixed_dictionaries(NETWORKS))
def test_sending_as_time_goes_on_is_the_same_as_sending_all_at_first(data: st.DataObject, network: dict[str, int]):
    packets = random_packets(data, network["columns"] * network["rows"])
    messages = [(create, pid, source, (to,), flits) for create, pid, source, to, flits in packets]
    found = as_time_goes_on(wormhole(**network), messages)
    assert {pid: cycle for cycle, pid, _ in found} == arrivals(wormhole(**network), packets)


@settings(deadline=None, max_examples=40)
@given(st.data(), st.sampled_from([(1, 6), (6, 1), (3, 5)]), st.sampled_from([1, 2, 8]))
def test_links_carry_each_flit_once_per_hop_and_everything_is_back_at_the_end(
    data: st.DataObject, shape: tuple[int, int], buffer: int
):
    columns, rows = shape
    packets = random_packets(data, columns * rows)
    mesh = wormhole(columns, rows, buffer_flits=buffer)
    arrivals(mesh, packets)
    shape = Mesh(columns * rows, columns)
    hops = [flits * shape.hops(source, destination) for _, _, source, destination, flits in packets]
    assert sum(mesh.link_flits.values()) == sum(hops)
    # nothing is left: another packet takes the latency of an idle mesh
    last = columns * rows - 1
    mesh.send(10**9, 99, 0, (last,), 1)
    assert mesh.advance(2 * 10**9) == [(10**9 + 6 + 4 * shape.hops(0, last), 99, last)]


def test_packets_much_longer_than_the_buffers_finish():
    """Two streams of 500 flits meet on the way to node 3: with one-flit buffers each flit takes 6 cycles."""
    mesh = wormhole(4, 1, buffer_flits=1)
    found = arrivals(mesh, [(0, 0, 0, 3, 500), (0, 1, 1, 3, 500)])
    assert found[1] == 6 + 4 * 2 + 499 * 6
    assert found[0] > found[1] + 499 * 6


def test_two_packets_to_one_node_share_its_link_with_a_cycle_between_them():
    """At router 1 the packet of node 1 is first; the tail of the other follows L + 1 = 5 cycles behind."""
    found = arrivals(wormhole(3, 1, buffer_flits=8), [(0, 0, 0, 2, 4), (4, 1, 1, 2, 4)])
    assert sorted(found.values()) == [6 + 4 * 2 + 3, 6 + 4 * 2 + 3 + 5]


def test_round_robin_serves_each_input_in_turn():
    """Nodes 1 and 2 on both sides of node 1 send to it all the time: their packets arrive alternately."""
    packets = [(0, 2 * number + side, 2 * side, 1, 4) for number in range(6) for side in (0, 1)]
    found = arrivals(wormhole(3, 1, buffer_flits=8), packets)
    order = sorted(found, key=found.__getitem__)
    assert [pid % 2 for pid in order] == [1, 0] * 6
    assert [found[pid] for pid in order] == [13 + 5 * number for number in range(12)]


@pytest.mark.parametrize(
    ("router", "buffers", "message"),
    [
        ({}, Buffers(vcs=2), "noc.vcs: got 2, expected 1, or noc.model=flit"),
        ({}, Buffers(flits=0), "noc.buffer_flits: got 0, expected 1 to 139,785 on this mesh"),
        ({}, Buffers(flits=10**6), "noc.buffer_flits: got 1000000, expected 1 to 139,785 on this mesh"),
        ({}, Buffers(credit_delay=-1), "noc.credit_delay: got -1, expected 0 to 1,000,000"),
        ({"vc_allocation_delay": 0}, Buffers(), "noc.vc_allocation_delay: got 0, expected 1 or more"),
        ({"routing_delay": 10**7}, Buffers(), "noc.routing_delay: got 10000000, expected 0 to 1,000,000"),
        (
            {"switch_allocation_delay": 0, "traversal_delay": 0, "link_delay": 0},
            Buffers(),
            "noc.switch_allocation_delay + traversal_delay + link_delay: got 0, expected 1 or more",
        ),
    ],
)
def test_a_router_that_the_model_does_not_have_is_told(router: dict[str, int], buffers: Buffers, message: str):
    base = dict.fromkeys(("vc_allocation_delay", "switch_allocation_delay", "traversal_delay", "link_delay"), 1)
    whole = Router(**{"routing_delay": 0, **base, **router}, flit_bytes=4, max_packet_flits=16)
    with pytest.raises(InputError) as caught:
        WormholeMesh(Mesh(16, 4), whole, buffers)
    assert str(caught.value) == message
