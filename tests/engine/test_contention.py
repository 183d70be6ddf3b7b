"""What contention may and may not do: never faster than without it, never faster with less, equal with plenty."""

from __future__ import annotations

import pytest

from archsim.engine import chip, simulate
from archsim.engine.chip import Chip
from archsim.engine.fabric import NoFabric
from archsim.engine.limits import Contended
from archsim.mapping import Placement
from archsim.result import Result
from tests.engine.networks import RESNET18_COPIES, SMALL, Net, placed

COPIES = [5, 3, 2, 1, 4, 2, 1, 3]

# tiles of 4 arrays, so that layers stand on several tiles
SPREAD = ("tile.pes=1", "pe.arrays=4")
# chips of 4 such tiles, so that networks stand on several chips
CHIPS = (*SPREAD, "chip.tiles=4", "chip.mesh_width=2")

PLENTY = (
    "tile.bus.width_bytes=1000000000",
    "tile.bus.clock_ghz=1000000000",
    "tile.write_port.width_bytes=1000000000",
    "tile.write_port.clock_ghz=1000000000",
    "tile.buffer_bytes=1000000000",
    "tile.output_register_bytes=1000000000",
    "sfu.clock_ghz=1000000000",
    "sfu.elementwise_lanes=1000000000",
    "sfu.pool_lanes=1000000000",
)

# a setting with values that give ever more of it
MORE = {
    "tile.bus.clock_ghz": (0.001, 0.02, 0.32),
    "tile.bus.width_bytes": (1, 4, 1024),
    "tile.write_port.clock_ghz": (0.001, 0.02, 0.32),
    "tile.write_port.width_bytes": (1, 4, 1024),
    "sfu.clock_ghz": (0.0005, 0.005, 1.2),
    "sfu.elementwise_lanes": (1, 2, 64),
    "sfu.pool_lanes": (1, 2, 64),
    "noc.clock_ghz": (0.01, 0.1, 10),
    "noc.flit_bytes": (1, 4, 32),
    "noc.max_packet_flits": (1, 4, 64),
    "offchip.clock_ghz": (0.001, 0.02, 1.6),
    "offchip.width_bytes": (1, 4, 64),
    "tile.output_register_bytes": (0, 64, 3072),
}
# with which other settings a scarcity of it shows
SCARCE = {
    "tile.bus.width_bytes": ("tile.bus.clock_ghz=0.01",),
    "tile.write_port.width_bytes": ("tile.write_port.clock_ghz=0.01",),
    "sfu.elementwise_lanes": ("sfu.clock_ghz=0.01",),
    "sfu.pool_lanes": ("sfu.clock_ghz=0.01",),
    "noc.flit_bytes": ("noc.clock_ghz=0.1",),
    "noc.max_packet_flits": ("noc.clock_ghz=0.1",),
    "offchip.width_bytes": ("offchip.clock_ghz=0.1",),
    "tile.output_register_bytes": ("tile.write_port.clock_ghz=0.01",),
}


def small(name: str, *settings: str, spread: tuple[str, ...] = SPREAD) -> Placement:
    net = SMALL[name]()
    return placed(net, *spread, *settings, copies=COPIES[: net.matrices])


def timed(result: Result) -> list[tuple[float, float]]:
    """Start and end of each matrix layer."""
    layers = [layer for layer in result.layers if layer.copies]
    assert layers
    return [(layer.start_ns or 0.0, layer.end_ns or 0.0) for layer in layers]


@pytest.mark.parametrize("assignment", ["round_robin", "strips", "bands"])
@pytest.mark.parametrize("name", SMALL)
def test_contention_makes_no_layer_start_or_end_earlier(name: str, assignment: str) -> None:
    placement = small(name, f"copies.assignment={assignment}")
    ideal, real = simulate(placement, images=4, ideal=True), simulate(placement, images=4)
    assert real.checks == dict.fromkeys(("macs", "windows", "bytes", "flits", "time", "bound"), True)
    for (start, end), (least_start, least_end) in zip(timed(real), timed(ideal), strict=True):
        assert start >= least_start
        assert end > least_end
    assert (real.latency_ns or 0) > (ideal.latency_ns or 0)
    assert (real.interval_ns or 0) >= real.interval_bound_ns


