"""What the exact meshes share: messages that are cut and fork, tiles that share routers, running ahead, the state."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.noc import Buffers, Mesh, Router
from archsim.noc.contended import ContendedMesh
from tests.noc import exact
from tests.noc.exact import MODELS, Messages, all_at_once, as_time_goes_on
from tests.noc.test_flit import messages

KINDS = [("wormhole", 1), ("flit", 1), ("flit", 3)]
CLUSTERS = [(1, 1), (2, 2), (2, 1)]


@st.composite
def settings_of_a_mesh(draw: st.DrawFn) -> dict[str, object]:
    columns, rows = draw(st.sampled_from([(1, 6), (5, 1), (3, 5), (4, 4)]))
    return {
        "columns": columns,
        "rows": rows,
        "buffer_flits": draw(st.sampled_from([1, 2, 8])),
        "routing_delay": draw(st.integers(0, 1)),
        "credit_delay": draw(st.integers(0, 2)),
        "most": draw(st.sampled_from([1, 4, 16])),
        "cluster": draw(st.sampled_from(CLUSTERS)),
    }


def shape(mesh: dict[str, object]) -> Mesh:
    return Mesh(mesh["columns"] * mesh["rows"], mesh["columns"], *mesh["cluster"])


@pytest.mark.parametrize(("model", "vcs"), KINDS)
@settings(deadline=None, max_examples=40)
@given(data=st.data(), network=settings_of_a_mesh())
def test_a_multicast_arrives_once_at_each_tile_and_each_link_of_its_tree_carries_its_flits_once(
    model: str, vcs: int, data: st.DataObject, network: dict[str, object]
):
    tiles = shape(network)
    sendings = data.draw(messages(tiles.tiles, most=tiles.tiles))
    mesh = exact.exact(model, **network, vcs=vcs)
    found = all_at_once(mesh, sendings)
    assert sorted((number, tile) for _, number, tile in found) == sorted(
        (n, to) for _, n, _, tos, _ in sendings for to in tos
    )
    expected: dict[tuple, int] = {}
    for _, _, source, destinations, flits in sendings:
        for link in tiles.tree(source, destinations):
            expected[link] = expected.get(link, 0) + flits
    assert mesh.link_flits == expected
    alone = exact.exact(model, **network, vcs=vcs, multicast=False)
    all_at_once(alone, sendings)
    assert all(expected[link] <= flits for link, flits in alone.link_flits.items())
    assert mesh.traffic.delivered == alone.traffic.delivered == mesh.traffic.messages


@pytest.mark.parametrize(("model", "vcs"), KINDS)
@settings(deadline=None, max_examples=30)
@given(data=st.data(), network=settings_of_a_mesh())
def test_running_ahead_of_the_clock_gives_the_same_as_sending_all_at_first(
    model: str, vcs: int, data: st.DataObject, network: dict[str, object]
):
    sendings = data.draw(messages(shape(network).tiles, most=4))
    found = as_time_goes_on(exact.exact(model, **network, vcs=vcs), sendings)
    assert found == all_at_once(exact.exact(model, **network, vcs=vcs), sendings)


@settings(deadline=None, max_examples=40)
@given(st.data(), settings_of_a_mesh())
def test_the_models_agree_on_one_channel_with_forks_and_shared_routers(data: st.DataObject, network: dict[str, object]):
    sendings = data.draw(messages(shape(network).tiles, most=5))
    wormhole, flit = (all_at_once(exact.exact(model, **network), sendings) for model in MODELS)
    assert wormhole == flit


@settings(deadline=None, max_examples=30)
@given(st.data(), settings_of_a_mesh(), st.sampled_from(KINDS))
def test_a_message_to_one_tile_is_the_same_with_and_without_multicast(
    data: st.DataObject, network: dict[str, object], kind: tuple[str, int]
):
    sendings = data.draw(messages(shape(network).tiles))
    model, vcs = kind
    forking, single = (exact.exact(model, **network, vcs=vcs, multicast=multicast) for multicast in (True, False))
    assert all_at_once(forking, sendings) == all_at_once(single, sendings)


@pytest.mark.parametrize(("model", "vcs"), KINDS)
def test_saturated_multicasts_through_buffers_of_one_flit_do_not_block_each_other(model: str, vcs: int):
    """All tiles of a 4x4 mesh send to random tiles and to all tiles, faster than the links carry it."""
    draw = random.Random(1)
    sendings: Messages = []
    for number in range(600):
        tiles = draw.sample(range(16), draw.choice([2, 3, 8, 16]))
        sendings.append((number // 8, number, draw.randrange(16), tuple(tiles), draw.randrange(1, 12)))
    mesh = exact.exact(model, 4, 4, buffer_flits=1, vcs=vcs)
    assert len(all_at_once(mesh, sendings)) == sum(len(tiles) for _, _, _, tiles, _ in sendings)


@pytest.mark.parametrize("model", MODELS)
def test_a_fork_loses_no_time_on_an_idle_mesh(model: str):
    """From the middle of 3x3 to all four sides and to itself: every tile when a message of its own would be there."""
    mesh = exact.exact(model, 3, 3)
    mesh.send(0, 1, 4, (1, 3, 4, 5, 7), 4)
    assert mesh.advance(1000) == [(9, 1, 4), (13, 1, 1), (13, 1, 3), (13, 1, 5), (13, 1, 7)]
    assert set(mesh.link_flits.values()) == {4}


@pytest.mark.parametrize("model", MODELS)
def test_a_branch_goes_on_while_another_one_waits(model: str):
    """Node 1 fills the link to node 2 for 30 cycles; node 0 sends to nodes 1 and 2, and that to node 1 is in time."""
    mesh = exact.exact(model, 3, 1)
    mesh.send(0, 0, 1, (2,), 30)
    mesh.send(0, 1, 0, (1, 2), 4)
    by_tile = {(number, tile): cycle for cycle, number, tile in mesh.advance(1000)}
    assert by_tile[1, 1] == 6 + 4 + 3
    assert by_tile[1, 2] == by_tile[0, 2] + 5


@pytest.mark.parametrize("model", MODELS)
def test_packets_of_a_multicast_are_not_longer_than_a_buffer(model: str):
    """20 flits leave as packets of 16 and 4, to several tiles through buffers of 8 as 8, 8 and 4."""
    mesh = exact.exact(model, 4, 1, most=16)
    for number, tiles in enumerate([(3,), (2, 3)]):
        mesh.send(0, number, 0, tiles, 20)
    mesh.advance(1000)
    load = mesh.load(mesh.traffic)
    assert (load.messages, load.packets, load.flits, load.bytes_hops) == (3, 2 + 3, 40, 20 * 3 + 20 * 3)
    assert load.busiest_link_flits == 40
    assert load.links == mesh.link_flits
    assert mesh.busy_cycles == 40


@pytest.mark.parametrize("model", MODELS)
def test_tiles_of_one_router_have_inputs_and_outputs_of_their_own(model: str):
    """Four tiles on one router: two pairs do not meet, two messages to one tile follow each other, round robin."""
    mesh = exact.exact(model, 2, 2, cluster=(2, 2))
    for number, (source, to) in enumerate([(0, 1), (2, 3), (3, 1)]):
        mesh.send(0, number, source, (to,), 4)
    assert mesh.advance(1000) == [(9, 0, 1), (9, 1, 3), (14, 2, 1)]
    assert mesh.link_flits == {}


@pytest.mark.parametrize("model", MODELS)
def test_latency_is_counted_for_each_delivery(model: str):
    mesh = exact.exact(model, 3, 1)
    mesh.send(0, 0, 0, (2,), 4)
    mesh.send(4, 1, 1, (2,), 4)
    found = mesh.advance(1000)
    load = mesh.load(mesh.traffic)
    assert load.latency_cycles == sum(cycle for cycle, _, _ in found) - 4
    assert load.waited_cycles == 5
    assert load.latencies == mesh.traffic.latencies == {cycle - 4 * number: 1 for cycle, number, _ in found}


@pytest.mark.parametrize("model", MODELS)
def test_other_delays_of_stages_and_links_take_the_formula(model: str):
    router = Router(2, 3, 1, 2, 4, 1, 100)
    mesh = MODELS[model](Mesh(9, 3), router, Buffers(1, 64, 2), compiled=False)
    mesh.send(10, 1, 0, (8,), 5)
    assert mesh.advance(1000) == [(10 + 2 + 5 * (2 + 3 + 1 + 2 + 4) + 4, 1, 8)]


@pytest.mark.parametrize("model", MODELS)
def test_a_message_of_a_cycle_that_is_over_is_a_mistake_of_the_caller(model: str):
    mesh = exact.exact(model, 4, 1)
    mesh.send(0, 0, 0, (3,), 4)
    assert mesh.run_ahead(12) is None
    mesh.send(10, 1, 0, (3,), 4)
    with pytest.raises(ValueError, match="a message of cycle 5: the network is at cycle "):
        mesh.send(5, 2, 0, (3,), 4)


@pytest.mark.parametrize("model", MODELS)
def test_a_delivery_is_told_as_soon_as_it_is_certain(model: str):
    """Its cycle, 21, is decided when its tail has the switch to the sink, 3 cycles before."""
    mesh = exact.exact(model, 4, 1)
    mesh.send(0, 0, 0, (3,), 4)
    assert mesh.run_ahead(10) is None
    assert mesh.run_ahead(19) == 21
    assert mesh.next_delivery() == 21
    assert mesh.advance(20) == []
    assert mesh.advance(21) == [(21, 0, 3)]
    assert mesh.run_ahead(1 << 50) is None


def in_step(mesh: ContendedMesh, sendings: Messages, shift: int, numbers: int) -> list[object]:
    """The states before each message is sent, all `shift` cycles later and with other numbers."""
    states: list[object] = []
    for create, number, source, tiles, size in sendings:
        mesh.advance(create + shift)
        states.append(mesh.state(create + shift, lambda found: found - numbers))
        mesh.send(create + shift, number + numbers, source, tiles, size)
    return states


@pytest.mark.parametrize(("model", "vcs"), KINDS)
@settings(deadline=None, max_examples=25)
@given(data=st.data(), network=settings_of_a_mesh())
def test_the_state_does_not_depend_on_when_it_is_and_how_messages_are_numbered(
    model: str, vcs: int, data: st.DataObject, network: dict[str, object]
):
    sendings = data.draw(messages(shape(network).tiles, most=3))
    early, late = (exact.exact(model, **network, vcs=vcs) for _ in range(2))
    assert in_step(early, sendings, 10, 0) == in_step(late, sendings, 1789, 777)


@pytest.mark.parametrize(("model", "vcs"), KINDS)
def test_the_state_repeats_with_traffic_that_repeats_and_tells_what_differs(model: str, vcs: int):
    """Every 40 cycles the same five messages, of which three meet; then one flit more, or a cycle later. With three
    channels the turns take very long to come round."""
    period = [(0, 0, (2,), 9), (1, 1, (2, 5), 9), (2, 3, (2,), 3), (20, 4, (0, 8), 5), (35, 2, (6,), 17)]

    def run(last: tuple[int, int, tuple[int, ...], int]) -> list[object]:
        mesh, states = exact.exact(model, 3, 3, vcs=vcs), []
        for image in range(1, 13):
            for number, (create, source, tiles, size) in enumerate([*period[:-1], last if image == 12 else period[-1]]):
                mesh.advance(40 * image + create)
                mesh.send(40 * image + create, 10 * image + number, source, tiles, size)
            mesh.advance(40 * image + 39)
            states.append(mesh.state(40 * image + 39, lambda found, image=image: found - 10 * image))
        return states

    states = run(period[-1])
    assert states == run(period[-1])
    assert (states[-1] == states[-2] == states[-3]) == (vcs == 1)
    for other in ((35, 2, (6,), 18), (36, 2, (6,), 17), (35, 2, (7,), 17)):
        assert run(other)[-1] != states[-1]
