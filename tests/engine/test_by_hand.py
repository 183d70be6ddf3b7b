"""Latencies with contention, worked out by hand for networks small enough.

ISAAC's figures: read cycle 100 ns, S = 16; the fetch, conversion, two additions, the special functions and the
buffer write take a cycle each at least. Host link 4 bytes every 0.625 ns; bus and write port 32 bytes every
3.125 ns; special functions 2 lanes at 1.2 GHz; mesh flits of 4 bytes at 1 GHz. Values have 2 bytes a channel.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from archsim.engine import simulate
from archsim.result import Result
from tests.engine.networks import Net, placed, point
from tests.engine.observed import Slices

ONE_BY_ONE = "offchip.packet_bytes=1"
SMALL_TILE = ("tile.pes=1", "noc.concentration=1")


def latency(net: Net, *settings: str, copies: list[int] | None = None) -> float | None:
    """Of a network whose values come from the host one by one."""
    result: Result = simulate(placed(net, ONE_BY_ONE, *settings, copies=copies))
    assert all(result.checks.values())
    return result.latency_ns


def test_one_window_takes_the_way_of_its_value_in_and_22_cycles() -> None:
    """3 channels are 6 bytes: 2 cycles of the link, 1.25 ns; written in 3.125 ns. The result is out with its write
    cycle, as 8 bytes take 1.25 ns of the link, less than a cycle."""
    assert latency(point()) == 1.25 + 3.125 + 22 * 100


@pytest.mark.parametrize("windows", [2, 5, 9])
def test_windows_follow_each_other_every_16_reads(windows: int) -> None:
    """Values come in faster than they are read, and the next fetch overlaps the reads."""
    assert latency(point(width=windows)) == 1.25 + 3.125 + windows * 1600 + 600


@pytest.mark.parametrize("windows", [2, 5])
def test_with_one_window_in_the_input_register_the_fetch_overlaps_the_last_read_only(windows: int) -> None:
    """A fetch of a cycle is hidden exactly; one of 2 KB takes 64 transfers of 3.125 ns, and its second cycle shows."""
    assert latency(point(width=windows), "pe.input_windows=1") == 1.25 + 3.125 + windows * 1600 + 600
    wide = point(1024, windows)
    fetch = 64 * 3.125
    first = 512 * 0.625 + 64 * 3.125 + fetch
    assert latency(wide) == first + windows * 1600 + 500
    assert latency(wide, "pe.input_windows=1") == first + windows * 1600 + (windows - 1) * (fetch - 100) + 500


@pytest.mark.parametrize(
    ("packet_bytes", "packets"), [(64, [4]), (24, [4]), (23, [3, 1]), (12, [2, 2]), (6, [1] * 4), (1, [1] * 4)]
)
def test_the_host_sends_packets_of_whole_values(packet_bytes: int, packets: list[int]) -> None:
    """4 values of 6 bytes over a link of 4 bytes at 0.001 GHz: a packet of n takes ceil(6 n / 4) cycles of 1,000 ns,
    and its windows start when all of it is there; the results, 8 bytes, take the link out 2,000 ns each."""
    entered = free = out = 0.0
    for values in packets:
        entered += -(-6 * values // 4) * 1000
        for _ in range(values):
            free = max(entered + 3.125 + 100, free) + 1600
            out = max(free + 400, out) + 2000
    result = simulate(placed(point(width=4), "offchip.clock_ghz=0.001", f"offchip.packet_bytes={packet_bytes}"))
    assert result.latency_ns == out


def test_results_that_take_the_link_longer_than_a_cycle_are_out_when_it_is_done() -> None:
    """1,000 outputs are 2,000 bytes, 500 cycles of the link: 312.5 ns instead of the write cycle of 100."""
    assert latency(point(outputs=1000)) == 1.25 + 3.125 + 21 * 100 + 312.5


def test_a_slow_input_link_holds_every_window_up() -> None:
    """Values of 6 bytes over 4 bytes at 0.001 GHz come every 2,000 ns; the last is followed by 21 cycles and by its
    result, 8 bytes, on the link out."""
    windows = 4
    expected = windows * 2000 + 3.125 + 21 * 100 + 2000
    assert latency(point(width=windows), "offchip.clock_ghz=0.001") == expected


def test_a_slow_write_port_holds_every_window_up() -> None:
    """A value is written in one transfer of 1,600 ns, as long as its reads: both are in step."""
    windows = 4
    expected = 1.25 + windows * 1600 + 22 * 100
    assert latency(point(width=windows), "tile.write_port.clock_ghz=0.000625") == expected


def test_special_functions_take_longer_than_a_cycle_for_many_outputs() -> None:
    """A ReLU of 512 outputs on 2 lanes: 256 cycles of 5/6 ns, 213.3 ns instead of 100."""
    net = Net(3, 1, 1)
    net.node("Relu", net.conv("image", 512))
    ready = Fraction(35, 8) + 20 * 100 + 256 * Fraction(5, 6)
    assert latency(net) == float(ready + 160)  # 1,024 bytes take 256 cycles of the link


def test_copies_in_a_tile_take_turns_on_its_special_functions() -> None:
    """Two copies read two windows at the same time; each needs 10 lanes-cycles of 100 ns; the second waits."""
    net = Net(1, 1, 2)
    net.node("Relu", net.conv("image", 20))
    busy = 10 * 100
    alone = ("chip.tiles=1", "chip.mesh_width=1", "chips=1", "noc.concentration=1")
    settings = ("sfu.clock_ghz=0.01", "copies.assignment=round_robin", *alone)
    # the second value is written 3.125 ns after the first, and fetched on the bus 3.125 ns later at the earliest
    expected = (0.625 + 3.125) + 20 * 100 + 2 * busy + 100
    assert latency(net, *settings, copies=[2]) == expected


def test_copies_in_a_tile_take_turns_on_its_bus() -> None:
    """Two windows on two copies: each fetch takes 160 ns of the bus (2 bytes, one transfer)."""
    net = Net(1, 1, 2)
    net.conv("image", 4)
    settings = ("tile.bus.clock_ghz=0.00625", "copies.assignment=round_robin")
    expected = (0.625 + 3.125) + 2 * 160 + 21 * 100
    assert latency(net, *settings, copies=[2]) == expected


@pytest.mark.parametrize("windows", [1, 3])
def test_two_layers_in_a_tile(windows: int) -> None:
    """The second layer's values need no mesh; its last window starts when the first layer's last is written. The
    first layer's result takes its write cycle."""
    net = Net(3, 1, windows)
    net.conv(net.conv("image", 4), 4)
    assert latency(net) == 1.25 + 3.125 + windows * 1600 + 600 + 22 * 100