@pytest.mark.parametrize("name", ["chain", "residual", "inception"])
@pytest.mark.parametrize("key", MORE)
def test_more_of_a_resource_never_makes_the_latency_longer(key: str, name: str) -> None:
    spread = CHIPS if key.startswith(("noc", "offchip")) else SPREAD
    latencies = [
        simulate(small(name, *SCARCE.get(key, ()), f"{key}={value}", spread=spread)).latency_ns for value in MORE[key]
    ]
    assert latencies == sorted(latencies, reverse=True)


@pytest.mark.parametrize("key", MORE)
def test_a_scarce_resource_costs_time(key: str) -> None:
    """So the test above compares what differs."""
    poor, rich = (simulate(small("residual", *SCARCE.get(key, ()), f"{key}={MORE[key][i]}")) for i in (0, -1))
    if key == "sfu.pool_lanes":  # this network's only pool is over the last map
        poor, rich = (simulate(small("chain", *SCARCE[key], f"{key}={MORE[key][i]}")) for i in (0, -1))
    assert (poor.latency_ns or 0) > (rich.latency_ns or 0)


@pytest.mark.parametrize("name", ["chain", "residual", "inception", "depthwise"])
def test_larger_buffers_never_make_the_latency_longer(name: str) -> None:
    latencies = [
        simulate(small(name, "tile.write_port.clock_ghz=0.05", f"tile.buffer_bytes={size}")).latency_ns
        for size in (4096, 8192, 65536, 10**6)
    ]
    assert latencies == sorted(latencies, reverse=True)


