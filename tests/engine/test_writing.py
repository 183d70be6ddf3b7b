"""Weights written before their pass: times by hand, hidden behind reads of other arrays or charged in full.

A chip of PipeLayer's arrays and nothing that makes anyone wait but the memory: a read takes 100 ns, S = 16, a window
S + 3 cycles. Memory moves 64 bytes a ns; an array of 128 x 128 cells of 4 bits has 8,192 bytes, 128 ns.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from archsim.engine import simulate
from archsim.mapping import Placement, estimate
from archsim.result import Result
from tests.engine.networks import SMALL, Net, on

SERIAL = (
    "schedule.kind=layer_serial",
    "array.sign=offset",
    "array.read_ns=100",
    "copies.policy=none",
    "memory.read_ns=1",
    "memory.write_ns=1",
    "memory.subarray_bytes=null",
    "tile.pes=1",
    "chip.tiles=2",
    "chip.mesh_width=2",
)
SET_OF_TWO = ("adc={bits: 8, columns_per_adc: 128, conversions_per_read: 128, rows_per_read: 128, arrays_per_set: 2}",)
WINDOWS = 4
READS = 100 * (16 * WINDOWS + 3)
ARRAY = 128


def net() -> Net:
    """Two convolutions of kernel 1 and 3 arrays each; values of 64 and 192 bytes come in after 1 and 3 ns."""
    small = Net(32, 1, WINDOWS)
    small.conv(small.conv("image", 96), 96)
    return small


def run(*settings: str, images: int = 1, ideal: bool = False) -> Result:
    result = simulate(on("pipelayer", net(), *SERIAL, *settings), images=images, ideal=ideal)
    assert result.ok
    return result


def stalls(result: Result) -> list[float | None]:
    return [layer.stall_ns["memory"] for layer in result.layers if layer.stall_ns]


def test_all_weights_stored_are_there_when_a_run_begins() -> None:
    result = run("rotation.stored_arrays=6")
    assert result.latency_ns == 1 + READS + 3 + READS
    assert stalls(result) == [0, 0]
    assert result.moved_bytes.weights == 0


@pytest.mark.parametrize("write_ns", [2, 100])
def test_without_rotation_every_pass_waits_for_its_weights(write_ns: int) -> None:
    """4 stored, 2 for writing: passes of 2 and 1 arrays, which cross one by one and are written side by side."""
    result = run("rotation.stored_arrays=4", f"array.write_ns={write_ns}")
    waits = 2 * ARRAY + 128 * write_ns, ARRAY + 128 * write_ns
    assert result.latency_ns == 2 * sum(waits) + 2 * (1 + READS) + 2 * (3 + READS)
    assert stalls(result) == [sum(waits), sum(waits)]
    assert result.moved_bytes.weights == 6 * 8192
    assert [layer.slots for layer in result.layers] == [2 * WINDOWS, 2 * WINDOWS]


def test_with_rotation_the_first_pass_waits_and_the_others_find_their_weights() -> None:
    """4 stored, 2 read at once; 2 for writing: passes of 1 array, 6 in all, each written while the one before is read,
    which takes longer than the 128 + 256 ns."""
    result = run("rotation.stored_arrays=4", "array.write_ns=2", *SET_OF_TWO)
    assert result.latency_ns == ARRAY + 256 + 3 * (1 + READS) + 3 * (3 + READS)
    assert stalls(result) == [ARRAY + 256, 0]
    assert result.moved_bytes.weights == 6 * 8192


def test_writing_longer_than_a_pass_sets_the_pace() -> None:
    """Writing takes 12,800 ns. An array asks for the memory behind the first input and is there 128 + 12,800 ns later,
    which is when its pass begins; in the pass that it is written beside, that input takes 1 or 3 ns."""
    result = run("rotation.stored_arrays=4", "array.write_ns=100", *SET_OF_TWO)
    pace = ARRAY + 12_800
    assert result.latency_ns == pace + 3 * (1 + pace) + 2 * (3 + pace) + 3 + READS
    first = pace + 2 * (1 + pace - (1 + READS))
    second = 1 + pace - (1 + READS) + 2 * (3 + pace - (3 + READS))
    assert stalls(result) == [first, second]


def test_of_weights_ahead_a_pass_waits_for_its_own_alone() -> None:
    """Of 8 arrays the first layer keeps 4; the second, of 5, is written 2, 2 and 1 at a time. While the first is read
    for 1,901 ns all 4 places are asked for, behind its input: they cross at 129, 257, 385 and 513 ns and are written
    12,800 ns later. The first pass waits for the second of them; then the other two are there; the last array crosses
    behind the 4 ns of the second pass's input."""
    small = Net(32, 1, 1)
    small.conv(small.conv("image", 128), 160)
    chip = ("chip.tiles=4", "chip.mesh_width=4", "array.write_ns=100", "rotation.stored_arrays=8")
    result = simulate(on("pipelayer", small, *SERIAL, *SET_OF_TWO, *chip))
    begins, one_pass = 257 + 12_800, 4 + 1900
    last = 4 + ARRAY + 12_800 - one_pass
    assert stalls(result) == [0, begins - 1901 + last]
    assert result.latency_ns == begins + one_pass + one_pass + last + one_pass
    assert result.ok