def test_two_layers_in_neighbouring_tiles_pay_the_mesh() -> None:
    """128 outputs fill a tile of 8 arrays. Their 256 bytes are 64 flits in 4 packets; to the neighbour one hop:
    2 + 2 x 4 + 63 + 3 cycles of 1 ns, from the next whole ns on. They are written a cycle after they arrive."""
    net = Net(3, 1, 1)
    net.conv(net.conv("image", 128), 4)
    leaves = math.ceil(1.25 + 3.125 + 21 * 100)
    arrives = leaves + 2 + 2 * 4 + 63 + 3
    # the result goes back over one hop to tile 0, where the host's link is: 8 bytes, 2 flits
    done = arrives + 100 + 21 * 100
    assert latency(net, *SMALL_TILE) == done + 2 + 2 * 4 + 1 + 100


def test_tiles_of_a_router_pay_the_router_alone() -> None:
    """As before, with the two tiles on one router: no hop."""
    net = Net(3, 1, 1)
    net.conv(net.conv("image", 128), 4)
    leaves = math.ceil(1.25 + 3.125 + 21 * 100)
    done = leaves + 2 + 4 + 63 + 3 + 100 + 21 * 100
    assert latency(net, "tile.pes=1", "noc.concentration=2") == done + 2 + 4 + 1 + 100


def test_partial_sums_of_a_copy_over_two_tiles_are_gathered_over_the_mesh() -> None:
    """256 rows x 128 outputs are 2 x 8 arrays; by rows, each tile of 8 arrays sums half the rows. The first tile
    sends 128 sums of 4 bytes, 128 flits in 8 packets; the second adds them in a cycle."""
    net = Net(256, 1, 1)
    net.conv("image", 128)
    # the image's 512 bytes: 128 cycles of the link; half of the channels to tile 1, one hop, 64 flits in 4 packets
    there = 128 * 0.625 + 2 + 2 * 4 + 63 + 3
    written = there + 8 * 3.125
    # both tiles start when both have the value: fetch, 16 reads, conversion and one addition; then the sums
    leave = written + 100 + 1600 + 200
    summed = math.ceil(leave) + 2 + 2 * 4 + 127 + 7 + 100
    back = math.ceil(summed + 100) + 2 + 2 * 4 + 63 + 3
    assert latency(net, *SMALL_TILE, "tiling.split=rows") == back + 100


def test_a_value_crosses_to_the_next_chip_over_the_off_chip_link() -> None:
    """Chips of one tile of 8 arrays: the first layer fills chip 0, the second is on chip 1. 256 bytes take
    64 cycles of 0.625 ns; the result's 8 bytes come back over the link to chip 0, and leave over the host's."""
    net = Net(3, 1, 1)
    net.conv(net.conv("image", 128), 4)
    settings = ("tile.pes=1", "chip.tiles=1", "chip.mesh_width=1", "noc.concentration=1", "chips=2")
    first = 1.25 + 3.125 + 21 * 100
    crossed = first + 64 * 0.625
    second = crossed + 100 + 21 * 100
    assert latency(net, *settings) == second + 1.25 + 100


def test_units_never_do_two_things_at_once() -> None:
    net = Net(3, 8, 8)
    net.conv(net.node("Relu", net.conv("image", 16, 3, pad=1)), 16, 3, pad=1)
    seen = Slices()
    simulate(placed(net, "copies.assignment=round_robin", copies=[6, 4]), observer=seen, images=2)
    assert {unit.split()[0] for _, unit in seen.spans} >= {"bus", "sfu", "arrays", "buffer"}
    for unit, spans in seen.spans.items():
        ordered = sorted(spans)
        for (_, end), (start, _) in itertools.pairwise(ordered):
            assert end <= start, unit