@pytest.fixture
def free_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages arrive at once: no mesh, and links that take no time."""
    monkeypatch.setattr(chip, "Fabric", lambda _chip, _chips: NoFabric())
    monkeypatch.setattr(Contended, "offchip_ticks", lambda _self, _size: 0)


PLENTY_CASES = [
    pytest.param(name, assignment, spread, id=f"{name}-{assignment}")
    for name in SMALL
    for assignment, spread in (("round_robin", SPREAD), ("strips", CHIPS), ("bands", SPREAD))
    if (name, assignment) != ("inception", "bands")
]


@pytest.mark.usefixtures("free_ways")
@pytest.mark.parametrize(("name", "assignment", "spread"), PLENTY_CASES)
def test_with_plenty_of_everything_contention_adds_nothing(name: str, assignment: str, spread: tuple[str, ...]) -> None:
    """Rates are finite: transfers take 1e-9 ns each."""
    _plenty_equals_ideal(small(name, *PLENTY, f"copies.assignment={assignment}", spread=spread), 2)


@pytest.mark.usefixtures("free_ways")
def test_a_vector_layer_of_its_own_keeps_to_raster_order_on_each_tile() -> None:
    """With bands the windows of the inception network's pool are not ready in raster order; waiting for it is the one
    thing that plenty does not buy."""
    placement = small("inception", *PLENTY, "copies.assignment=bands", spread=SPREAD)
    ideal, real = simulate(placement, ideal=True), simulate(placement)
    assert real.checks["bound"]
    assert [layer.end_ns for layer in real.layers] > [layer.end_ns for layer in ideal.layers]


@pytest.mark.usefixtures("free_ways")
@pytest.mark.parametrize(
    ("model", "copies", "assignment"),
    [
        ("lenet5", [9, 4], "round_robin"),
        ("alexnet", None, "strips"),
        pytest.param("resnet18", RESNET18_COPIES, "round_robin", marks=pytest.mark.slow),
        pytest.param("resnet18", RESNET18_COPIES, "strips", marks=pytest.mark.slow),
        pytest.param("mobilenet_v2", None, "strips", marks=pytest.mark.slow),
    ],
)
def test_models_with_plenty_of_everything_take_the_ideal_time(
    model: str, copies: list[int] | None, assignment: str
) -> None:
    _plenty_equals_ideal(placed(model, *PLENTY, f"copies.assignment={assignment}", copies=copies), 1)


def _plenty_equals_ideal(placement: Placement, images: int) -> None:
    ideal, real = simulate(placement, images=images, ideal=True), simulate(placement, images=images)
    near = pytest.approx
    assert real.latency_cycles == near(ideal.latency_cycles, abs=1e-6)
    for (start, end), (ideal_start, ideal_end) in zip(timed(real), timed(ideal), strict=True):
        assert (start, end) == (near(ideal_start, abs=1e-4), near(ideal_end, abs=1e-4))


@pytest.mark.parametrize("name", SMALL)
def test_two_runs_give_the_same_result(name: str) -> None:
    first, second = (simulate(small(name), images=4).to_json() for _ in range(2))
    assert first.pop("cpu_s") is not None
    second.pop("cpu_s")
    assert first == second


@pytest.mark.parametrize("spread", [SPREAD, CHIPS], ids=["tiles", "chips"])
@pytest.mark.parametrize("name", SMALL)
def test_what_is_sent_is_delivered_and_every_window_runs_once(name: str, spread: tuple[str, ...]) -> None:
    machine = Chip(small(name, spread=spread), 3, ideal=False)
    machine.run()
    for stage in machine.stages:
        assert [count for count, _, _ in stage.seen] == [stage.plan.stage.windows] * 3
    meshes = [adapter.model.traffic for adapter in machine.fabric.meshes]
    assert sum(traffic.delivered for traffic in meshes) == sum(traffic.messages for traffic in meshes) > 0
    assert sum(adapter.delivered_bytes for adapter in machine.fabric.meshes) == sum(t.sent_bytes for t in meshes)


@pytest.mark.parametrize("name", SMALL)
def test_busy_stalled_and_idle_time_is_all_there_is(name: str) -> None:
    """Each array's time, read by read: `busy_ns` is windows x S, stalls are what lies between reads."""
    placement = small(name, "tile.write_port.clock_ghz=0.02", "tile.bus.clock_ghz=0.02")
    machine = Chip(placement, 2, ideal=False)
    machine.run()
    stalled = 0
    for stage in machine.stages:
        for unit in (unit.arrays for copy in stage.copies for unit in copy.units):
            stalled += sum(unit.stalls.values())
            assert unit.busy + sum(unit.stalls.values()) + unit.idle(machine.elapsed) == machine.elapsed
            assert all(ticks >= 0 for ticks in unit.stalls.values())
    assert stalled > 0
    result = simulate(placement, images=2)
    for layer in result.layers:
        if layer.copies:
            assert layer.busy_ns == layer.windows * 2 * 1600


def test_a_value_crosses_a_link_between_chips_once_and_forks_there() -> None:
    """Chips of 2 tiles of 2 arrays: the first two layers fill chip 0, the third both tiles of chip 1. Its 4 inputs
    of 64 bytes cross once each; its 4 results of 128 bytes come back, as the host is at chip 0."""
    net = Net(3, 1, 4)
    net.conv(net.conv(net.conv("image", 32), 32), 64)
    chips = ("tile.pes=1", "pe.arrays=2", "chip.tiles=2", "chip.mesh_width=2", "noc.concentration=1")
    machine = Chip(placed(net, *chips), 1, ideal=False)
    machine.run()
    up, down = machine.fabric.upward[0], machine.fabric.downward[1]
    assert [len(copy.parts) for plan in machine.placement.plans for copy in plan.copies] == [1, 1, 2]
    assert (up.sent_bytes, down.sent_bytes) == (4 * 64, 4 * 128)
    assert up.servers[0].busy == 4 * 16 * machine.clock.offchip


def test_alexnet_runs_on_two_chips() -> None:
    result = simulate(placed("alexnet"))
    assert (result.chips, result.ok) == (2, True)
