"""Arrays that share a set of ADCs take turns: `adc.arrays_per_set`."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.mapping import Placement
from tests.engine.networks import SMALL, Net, placed

TWO = ("pe.arrays=2", "tile.pes=48", "adc.arrays_per_set=2")
ONE_BY_ONE = "offchip.packet_bytes=1"  # the host sends value by value


def windows_of(outputs: int, windows: int, *settings: str) -> Placement:
    """One convolution of kernel 1: `outputs` x 8 / 128 arrays."""
    net = Net(3, 1, windows)
    net.conv("image", outputs)
    return placed(net, ONE_BY_ONE, *settings)


def test_two_arrays_on_one_set_take_twice_the_reads() -> None:
    """32 outputs stand in 2 arrays: 2 x 16 reads for each window instead of 16."""
    plain, shared = (simulate(windows_of(32, 4, *settings)) for settings in ((), TWO))
    assert plain.latency_ns == 1.25 + 3.125 + 4 * 1600 + 600
    assert shared.latency_ns == 1.25 + 3.125 + 4 * 3200 + 600
    assert shared.ok


def test_one_array_on_a_set_of_its_own_takes_the_plain_time() -> None:
    assert simulate(windows_of(16, 4, *TWO)).latency_ns == 1.25 + 3.125 + 4 * 1600 + 600


def test_four_arrays_on_two_sets_read_in_parallel_on_both() -> None:
    assert simulate(windows_of(64, 4, *TWO)).latency_ns == 1.25 + 3.125 + 4 * 3200 + 600


@pytest.mark.parametrize("per_set", [1, 2, 4, 8])
def test_a_layer_of_8_arrays_takes_as_many_turns_as_arrays_share_a_set(per_set: int) -> None:
    result = simulate(windows_of(128, 3, f"adc.arrays_per_set={per_set}"))
    assert result.latency_ns == 1.25 + 3.125 + 3 * 1600 * per_set + 600


def two_layers(windows: int) -> Net:
    """Two convolutions of one array each read the image side by side; their results stand side by side."""
    net = Net(3, 1, windows)
    net.concat(net.conv("image", 4), net.conv("image", 4))
    return net


@pytest.mark.parametrize("windows", [1, 2, 10])
def test_two_layers_on_one_set_take_turns(windows: int) -> None:
    """Their 2 x windows x 16 reads follow each other without a gap: no earlier than both after each other, and no
    later."""
    alone, shared = (simulate(placed(two_layers(windows), ONE_BY_ONE, *settings)) for settings in ((), TWO))
    fetches = 3.125 * 2
    one = windows * 1600
    assert alone.latency_ns is not None
    assert shared.latency_ns is not None
    assert one + 600 < alone.latency_ns <= 1.25 + fetches + 3.125 + one + 600
    assert 2 * one + 600 < shared.latency_ns <= 1.25 + fetches + 3.125 + 2 * one + 600
    assert shared.ok
    stalls = [layer.stall_ns["adc"] for layer in shared.layers if layer.stall_ns]
    assert max(stalls) == pytest.approx((windows - 1) * 1600, abs=1)


@pytest.mark.parametrize("name", SMALL)
def test_sharing_never_makes_a_network_faster(name: str) -> None:
    net = SMALL[name]()
    latencies = [simulate(placed(net, f"adc.arrays_per_set={count}")).latency_ns or 0 for count in (1, 2, 4, 8)]
    assert latencies == sorted(latencies)
    if name != "squeeze":  # its layers stand in one array each, and run one after the other
        assert latencies[-1] > latencies[0]
