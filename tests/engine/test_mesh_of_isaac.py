"""ISAAC's 32-bit mesh at 1 GHz carries VGG-16, if copies are strips, interleaved, and values fork on their way."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.result import Result
from tests.engine.networks import Net, placed

COPIES = [64, 64, 16, 16, 4, 4, 4, 1, 1, 1, 1, 1, 1]
INTERVAL_NS = 12_544 * 100


def convolutions_of_vgg16() -> Net:
    net, last = Net(3, 224, 224), "image"
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            last = net.node("Relu", net.conv(last, width, 3, pad=1))
        last = net.pool(last, 2, 2)
    return net


def run(*settings: str) -> Result:
    pytest.importorskip("numba", reason="takes minutes as plain Python")
    return simulate(
        placed(convolutions_of_vgg16(), "chips=1", "noc.model=wormhole", *settings, copies=COPIES), images=4
    )


@pytest.mark.slow
def test_with_strips_interleaving_and_multicast_the_mesh_keeps_up() -> None:
    result = run("copies.assignment=strips", "placement.order=interleaved")
    assert result.ok
    assert result.interval_ns == pytest.approx(INTERVAL_NS, rel=0.01)


@pytest.mark.slow
def test_with_unicast_and_tiles_in_layer_order_it_takes_more_than_three_times_as_long() -> None:
    result = run("copies.assignment=round_robin", "placement.order=layers", "noc.multicast=false")
    assert result.ok
    assert result.interval_ns is not None
    assert result.interval_ns > 3 * INTERVAL_NS
