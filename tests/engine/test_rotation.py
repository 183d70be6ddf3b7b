"""Array sets rotate behind shared converters: layers of a pipeline take turns, at times worked out by hand.

ISAAC's read cycle and S = 16. Two arrays of a PE share one set of ADCs; each layer stands in one array. The first
value of the image, 6 bytes, takes 1.25 ns of the link and 3.125 ns of the write port.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from archsim.engine import simulate
from archsim.mapping import Placement, estimate
from archsim.mapping.sharing import Sharing, by_pe, by_tile
from archsim.result import Result
from tests.engine.networks import Net, on, placed
from tests.engine.observed import Reads, Slices

SHARED = ("pe.arrays=2", "tile.pes=48", "adc.arrays_per_set=2")
ONE_BY_ONE = ("offchip.packet_bytes=1", "copies.policy=none")
ENTRY = 1.25 + 3.125


def unequal(windows: int) -> Net:
    """A layer of `windows` windows and one that reads every second value of the same image."""
    net = Net(3, 1, windows)
    net.outputs = [net.conv("image", 4), net.conv("image", 4, stride=2)]
    return net


def pipeline(windows: int) -> Net:
    net = Net(3, 1, windows)
    net.conv(net.conv("image", 4), 4)
    return net


def run(net: Net, *settings: str) -> Result:
    result = simulate(placed(net, *ONE_BY_ONE, *settings, outputs=net.outputs))
    assert result.ok
    return result


def stalls(result: Result, cause: str) -> list[float | None]:
    return [layer.stall_ns[cause] for layer in result.layers if layer.stall_ns]


@pytest.mark.parametrize("windows", [2, 4, 10])
def test_unequal_layers_take_turns_until_the_shorter_is_done(windows: int) -> None:
    """No gap between the reads: the makespan is the sum of both layers' reads and one fill. Of each layer the windows
    behind its first, and those of the longer one while the shorter still reads, wait 16 cycles for their turn."""
    shared, alone = run(unequal(windows), *SHARED), run(unequal(windows))
    short = windows // 2
    assert shared.latency_ns == ENTRY + (windows + short) * 1600 + 600
    assert alone.latency_ns == ENTRY + windows * 1600 + 600
    assert stalls(shared, "adc") == pytest.approx([short * 1600, (short - 1) * 1600])
    assert stalls(alone, "adc") == [0, 0]


@pytest.mark.parametrize("windows", [2, 3, 4, 10])
def test_two_layers_of_a_pipeline_take_turns_as_results_come(windows: int) -> None:
    """In cycles from the first fetch: the first layer reads from 1, its second window from 17; the third asks at 18,
    the first of the other layer at 22 + 1: so the order is a0 a1 a2 b0 a3 b1 ... and the converters never rest: 2 W
    turns of 16, 1 cycle before and 5 behind. Alone each layer takes 16 W + 6, apart both 16 W + 22 + 6. From a3 and b1
    on, until the first layer is done, each window waits for one of the other layer."""
    shared, apart = run(pipeline(windows), *SHARED), run(pipeline(windows))
    assert shared.latency_ns == ENTRY + (2 * windows * 16 + 6) * 100
    assert apart.latency_ns == ENTRY + (16 * windows + 22 + 6) * 100
    one, both = 16 * windows + 6, 2 * (16 * windows + 6)
    assert one * 100 < shared.latency_ns < ENTRY + both * 100
    assert stalls(shared, "adc") == pytest.approx([max(windows - 3, 0) * 1600] * 2)


def test_one_window_of_each_layer_needs_no_turn() -> None:
    """The second layer begins when the first is done, 22 cycles later: shared converters make no difference."""
    assert run(pipeline(1), *SHARED).latency_ns == run(pipeline(1)).latency_ns == ENTRY + 4400


def test_the_order_of_turns_is_that_of_the_fetches() -> None:
    seen = Reads()
    placement = placed(pipeline(5), *ONE_BY_ONE, *SHARED)
    simulate(placement, observer=seen)
    order = sorted((spans[0], layer[-1], window) for (layer, _, window), spans in seen.spans.items())
    turns = ["00", "01", "02", "10", "03", "11", "04", "12", "13", "14"]
    assert [layer + str(window) for _, layer, window in order] == turns
    assert all(before[0][1] == after[0][0] for before, after in pairwise(order))


@pytest.mark.parametrize("per_set", [1, 2, 4])
def test_the_estimate_knows_the_turns_of_a_copy(per_set: int) -> None:
    """One layer of 4 arrays: its reads take as many turns as stand behind a set; equal without limits."""
    net = Net(3, 1, 5)
    net.conv("image", 64)
    settings = ("pe.arrays=4", "tile.pes=24", f"adc.arrays_per_set={per_set}")
    placement = placed(net, *ONE_BY_ONE, *settings)
    cycles = 5 * 16 * per_set + 6
    assert estimate(placement).latency_cycles == simulate(placement, ideal=True).latency_cycles == cycles
    assert estimate(placement).interval_bound == 5 * 16 * per_set
    result = simulate(placement, images=6)
    assert result.interval_ns is not None
    assert result.interval_ns >= result.interval_bound_ns


def test_slots_of_a_pe_stand_behind_its_sets_in_turn() -> None:
    sharing = Sharing(4, 2)
    assert [sharing.adc_set(slot) for slot in range(8)] == [0, 1, 0, 1, 2, 3, 2, 3]
    assert sharing.shared
    assert not Sharing(4, 4).shared
    assert [sharing.turns(slot, arrays) for slot, arrays in ((0, 0), (0, 1), (0, 2), (0, 3), (3, 2), (2, 6))] == [
        1, 1, 1, 2, 1, 2,
    ]  # fmt: skip
    assert Sharing(4, 4).turns(0, 4) == 1


def serial(net: Net, *settings: str) -> Placement:
    chip = ("chip.tiles=2", "chip.mesh_width=2", "tile.pes=2", "pe.arrays=4", "adc.arrays_per_set=2")
    return on("atomlayer", net, *chip, "rotation.stored_arrays=unlimited", *settings)


def test_a_tile_fills_all_its_sets_before_any_is_used_twice() -> None:
    """2 tiles of 8 arrays behind 4 sets each: 8 arrays read at once, 9 in two turns."""
    placement = serial(pipeline(1))
    design = placement.design
    assert by_pe(design) == Sharing(4, 2)
    assert (by_tile(design, 1), by_tile(design, 2)) == (Sharing(4, 4), Sharing(8, 4))


@pytest.mark.parametrize(("outputs", "turns"), [(16, 1), (128, 1), (129, 2), (256, 2), (257, 3)])
def test_a_layer_of_more_arrays_than_read_at_once_takes_turns(outputs: int, turns: int) -> None:
    """16 outputs an array, 8 arrays at once; 4 windows on one copy."""
    net = Net(3, 1, 4)
    net.conv("image", outputs)
    placement = serial(net, "copies.policy=none")
    result = simulate(placement, ideal=True)
    assert result.latency_cycles == 4 * 16 * turns + 6
    assert [layer.slots for layer in result.layers] == [4 * turns]
    seen = Slices()
    real = simulate(placement, observer=seen)
    assert real.ok
    reads = [
        end - start for (_, unit), spans in seen.spans.items() if unit.startswith("arrays") for start, end in spans
    ]
    assert max(reads) == turns * 1_600_000 / real.tick_ps
