"""Networks and chips that are easily overlooked: several outputs, joins across each other, odd clocks, great depth."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.mapping import estimate
from tests.engine.networks import SMALL, Net, placed


def test_an_addition_goes_along_only_with_the_later_of_its_operands() -> None:
    """The first operand is read by nothing else, the second is: stages stay in topological order."""
    net = Net(3, 6, 6)
    first, second = net.conv("image", 4), net.conv("image", 4)
    added = net.node("Add", first, second)
    net.conv(net.concat(added, second), 2)
    placement = placed(net, "copies.policy=isaac")
    for stage in placement.stages.stages:
        assert all(item.source < stage.index for item in (*stage.inputs, *stage.joins))
    assert simulate(placement, ideal=True).latency_cycles == estimate(placement).latency_cycles
    assert simulate(placement).ok


def test_outputs_of_different_sizes_leave_side_by_side() -> None:
    net = Net(3, 6, 6)
    first = net.conv("image", 4, 3, pad=1)
    second = net.conv(first, 4, 3, stride=2, pad=1)
    third = net.conv(second, 4)
    assert simulate(placed(net, outputs=[first, second, third])).ok


def test_a_pool_spread_over_tiles_that_is_two_outputs_leaves_twice() -> None:
    net = Net(3, 6, 6)
    pooled = net.pool(net.conv("image", 4, 3, pad=1), 2, 2)
    flat = net.node("Flatten", pooled, shape=(1, 36))
    settings = ("tile.pes=1", "pe.arrays=1", "copies.assignment=round_robin")
    assert simulate(placed(net, *settings, copies=[4], outputs=[pooled, flat])).ok


def test_a_skip_over_a_thousand_layers() -> None:
    net = Net(3, 2, 2)
    first = last = net.conv("image", 4)
    for _ in range(1000):
        last = net.conv(last, 4)
    net.node("Add", last, first)
    assert simulate(placed(net, "copies.policy=none")).ok


@pytest.mark.parametrize("name", SMALL)
def test_clocks_of_many_decimals_change_no_order(name: str) -> None:
    """The common tick of these clocks is 9e-12 ps; clocks near them have one of 3e-3 ps and almost the same times."""
    odd = ("noc.clock_ghz=0.9877", "sfu.clock_ghz=1.1237", "offchip.clock_ghz=1.6183", "tile.bus.clock_ghz=0.3137")
    near = ("noc.clock_ghz=0.99", "sfu.clock_ghz=1.12", "offchip.clock_ghz=1.62", "tile.bus.clock_ghz=0.314")
    fine, coarse = (simulate(placed(SMALL[name](), *clocks)) for clocks in (odd, near))
    assert fine.ok
    assert fine.tick_ps < 1e-10
    assert fine.latency_cycles == pytest.approx(coarse.latency_cycles, rel=0.01)


def test_copies_that_do_not_fit_a_tile_together_stand_on_several() -> None:
    """Four copies go together for their pool, whose buffer no tile has; one by one they fit."""
    net = Net(16, 8, 8)
    net.conv(net.conv(net.pool(net.conv("image", 4, 3, pad=1), 2, 2), 48), 32)
    tiles = ("tile.pes=1", "pe.arrays=4", "chip.tiles=1", "chip.mesh_width=1", "tile.buffer_bytes=360")
    assert simulate(placed(net, *tiles, copies=[6, 1, 2])).ok


@pytest.mark.parametrize(("images", "ideal"), [(2, True), (3, True), (5, False), (7, False)])
def test_no_interval_is_below_its_bound_where_copies_take_turns_unevenly(images: int, ideal: bool) -> None:
    """5 windows on 2 copies: between 2 and 3 windows for each copy and image."""
    net = Net(3, 1, 5)
    net.conv("image", 4)
    result = simulate(placed(net, copies=[2]), images=images, ideal=ideal)
    assert result.interval_bound_ns == 2 * 1600
    assert result.interval_ns is not None
    assert result.interval_ns >= result.interval_bound_ns


@pytest.mark.parametrize("copies", [[4], [6]])
def test_more_copies_than_windows_are_no_repetition(copies: list[int]) -> None:
    """Copies take turns from image to image; what takes 9 us an image is the link, whoever runs the windows."""
    net = Net(3, 2, 3)
    net.conv("image", 2)
    slow = ("offchip.clock_ghz=0.001", "copies.assignment=round_robin")
    result = simulate(placed(net, *slow, copies=copies), images=12)
    assert result.interval_ns == 9000
    assert [layer.busy_ns for layer in result.layers] == [12 * 6 * 1600]


def test_a_value_that_no_window_waits_for_may_be_written_after_the_last_result() -> None:
    net = Net(1, 1, 5)
    first = net.conv("image", 2)
    net.node("Add", net.conv("image", 2), first)
    tiles = ("tile.pes=1", "pe.arrays=2", "tile.write_port.clock_ghz=0.001", "tile.buffer_bytes=16")
    assert simulate(placed(net, *tiles, "copies.assignment=round_robin", copies=[5, 3]), images=3).checks["time"]
