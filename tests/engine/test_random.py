"""Random networks on random chips: nothing is lost, nothing stalls, nothing is faster than without limits."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.engine import simulate
from archsim.errors import InputError
from tests.engine.networks import Net, placed
from tests.engine.test_recurrence import networks

CHOICES = {
    "copies.assignment": ("round_robin", "strips", "bands"),
    "tiling.split": ("columns", "rows"),
    "tile.pes": (1, 2, 12),
    "pe.arrays": (1, 4, 8),
    "pe.input_windows": (1, 2, 3),
    "tile.output_register_bytes": (0, 64, 3072),
    "tile.buffer_bytes": (600, 1200, 65536),
    "tile.write_port.clock_ghz": (0.005, 0.32),
    "tile.bus.clock_ghz": (0.005, 0.32),
    "sfu.clock_ghz": (0.001, 1.2),
    "noc.clock_ghz": (0.02, 1),
    "noc.concentration": (1, 2, 4),
    "chip.tiles": (4, 168),
    "offchip.clock_ghz": (0.01, 1.6),
    "offchip.packet_bytes": (1, 64),
}


@st.composite
def chips(draw: st.DrawFn) -> list[str]:
    """Settings of a chip; its mesh is as wide as 2 tiles or as it is published."""
    chosen = {key: draw(st.sampled_from(values)) for key, values in CHOICES.items()}
    width = 2 if chosen["chip.tiles"] == 4 else 14
    return [*(f"{key}={value}" for key, value in chosen.items()), f"chip.mesh_width={width}"]


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(alone=True), chips(), st.data())
def test_what_placement_accepts_runs_to_its_end_and_no_faster_than_without_limits(
    net: Net, chosen: list[str], data: st.DataObject
) -> None:
    copies = data.draw(st.lists(st.integers(1, 5), min_size=net.matrices, max_size=net.matrices))
    images = data.draw(st.integers(1, 5))
    try:
        placement = placed(net, *chosen, copies=copies)
    except InputError as error:
        assert "buffer" in str(error)  # noqa: PT017 - a buffer too small is told before anything runs
        return
    real, ideal = simulate(placement, images=images), simulate(placement, images=images, ideal=True)
    assert real.ok
    assert ideal.ok
    assert (real.latency_ns or 0) > (ideal.latency_ns or 0)
    for layer, least in zip(real.layers, ideal.layers, strict=True):
        if layer.copies:
            assert (layer.start_ns or 0) >= (least.start_ns or 0)
            assert (layer.end_ns or 0) > (least.end_ns or 0)
            assert layer.busy_ns == layer.windows * images * 1600
