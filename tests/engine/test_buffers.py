"""The smallest buffers that placement accepts never deadlock, and no smaller ones are simulated."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from archsim.engine import StalledError, simulate
from archsim.errors import InputError
from archsim.frontend import load
from archsim.graph import Graph
from archsim.hardware import load_design
from archsim.mapping import Placement, Port, place
from tests.engine.networks import MODELS, SMALL
from tests.engine.observed import Levels

ALL = (5, 3, 2, 1, 4, 2, 1, 3)
CASES = [
    *((name, assignment, copies) for name in SMALL
      for assignment, copies in (("round_robin", ()), ("round_robin", ALL), ("strips", ALL), ("bands", ALL))),
    ("lenet5", "round_robin", (6, 2)),
    ("lenet5", "strips", (6, 2)),
    pytest.param("resnet18", "strips", (4, 2, 2, 2), marks=pytest.mark.slow),
    pytest.param("resnet18", "round_robin", (4, 2, 2, 2), marks=pytest.mark.slow),
    pytest.param("mobilenet_v2", "strips", (16, 16, 16, 16, 4, 4), marks=pytest.mark.slow),
]  # fmt: skip


def graph_of(name: str) -> Graph:
    return SMALL[name]().graph() if name in SMALL else load(MODELS / f"{name}.onnx")


def with_buffer(graph: Graph, size: int, assignment: str, copies: tuple[int, ...], *settings: str) -> Placement:
    matrices = len(graph.matrix_layers)
    given = [f"copies.explicit={list(copies[:matrices])}"] if copies else ["copies.policy=none"]
    chosen = [f"tile.buffer_bytes={size}", f"copies.assignment={assignment}", *given, *settings]
    return place(graph, load_design("isaac", chosen))


def smallest(graph: Graph, assignment: str, copies: tuple[int, ...]) -> int:
    """The smallest buffer that placement accepts."""
    low, high = 0, 1 << 16  # `low` is refused, `high` accepted
    while high - low > 1:
        middle = (low + high) // 2
        try:
            with_buffer(graph, middle, assignment, copies)
            high = middle
        except InputError:
            low = middle
    return high


@pytest.mark.parametrize(("name", "assignment", "copies"), CASES)
def test_the_smallest_buffer_that_is_accepted_never_deadlocks(
    name: str, assignment: str, copies: tuple[int, ...]
) -> None:
    graph = graph_of(name)
    size = smallest(graph, assignment, copies)
    for register in (0, 3072):
        placement = with_buffer(graph, size, assignment, copies, f"tile.output_register_bytes={register}")
        levels = Levels()
        result = simulate(placement, images=2 if name in SMALL else 1, observer=levels)
        assert result.ok
        assert 0 < max(levels.highest.values()) <= size
    with pytest.raises(InputError) as caught:
        with_buffer(graph, size - 1, assignment, copies)
    said = str(caught.value)
    layers = "|".join(re.escape(layer.name) for layer in graph.layers)
    assert re.search(rf"\b({layers})\b|tile \d+", said)
    assert re.search(rf"\b{size - 1}\b", said)
    needed = [int(number) for number in re.findall(r"needs? (\d+) bytes", said)]
    assert needed
    assert min(needed) >= size


@pytest.mark.parametrize("name", SMALL)
def test_no_share_of_a_buffer_ever_holds_more_than_it_has(name: str) -> None:
    placement = with_buffer(graph_of(name), 65536, "strips", ALL)
    levels = Levels()
    simulate(placement, images=3, observer=levels)
    room: dict[tuple[int, str], int] = {}
    for port in placement.ports:
        stage = placement.stages.stages[port.key[0]].name
        key = port.tile, stage + (f" input {port.key[1]}" if port.key[1] else "")
        room[key] = port.capacity * port.value_bytes
    assert levels.highest.keys() <= room.keys()
    assert all(filled <= room[key] for key, filled in levels.highest.items())


@pytest.mark.parametrize("name", SMALL)
def test_the_shares_of_a_tile_are_no_more_than_its_buffer(name: str) -> None:
    for size in (3000, 4096, 65536):
        placement = with_buffer(graph_of(name), size, "strips", ALL)
        for tile in {port.tile for port in placement.ports}:
            shares = [p for p in placement.ports if p.tile == tile]
            assert sum(p.capacity * p.value_bytes for p in shares) <= size
            assert all(p.capacity >= p.minimum for p in shares)


def starved(placement: Placement, chosen: Port) -> Placement:
    """A port has room for one value less than it needs."""
    ports = tuple(replace(port, capacity=port.minimum - 1) if port is chosen else port for port in placement.ports)
    return replace(placement, ports=ports)


def test_a_run_that_cannot_proceed_names_the_chain_of_those_who_wait() -> None:
    """The classifier needs all 36 values of its input at once, and gets room for 35."""
    placement = with_buffer(graph_of("chain"), 65536, "round_robin", ())
    (port,) = [port for port in placement.ports if placement.stages.stages[port.key[0]].name == "gemm5"]
    with pytest.raises(StalledError) as caught:
        simulate(starved(placement, port))
    assert str(caught.value).splitlines() == [
        "the simulation cannot proceed; the chain of waiting units:",
        "  gemm5 copy 0 (tile 0): window 0 of image 0 waits for its values or its turn",
        "  conv3 copy 0 (tile 0): 1 results wait for operands or for room",
        "  1 values wait for room in the buffer of tile 0 for gemm5 (it holds 35, from value 0 of image 0 on)",
    ]


def test_a_copy_that_has_no_slot_for_a_result_says_so() -> None:
    placement = with_buffer(graph_of("chain"), 65536, "round_robin", (), "tile.output_register_bytes=0")
    (port,) = [port for port in placement.ports if placement.stages.stages[port.key[0]].name == "gemm5"]
    short = replace(placement, ports=tuple(replace(p, capacity=20) if p is port else p for p in placement.ports))
    with pytest.raises(
        StalledError, match=r"conv3 copy 0 \(tile 0\): window 21 of image 0 waits for a free result slot"
    ):
        simulate(short)


@pytest.mark.parametrize("assignment", ["round_robin", "strips"])
@pytest.mark.parametrize("name", SMALL)
def test_the_minimum_is_sharp_for_what_one_layer_reads_without_a_pool(name: str, assignment: str) -> None:
    """One value less and the run stalls: placement does not ask for more than it needs."""
    placement = with_buffer(graph_of(name), 65536, assignment, ())
    stages = placement.stages.stages
    read = Counter(item.source for stage in stages for item in (*stage.inputs, *stage.joins))
    tried = 0
    for port in placement.ports:
        stage = stages[port.key[0]]
        source = (*stage.inputs, *stage.joins)[port.key[1]].source
        plain = source < 0 or stages[source].pool is None
        if port.minimum > 1 and read[source] == 1 and plain and port.key[1] < len(stage.inputs):
            tried += 1
            with pytest.raises(StalledError):
                simulate(starved(placement, port))
    assert tried
