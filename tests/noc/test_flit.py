"""The mesh with virtual channels against packet logs of BookSim 2, against the wormhole mesh, and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.noc import Buffers, FlitMesh, Mesh, Router
from tests.noc import exact
from tests.noc.exact import SHARED, Messages, all_at_once, arrivals, as_time_goes_on, read, sent
from tests.noc.stepped import SteppedMesh

FOUR_CHANNELS = sorted(exact.LOGS.glob("*_v4b8_*.csv.gz"))
ONE_CHANNEL = sorted(exact.LOGS.glob("*_v1b8_*.csv.gz"))


@pytest.mark.parametrize("log", FOUR_CHANNELS, ids=lambda path: path.name)
def test_every_packet_of_a_log_with_four_channels_arrives_in_its_cycle(log: Path):
    rows = read(log)
    found = arrivals(exact.exact("flit", 4, 4, vcs=4), sent(rows))
    assert found == {row["pid"]: row["tail_arrive"] for row in rows}


@pytest.mark.parametrize("log", ONE_CHANNEL, ids=lambda path: path.name)
def test_every_packet_of_a_log_with_one_channel_arrives_in_its_cycle(log: Path):
    rows = read(log)
    assert arrivals(exact.exact("flit", 4, 4), sent(rows)) == {row["pid"]: row["tail_arrive"] for row in rows}


def test_channels_make_a_difference_in_the_logs():
    """So that agreement with them says that channels are right: with another number packets arrive otherwise."""
    for log in FOUR_CHANNELS:
        rows = read(log)
        expected = {row["pid"]: row["tail_arrive"] for row in rows}
        if "hol_block" not in log.name:
            assert arrivals(exact.exact("flit", 4, 4, vcs=3), sent(rows)) != expected, log.name
        assert arrivals(exact.exact("flit", 4, 4, vcs=1), sent(rows)) != expected, log.name


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="BookSim's logs are not here")
def test_every_packet_of_all_logs_of_booksim_arrives_in_its_cycle():
    packets = 0
    for run in json.loads((SHARED / "packets_index.json").read_text()):
        if (SHARED / run["file"]).is_file():
            delays = {name: run[name] for name in ("routing_delay", "credit_delay")}
            mesh = exact.exact(
                "flit", run["k"], run["k"], buffer_flits=run["vc_buf_size"], vcs=run["num_vcs"], **delays
            )
            rows = read(SHARED / run["file"])
            assert arrivals(mesh, sent(rows)) == {row["pid"]: row["tail_arrive"] for row in rows}, run["name"]
            packets += len(rows)
    assert packets == 67_120


@st.composite
def networks(draw: st.DrawFn) -> dict[str, int]:
    columns, rows = draw(st.sampled_from([(1, 6), (5, 1), (3, 5), (4, 2)]))
    return {
        "columns": columns,
        "rows": rows,
        "buffer_flits": draw(st.sampled_from([1, 2, 3, 8])),
        "routing_delay": draw(st.integers(0, 1)),
        "credit_delay": draw(st.integers(0, 3)),
    }


@st.composite
def messages(draw: st.DrawFn, nodes: int, most: int = 1) -> Messages:
    node = st.integers(0, nodes - 1)
    hot = draw(st.none() | node)
    found, create = [], 0
    for number in range(draw(st.integers(1, 30))):
        create += draw(st.sampled_from([0, 0, 1, 7]))
        tiles = draw(st.lists(node, min_size=1, max_size=most, unique=True))
        if hot is not None and draw(st.booleans()):
            tiles = [hot]
        found.append((create, number, draw(node), tuple(tiles), draw(st.integers(1, 20))))
    return found


@settings(deadline=None, max_examples=60)
@given(st.data(), networks())
def test_with_one_channel_it_equals_the_wormhole_mesh_and_the_model_stepped_cycle_by_cycle(
    data: st.DataObject, network: dict[str, int]
):
    sendings = data.draw(messages(network["columns"] * network["rows"]))
    found = all_at_once(exact.exact("flit", **network), sendings)
    assert found == all_at_once(exact.exact("wormhole", **network), sendings)
    packets = [(create, pid, source, to[0], flits) for create, pid, source, to, flits in sendings]
    stepped = SteppedMesh(**network).run(packets, max(cycle for cycle, _, _ in found) + 1)
    assert stepped == {pid: cycle for cycle, pid, _ in found}


@settings(deadline=None, max_examples=40)
@given(st.data(), networks(), st.sampled_from([2, 4, 7]))
def test_with_more_channels_everything_arrives_once_not_before_an_idle_mesh_and_links_carry_each_flit(
    data: st.DataObject, network: dict[str, int], vcs: int
):
    nodes = network["columns"] * network["rows"]
    sendings = data.draw(messages(nodes))
    mesh = exact.exact("flit", **network, vcs=vcs)
    found = as_time_goes_on(mesh, sendings)
    assert found == all_at_once(exact.exact("flit", **network, vcs=vcs), sendings)
    assert sorted((number, tile) for _, number, tile in found) == [(n, to[0]) for _, n, _, to, _ in sendings]
    shape, hop = Mesh(nodes, network["columns"]), 4 + network["routing_delay"]
    when = {number: cycle for cycle, number, _ in found}
    for create, number, source, (to,), flits in sendings:
        assert when[number] >= create + 2 + hop * (shape.hops(source, to) + 1) + flits - 1
    expected = sum(flits * shape.hops(source, to) for _, _, source, (to,), flits in sendings)
    assert sum(mesh.link_flits.values()) == expected


def test_two_packets_share_a_link_flit_by_flit_on_two_channels_and_follow_each_other_on_one():
    """From nodes 0 and 1 to node 2, at router 1 in the same cycle: 40 flits on the link either way."""
    packets = [(0, 0, 0, 2, 20), (4, 1, 1, 2, 20)]
    one, two = (arrivals(exact.exact("flit", 3, 1, buffer_flits=32, vcs=vcs), packets) for vcs in (1, 2))
    alone = 6 + 4 * 2 + 19
    assert sorted(one.values()) == [alone, alone + 21]
    assert sorted(two.values()) == [alone + 19, alone + 20]


def test_a_packet_that_waits_holds_up_others_only_on_its_channel():
    """Node 0 sends to node 2, whose link is taken by node 1, and then to node 1."""
    packets = [(0, 0, 1, 2, 60), (0, 1, 0, 2, 4), (0, 2, 0, 1, 1)]
    one, two = (arrivals(exact.exact("flit", 3, 1, vcs=vcs), packets) for vcs in (1, 2))
    assert one[2] > 60
    assert two[2] == 4 + 6 + 4


def test_a_message_of_several_packets_is_delivered_with_the_last_to_arrive():
    """Two packets of 4 flits and one of 1, side by side on three channels: 9 flits on each link."""
    mesh = exact.exact("flit", 3, 1, vcs=3, most=4)
    mesh.send(0, 5, 0, (2,), 9)
    assert mesh.advance(10**6) == [(6 + 4 * 2 + 8, 5, 2)]
    load = mesh.load(mesh.traffic)
    assert (load.messages, load.packets, load.flits, load.latency_cycles) == (1, 3, 9, 22)


def test_channels_are_up_to_sixteen():
    router = Router(0, 1, 1, 1, 1, 4, 16)
    assert FlitMesh(Mesh(4, 2), router, Buffers(vcs=16), compiled=False).next_delivery() is None
    with pytest.raises(InputError, match=r"^noc\.vcs: got 17, expected 1 to 16$"):
        FlitMesh(Mesh(4, 2), router, Buffers(vcs=17))
    with pytest.raises(InputError, match=r"^noc\.vcs: got 0, expected 1 to 16$"):
        FlitMesh(Mesh(4, 2), router, Buffers(vcs=0))