@pytest.mark.parametrize("settings", [(), SET_OF_TWO], ids=["in full", "hidden"])
@pytest.mark.parametrize("write_ns", [2, 100])
def test_images_follow_each_other_at_an_exact_interval_and_each_writes_all(
    settings: tuple[str, ...], write_ns: int
) -> None:
    chosen = ("rotation.stored_arrays=4", f"array.write_ns={write_ns}", *settings)
    one, many = run(*chosen), run(*chosen, images=6)
    assert many.moved_bytes.weights == 6 * 6 * 8192
    assert many.latency_ns == one.latency_ns
    assert many.interval_exact
    assert many.interval_ns is not None
    if settings and write_ns == 100:
        assert many.interval_ns == 3 * (1 + ARRAY + 12_800) + 3 * (3 + ARRAY + 12_800)
    elif settings:
        assert many.interval_ns == 3 * (1 + READS) + 3 * (3 + READS)
    else:
        assert many.interval_ns == one.latency_ns
    assert many.interval_ns >= many.interval_bound_ns
    assert any("are written in" in note for note in many.notes)


@pytest.mark.parametrize("settings", [(), SET_OF_TWO], ids=["in full", "hidden"])
def test_without_limits_weights_are_there_at_once(settings: tuple[str, ...]) -> None:
    chosen = ("rotation.stored_arrays=4", "array.write_ns=100", *settings)
    result = run(*chosen, images=3, ideal=True)
    placement = on("pipelayer", net(), *SERIAL, *chosen)
    passes = 6 if settings else 4
    assert result.latency_ns == passes * READS == estimate(placement).latency_cycles * 100
    assert result.interval_ns == result.interval_bound_ns == passes * READS
    assert result.moved_bytes.weights == 3 * 6 * 8192


def written(*settings: str) -> Placement:
    chip = ("chip.tiles=2", "chip.mesh_width=2", "tile.pes=1", "pe.arrays=8", "adc.arrays_per_set=4")
    return on("atomlayer", SMALL["residual"](), *chip, "copies.policy=none", *settings)


def test_faster_writes_are_never_slower() -> None:
    times = [
        simulate(written("rotation.stored_arrays=8", f"array.write_ns={write_ns}"), images=2).latency_ns or 0
        for write_ns in (2000, 1000, 500, 200, 50, 10, 1)
    ]
    assert all(slower >= faster for slower, faster in pairwise(times))
    assert times[0] > times[-1]


def test_more_stored_arrays_are_never_slower() -> None:
    runs = [simulate(written(f"rotation.stored_arrays={stored}", "array.write_ns=500")) for stored in range(4, 24)]
    times = [result.latency_ns or 0 for result in runs]
    assert all(slower >= faster for slower, faster in pairwise(times))
    assert times[0] > times[-1]
    assert all(result.ok for result in runs)


@pytest.mark.parametrize("stored", [4, 7, 12, 15])
def test_what_is_written_is_what_the_passes_need(stored: int) -> None:
    placement = written(f"rotation.stored_arrays={stored}")
    loads = sum(job.loads for job in placement.jobs)
    assert loads > 0
    result = simulate(placement, images=5)
    assert result.moved_bytes.weights == 5 * loads * 4096
    assert result.interval_exact
