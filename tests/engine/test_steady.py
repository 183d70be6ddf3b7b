"""A run that is found to repeat itself ends early, and says what the whole run would have said."""

from __future__ import annotations

import pytest

from archsim.engine import simulate
from archsim.engine.chip import Chip
from archsim.engine.schedules import pipelined
from archsim.engine.steady import SteadyState
from archsim.mapping import Placement
from archsim.result import Result
from tests.engine.networks import SMALL, placed

COPIES = [5, 3, 2, 1, 4, 2, 1, 3]
IMAGES = 10
SETTINGS = {
    "plain": (),
    "several tiles": ("tile.pes=1", "pe.arrays=4"),
    "several chips": ("tile.pes=1", "pe.arrays=4", "chip.tiles=4", "chip.mesh_width=2"),
    "slow buffers": ("tile.write_port.clock_ghz=0.01", "tile.buffer_bytes=4096"),
    "slow mesh": ("tile.pes=1", "pe.arrays=4", "noc.clock_ghz=0.05"),
    "a shared bus": ("tile.pes=1", "pe.arrays=4", "noc.model=bus"),
    "a slow shared bus": (
        *("tile.pes=1", "pe.arrays=4", "noc.model=bus", "noc.clock_ghz=0.05", "noc.link_delay=9"),
        *("chip.tiles=8", "chip.mesh_width=2"),
    ),
    "a slow link": ("offchip.clock_ghz=0.01",),
    "a multiplier": ("sfu.multiplier_lanes=1", "sfu.clock_ghz=0.02"),
    "shared converters": ("adc.arrays_per_set=4",),
    "no output register": ("tile.output_register_bytes=0", "pe.input_windows=1"),
}

CASES = [
    ("plain", "strips"),
    *((name, "strips" if index % 2 else "round_robin") for index, name in enumerate(SETTINGS)),
]


def placement(name: str, settings: tuple[str, ...], assignment: str) -> Placement:
    net = SMALL[name]()
    return placed(net, *settings, f"copies.assignment={assignment}", copies=COPIES[: net.matrices])


def whole(placement: Placement, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, list[int]]:
    """The run without looking for a repetition, and when each image was done in ticks."""
    machines: list[Chip] = []

    class KeptChip(Chip):
        def run(self) -> None:
            machines.append(self)
            super().run()

    with monkeypatch.context() as patched:
        patched.setattr(SteadyState, "image_begins", lambda _self, _image: None)
        patched.setattr(pipelined, "Chip", KeptChip)
        result = simulate(placement, images=IMAGES)
    return result, [machines[0].output.image_done[image] for image in range(IMAGES)]


def assert_same(short: Result, full: Result) -> None:
    same = ("latency_ns", "latency_cycles", "layers", "noc", "interval_bound_ns", "arrays", "moved_bytes", "busiest")
    assert {key: getattr(short, key) for key in same} == {key: getattr(full, key) for key in same}
    assert short.adc_conversions == full.adc_conversions


@pytest.mark.parametrize(("settings", "assignment"), CASES)
@pytest.mark.parametrize("name", ["chain", "residual", "inception"])
def test_what_follows_from_a_repetition_is_what_the_whole_run_finds(
    name: str, settings: str, assignment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = placement(name, SETTINGS[settings], assignment)
    full, done = whole(short, monkeypatch)
    result = simulate(short, images=IMAGES)
    assert result.ok
    assert result.images == IMAGES
    assert full.interval_exact is not True
    assert_same(result, full)
    if result.interval_exact:
        # half way, when the first images have filled the chip and the last do not drain it yet
        middle = (done[IMAGES // 2] - done[IMAGES // 2 - 1]) * result.tick_ps / 1000
        assert result.interval_ns == pytest.approx(middle, abs=1e-6)
        assert result.interval_spread_ns == 0
        assert result.throughput_per_s == pytest.approx(1e9 / (result.interval_ns or 0))


@pytest.mark.parametrize("model", ["ideal", "bus"])
@pytest.mark.parametrize("name", ["chain", "residual", "inception"])
def test_images_left_out_are_counted_on_every_network(name: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small buffers on small tiles, so that runs soon repeat; a bus so slow that messages wait for each other."""
    small = ("tile.pes=1", "pe.arrays=4", "tile.buffer_bytes=4096", "copies.policy=none", "pe.input_reuse=handover")
    slow = (f"noc.model={model}", "noc.clock_ghz=0.01", "noc.link_delay=3")
    short = placed(SMALL[name](), *small, *slow)
    result, (full, done) = simulate(short, images=IMAGES), whole(short, monkeypatch)
    assert (result.ok, result.interval_exact, result.events < full.events) == (True, True, True)
    assert_same(result, full)
    assert result.interval_ns == pytest.approx((done[4] - done[3]) * result.tick_ps / 1000, abs=1e-6)


@pytest.mark.parametrize("name", ["residual", "inception"])
def test_a_run_that_repeats_is_shorter_for_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = placed(SMALL[name](), "copies.policy=none")
    result = simulate(plain, images=IMAGES)
    assert result.interval_exact
    assert result.events < whole(plain, monkeypatch)[0].events
    assert any("the state repeated" in note for note in result.notes)


@pytest.mark.parametrize("images", [1, 2, 3])
def test_few_images_claim_no_interval(images: int) -> None:
    result = simulate(placed(SMALL["chain"]()), images=images)
    assert (result.interval_ns, result.interval_exact, result.interval_spread_ns) == (None, None, None)
    assert result.throughput_per_s is None


def test_an_interval_is_no_less_than_its_bound() -> None:
    for name in SMALL:
        result = simulate(placed(SMALL[name](), "copies.policy=none"), images=8)
        assert result.interval_ns is not None
        assert result.interval_ns >= result.interval_bound_ns
