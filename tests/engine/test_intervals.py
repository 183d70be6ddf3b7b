"""What an interval says: nothing that cannot last, and in training the whole run."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from tests.engine.networks import SMALL, Net, on, placed


def test_images_that_come_out_of_a_backlog_give_no_rate() -> None:
    """A slow bus takes long for an image; the few images of a short run leave it close together."""
    slow = ("noc.model=bus", "noc.flit_bytes=1", "noc.clock_ghz=0.05", "tile.pes=1", "pe.arrays=4")
    result = simulate(placed(SMALL["chain"](), *slow, copies=[5, 3, 1]), images=5)
    (bus,) = (use for use in result.busiest if use.unit == "noc")
    assert result.elapsed_ns is not None
    assert result.interval_ns is not None
    assert result.interval_ns < 0.9 * bus.utilisation * result.elapsed_ns / 5
    assert result.interval_sustained is False
    assert result.throughput_per_s is None
    assert any("does not last; take more images" in note for note in result.notes)


def test_an_interval_that_lasts_gives_a_rate() -> None:
    result = simulate(placed(SMALL["chain"]()), images=5)
    assert result.interval_ns is not None
    assert result.interval_sustained is True
    assert result.throughput_per_s == 1e9 / result.interval_ns


@pytest.mark.parametrize("images", [4, 8, 9, 12])
def test_training_takes_the_whole_run_for_its_images(images: int) -> None:
    result = simulate(on("pipelayer", SMALL["chain"](), batch=4), images=images)
    assert result.elapsed_ns is not None
    assert result.interval_ns == pytest.approx(result.elapsed_ns / images)
    assert result.throughput_per_s == pytest.approx(1e9 * images / result.elapsed_ns)


def test_a_logical_cycle_does_not_add_up_what_different_converters_do() -> None:
    """Four layers of 8 arrays, each in a PE whose arrays take turns behind one set: 4 windows of 8 x 16 reads keep
    that set busy; the cycle is the longest layer's, not the sum of four sets."""
    net = Net(128, 2, 2)
    last = "image"
    for _ in range(4):
        last = net.conv(last, 128)
    settings = ("schedule.kind=image_pipelined", "copies.policy=none", "adc.arrays_per_set=8")
    result = simulate(placed(net, *settings), images=6)
    reads = 4 * 8 * 16 * 100
    assert result.interval_ns is not None
    assert reads < result.interval_ns < 2 * reads
    assert max(use.utilisation for use in result.busiest if use.unit == "adc") <= 1
