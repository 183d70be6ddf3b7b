"""Lock-step logical cycles: the counts of PipeLayer (HPCA 2017), and how long a cycle is, by hand.

A network of PipeLayer's arrays: a read takes 29.31 ns, S = 16, a window S + 3 cycles; a row of a memory subarray, 64
bytes, is read in 29.31 ns, which is a cycle, and written in 50.88 ns.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from archsim.engine import simulate
from archsim.engine.schedules.lockstep import Lockstep
from archsim.mapping import estimate
from archsim.mapping.estimate import lockstep_cycles
from archsim.result import Result
from tests.engine.networks import SMALL, Net, chain, on, point

CYCLE, WRITE = Fraction("29.31"), Fraction("50.88")
UPDATE = 128 * Fraction("814.08")


def counted(layers: int, images: int, batch: int | None, *, overlap: bool) -> tuple[int, list[int]]:
    """Logical cycles of a run, and those after which each image is through."""
    places = layers if batch is None else 2 * layers + 1
    lockstep, done = Lockstep(places, images, batch, overlap=overlap, ticks=10, update_ticks=10), []
    lockstep.run(lambda image, time: done.append((image, time // 10)))
    assert [image for image, _ in done] == list(range(images))
    assert lockstep.env.now == 10 * lockstep.cycles
    return lockstep.cycles, [cycles for _, cycles in done]


@pytest.mark.parametrize(
    ("layers", "images", "batch", "overlap", "cycles"),
    [
        (16, 640, None, True, 655),
        (16, 640, None, False, 10_240),
        (16, 640, 64, True, 970),
        (16, 640, 64, False, 21_130),
        (16, 64, 64, True, 97),
        (8, 640, 64, True, 810),
        (8, 640, 64, False, 10_890),
        (8, 64, 64, True, 81),
        (16, 100, 64, True, 97 + 69),
        (11, 64, 64, True, 87),
        (11, 64, 64, False, 1_473),
        (19, 64, 64, True, 103),
        (19, 64, 64, False, 2_497),
    ],
)
def test_the_published_cycles_of_vgg_and_alexnet(
    layers: int, images: int, batch: int | None, overlap: bool, cycles: int
) -> None:
    assert counted(layers, images, batch, overlap=overlap)[0] == cycles


@pytest.mark.parametrize(("layers", "images"), list(itertools.product((1, 2, 3, 5), (1, 2, 3, 4, 5, 7, 10, 12))))
def test_the_counts_of_any_run_are_the_closed_forms(layers: int, images: int) -> None:
    """Testing N L or N + L - 1; training (2L + 1) N + N / B or (2L + B + 1) a batch, the last with its own size."""
    assert counted(layers, images, None, overlap=True)[0] == images + layers - 1
    assert counted(layers, images, None, overlap=False)[0] == images * layers
    for batch in (1, 2, 3, 4, 10, 100):
        sizes = [min(batch, images - first) for first in range(0, images, batch)]
        assert counted(layers, images, batch, overlap=True)[0] == sum(2 * layers + size + 1 for size in sizes)
        assert counted(layers, images, batch, overlap=False)[0] == (2 * layers + 1) * images + len(sizes)


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("batch", [None, 1, 3, 4])
def test_an_image_is_through_when_the_estimate_says(batch: int | None, overlap: bool) -> None:
    placement = on("pipelayer", chain(), f"schedule.overlap={str(overlap).lower()}", batch=batch)
    _, done = counted(3, 10, batch, overlap=overlap)
    assert [lockstep_cycles(placement, image) for image in range(10)] == done


def test_an_update_takes_a_logical_cycle_of_its_own_length() -> None:
    done: list[int] = []
    lockstep = Lockstep(3, 4, 2, overlap=True, ticks=10, update_ticks=25)
    lockstep.run(lambda _image, time: done.append(time))
    assert done == [30, 40, 95, 105]
    assert (lockstep.cycles, lockstep.updates, lockstep.env.now) == (10, 2, 130)


def run(net: Net, *settings: str, images: int = 1, batch: int | None = None) -> Result:
    result = simulate(on("pipelayer", net, *settings, batch=batch), images=images)
    assert result.ok
    return result


@pytest.mark.parametrize("windows", [1, 2, 5, 20])
def test_one_copy_reads_window_after_window(windows: int) -> None:
    """A value of 64 bytes is there after a cycle; the last result, of 16 bytes, is written from its special functions
    on: ceil(W / 1) x 16 reads, a cycle before and 2 behind them."""
    result = run(point(32, windows, 8), f"pipelayer.steps={windows}")
    assert result.latency_ns == float((16 * windows + 3) * CYCLE + WRITE)
    assert result.logical_cycles == 1


@pytest.mark.parametrize(("steps", "copies"), [(1, 4), (2, 4), (3, 3), (4, 9)])
def test_copies_share_the_windows_and_the_memory(steps: int, copies: int) -> None:
    """Values come a cycle apart. Of the last windows the first is there to be written 19 cycles after its turn, the
    others wait: R x 50.88 ns for R results, where that is less than the 16 cycles between two turns."""
    result = run(point(32, steps * copies, 8), f"pipelayer.steps={steps}")
    assert [layer.slots for layer in result.layers] == [steps]
    assert [layer.copies for layer in result.layers] == [copies]
    assert result.latency_ns == float((16 * (steps - 1) + 19) * CYCLE + copies * WRITE)


@pytest.mark.parametrize("subarray_bytes", [64, 128, 256])
def test_maps_stand_in_subarrays_by_position(subarray_bytes: int) -> None:
    """8 windows on 4 copies. The map read has 512 bytes, the one written 128: as many lanes as subarrays hold them,
    and a position after the other lies in the next. With n lanes n values come at a time."""
    result = run(point(32, 8, 8), "pipelayer.steps=2", f"memory.subarray_bytes={subarray_bytes}")
    lanes_in, lanes_out = 512 // subarray_bytes, -(-128 // subarray_bytes)
    begins = [1 + window // lanes_in for window in range(8)]
    free = [Fraction(0)] * lanes_out
    for window in range(8):
        begun = begins[window] if window < 4 else begins[window - 4] + 16
        lane = window % lanes_out
        free[lane] = max(free[lane], (begun + 18) * CYCLE) + WRITE
    assert result.latency_ns == float(max(free))


@pytest.mark.parametrize("channels", [32, 64, 33])
def test_a_value_takes_a_port_for_every_64_bytes(channels: int) -> None:
    """One window of 64, 128 or 66 bytes, and a result of as many."""
    ports = -(-channels * 2 // 64)
    result = run(point(channels, 1, channels))
    assert result.latency_ns == float((ports + 18) * CYCLE + ports * WRITE)


@pytest.mark.parametrize("windows", [3, 5, 9])
def test_a_dram_channel_carries_reads_and_writes_in_turn(windows: int) -> None:
    """A read takes 10 cycles, a write one, each window has a copy. Subarrays: value w is there at 10 (w + 1), its
    result 19 cycles later. One channel: a result asks 18 cycles after its value came, 8 cycles into the second read
    from then, and goes before the next: from the third on, values come 11 cycles apart."""
    settings = ("pipelayer.steps=1", "memory.read_ns=293.1", "memory.write_ns=29.31")
    apart = run(point(32, windows, 8), *settings)
    assert apart.latency_ns == float((10 * windows + 19) * CYCLE)
    shared = run(point(32, windows, 8), *settings, "memory.subarray_bytes=null")
    assert shared.latency_ns == float((30 + 11 * (windows - 3) + 19) * CYCLE)


def two_layers() -> Net:
    """20 windows of one layer, 20 of another with wider values; results of 16 and 8 bytes."""
    net = point(32, 20, 8)
    net.conv("conv0", 4)
    return net


def test_the_longest_layer_sets_the_logical_cycle() -> None:
    """10 windows a copy, 2 copies: the first layer's values come a cycle apart; 4 of the second, of 16 bytes, together.
    The first result of the last two is there 16 x 9 + 19 cycles after the begin, the other a write behind it."""
    result = run(two_layers(), "pipelayer.steps=10", images=5)
    cycle = (16 * 9 + 19) * CYCLE + 2 * WRITE
    assert result.latency_ns == float(2 * cycle)
    assert result.interval_ns == float(cycle)
    assert result.interval_exact
    assert result.logical_cycles == 5 + 2 - 1
    apart = run(two_layers(), "pipelayer.steps=10", "schedule.overlap=false", images=5)
    assert apart.interval_ns == apart.latency_ns == float(2 * cycle)
    assert apart.logical_cycles == 10


def test_an_update_lasts_until_all_rows_are_written() -> None:
    """One layer, 3 places; 2 batches of 2, each of 4 cycles and an update. An image takes its share of the whole run;
    a gradient takes fewer windows than the forward pass."""
    net = point(32, 20, 8)
    result = run(net, "pipelayer.steps=10", images=4, batch=2)
    cycle = (16 * 9 + 19) * CYCLE + 2 * WRITE
    assert cycle < UPDATE
    assert result.logical_cycles == 2 * (2 + 2 + 1)
    assert result.latency_ns == float(3 * cycle)
    assert result.interval_ns == pytest.approx(float(2 * (4 * cycle + UPDATE) / 4))
    assert result.interval_exact is None
    assert result.elapsed_ns == pytest.approx(float(2 * (4 * cycle + UPDATE)))
    quick = run(net, "pipelayer.steps=10", "array.write_ns=1", images=4, batch=2)
    assert quick.interval_ns == pytest.approx(float(2 * 5 * cycle / 4))


def test_without_limits_an_update_takes_a_cycle() -> None:
    placement = on("pipelayer", chain(), batch=2)
    result = simulate(placement, images=6, ideal=True)
    bound = estimate(placement, 6)
    assert result.latency_ns == pytest.approx(bound.image_done[0] * 29.31)
    cycle = bound.image_done[0] * 29.31 / placement.logical_places
    assert result.logical_cycles == 3 * (placement.logical_places + 2)
    assert result.interval_ns == pytest.approx(result.logical_cycles * cycle / 6)


@pytest.mark.parametrize("images", [4, 5, 9])
@pytest.mark.parametrize("batch", [None, 1, 2, 3])
@pytest.mark.parametrize("overlap", ["true", "false"])
def test_no_interval_is_below_its_bound(images: int, batch: int | None, overlap: str) -> None:
    result = run(chain(), f"schedule.overlap={overlap}", images=images, batch=batch)
    assert result.interval_ns is not None
    assert result.interval_ns >= result.interval_bound_ns > 0


def test_training_counts_its_own_work_beside_that_of_the_network() -> None:
    """Vector layers work in the forward pass alone; every copy of the weights, the transposed ones too, is written in
    each of 2 updates."""
    placement = on("pipelayer", chain(), batch=3)
    plain, trained = simulate(on("pipelayer", chain()), images=5), simulate(placement, images=5)
    vectors = [(a.busy_ns, b.busy_ns) for a, b in zip(plain.layers, trained.layers, strict=True) if not a.copies]
    assert len(vectors) == 2
    assert all(a == b and a for a, b in vectors)
    matrices = [(a.busy_ns or 0, b.busy_ns or 0) for a, b in zip(plain.layers, trained.layers, strict=True) if a.copies]
    assert all(a == b and a for a, b in matrices)
    assert trained.moved_bytes.weights == 2 * (placement.arrays_used + placement.arrays_of("error")) * 8192
    assert plain.moved_bytes.weights is None
    assert any("training in batches of 3" in note for note in trained.notes)
    assert trained.arrays.used == plain.arrays.used == placement.arrays_used


def test_images_alike_are_simulated_once() -> None:
    one, many = run(chain()), run(chain(), images=30)
    assert many.events - one.events == 29
    assert many.latency_ns == one.latency_ns
    assert [a.busy_ns for a in many.layers] == pytest.approx([30 * (b.busy_ns or 0) for b in one.layers])


def test_concatenated_maps_are_trained() -> None:
    net = Net(3, 6, 6)
    net.conv(net.concat(net.conv("image", 4), net.conv("image", 4)), 4, 3, pad=1)
    placement = on("pipelayer", net, batch=2)
    assert [job.kind for job in placement.jobs].count("error") == 2
    assert simulate(placement, images=4).ok


@pytest.mark.parametrize("name", SMALL)
def test_isaac_runs_in_lock_step(name: str) -> None:
    """A policy that goes with any hardware."""
    placement = on("isaac", SMALL[name](), "schedule.kind=image_pipelined", "array.write_ns=100", batch=2)
    real, ideal = simulate(placement, images=4), simulate(placement, images=4, ideal=True)
    assert real.ok
    assert ideal.ok
    assert ideal.latency_cycles == estimate(placement).latency_cycles
    assert real.latency_ns is not None
    assert ideal.latency_ns is not None
    assert real.latency_ns > ideal.latency_ns


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "settings", "images", "batch", "cycles"),
    [
        ("vgg16", (), 640, 64, 970),
        ("alexnet", (), 640, 64, 810),
        ("alexnet", ("schedule.overlap=false",), 640, 64, 10_890),
        ("alexnet", (), 64, 64, 81),
    ],
)
def test_whole_networks_take_the_published_logical_cycles(
    model: str, settings: tuple[str, ...], images: int, batch: int | None, cycles: int
) -> None:
    result = simulate(on("pipelayer", model, *settings, batch=batch), images=images)
    assert result.logical_cycles == cycles
    assert result.ok


@pytest.mark.slow
@pytest.mark.parametrize(("overlap", "cycles"), [("true", 655), ("false", 10_240)])
def test_vgg16_without_training_takes_the_published_logical_cycles(overlap: str, cycles: int) -> None:
    placement = on("pipelayer", "vgg16", f"schedule.overlap={overlap}")
    assert sum(plan.arrays for plan in placement.plans if plan.stage.windows > 1) == 2 * 79_616
    assert simulate(placement, images=640, ideal=True).logical_cycles == cycles
