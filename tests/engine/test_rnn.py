"""Long et al.: gates in visits to the special functions and the multiplier, by closed forms and a loop over clocks.

A step of H hidden units: 4H activations, 2H products (the sum along with them), H activations, H products. The
figures of the design: a read cycle of 5 ns, S = 8 bits x ceil(128 columns / 6 conversions) = 176 reads; digital units
at 1.2 GHz; the fetch, three stages of conversion and addition, and the write take a cycle each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, helper

from archsim.engine import simulate
from archsim.engine.chip import Chip
from archsim.engine.digital import DigitalUnit, InVisits, Visit
from archsim.engine.job import Job
from archsim.errors import InputError
from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, place
from archsim.result import Result
from tests.engine.networks import MODELS
from tests.engine.observed import Reads, Slices
from tests.engine.test_random import chips
from tests.engine.test_steady import IMAGES, whole
from tests.recurrent import model_of, single, stacked

READS_NS = 176 * 5
MVM_NS = (1 + 176 + 3 + 1) * 5
CLOCK_NS = Fraction(5, 6)

# One conversion a column in each read and a digital clock of 1 ns: everything happens at whole ns, S = 8.
PLAIN = ("adc.conversions_per_read=128", "sfu.clock_ghz=1")


def placed(proto: ModelProto, *chosen: str, design: str = "rnn") -> Placement:
    return place(from_model(proto, source="net.onnx", base_dir=None), load_design(design, list(chosen)))


def lanes(sfu: int, multiplier: int) -> tuple[str, str]:
    return f"sfu.elementwise_lanes={sfu}", f"sfu.multiplier_lanes={multiplier}"


def run(proto: ModelProto, *chosen: str, **options: Any) -> Result:
    result = simulate(placed(proto, *chosen), **options)
    assert all(result.checks.values())
    return result


def tick_ns(result: Result) -> Fraction:
    return Fraction(result.tick_ps).limit_denominator(1000) / 1000


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
@pytest.mark.parametrize(("sfu", "multiplier"), [(1, 1), (2, 2), (4, 1), (1, 8), (32, 32)])
@pytest.mark.parametrize(("hidden", "steps"), [(32, 1), (64, 7), (96, 2)])
def test_steps_of_a_sequence_take_the_sum_of_the_three_units(
    op: str, sfu: int, multiplier: int, hidden: int, steps: int
) -> None:
    """A GRU has 3H activations and adds 2H sums before them, and 3H products, two of them last."""
    result = run(single(op, steps=steps, features=40, hidden=hidden), *lanes(sfu, multiplier))
    sfu_ns, multiplier_ns = 5 * hidden // sfu * CLOCK_NS, 3 * hidden // multiplier * CLOCK_NS
    assert result.latency_ns == float(steps * (MVM_NS + sfu_ns + multiplier_ns))


@pytest.mark.parametrize(("sfu", "multiplier", "clocks"), [(3, 7, 14 + 3 + 4 + 2), (100, 100, 4)])
def test_each_visit_takes_whole_clocks(sfu: int, multiplier: int, clocks: int) -> None:
    """H = 10; with a lane for everything a step takes 4 clocks, less than the read cycle that the stage takes at
    least."""
    step = MVM_NS + max(clocks * CLOCK_NS, 5)
    assert run(single("LSTM", hidden=10), *lanes(sfu, multiplier)).latency_ns == float(5 * step)


def test_layers_follow_each_other_a_step_behind() -> None:
    """A tile of 4 arrays holds one layer; that of the classifier has nothing to do but the cycle of its stage."""
    proto = stacked("LSTM", 2, steps=6, features=32, hidden=32, classes=3)
    step = MVM_NS + (160 + 96) // 2 * CLOCK_NS
    assert run(proto, "tile.pes=1", "pe.arrays=4").latency_ns == float(7 * step + MVM_NS + 5)
    assert run(proto, ideal=True).latency_cycles == 8 * (176 + 6)


def test_without_a_multiplier_the_special_functions_do_everything_in_one_visit() -> None:
    """9H operations of an LSTM, 11H of a GRU: additions are no longer done along with products."""
    for op, operations in (("LSTM", 9), ("GRU", 11)):
        result = run(single(op, hidden=32), "sfu.multiplier_lanes=null", "sfu.elementwise_lanes=2")
        assert result.latency_ns == float(5 * (MVM_NS + operations * 16 * CLOCK_NS))
        assert [use.unit for use in result.busiest] == ["arrays", "sfu"]


def test_the_multiplier_is_a_unit_of_its_own() -> None:
    slices = Slices()
    result = run(single("LSTM", steps=3, hidden=12), *PLAIN, *lanes(2, 3), observer=slices)
    begins = [65 * step + 42 * step + 60 for step in range(3)]
    assert slices.spans[0, "sfu"] == [span for t in begins for span in ((t, t + 24), (t + 32, t + 38))]
    assert slices.spans[0, "multiplier"] == [span for t in begins for span in ((t + 24, t + 32), (t + 38, t + 42))]
    shares = {use.unit: use.utilisation for use in result.busiest}
    assert shares == pytest.approx({"arrays": 40 / 107, "sfu": 30 / 107, "multiplier": 12 / 107})


def line(steps: int, sequences: int, cycle: int, visits: Sequence[tuple[str, int]]) -> list[int]:
    """When the reads of each window begin, ns by ns, on one copy whose arrays read for 8 cycles.

    A window is fetched when the one before is being read and its sequence's step before is written. Each unit works
    on the result with the fewest visits to come, then on the one that came first.
    """
    windows = steps * sequences
    starts: list[int] = []
    sums: dict[int, int] = {}
    written: dict[int, int] = {}
    waiting: dict[int, list[int]] = {}  # By window: the visit, what is left of it, since when.
    now = 0
    while len(written) < windows:
        for window in [window for window, time in sums.items() if time == now]:
            waiting[window] = [0, visits[0][1], now]
        while len(starts) < windows:
            window = len(starts)
            state = written.get(window - sequences, math.inf) if window >= sequences else 0
            if state > now or (starts and starts[-1] > now):
                break
            starts.append(max(now + cycle, starts[-1] + 8 * cycle if starts else 0))
            sums[window] = starts[-1] + (8 + 3) * cycle
        chosen = []
        for unit in ("sfu", "multiplier"):
            here = [
                (-visit, since, window) for window, (visit, _, since) in waiting.items() if visits[visit][0] == unit
            ]
            chosen += [min(here)[2]] if here else []
        now += 1
        for window in chosen:
            visit, left, _ = waiting[window]
            if left > 1:
                waiting[window][1] -= 1
            elif visit + 1 < len(visits):
                waiting[window] = [visit + 1, visits[visit + 1][1], now]
            else:
                del waiting[window]
                written[window] = max(now, sums[window] + cycle) + cycle
    return starts


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_interleaved_sequences_equal_a_loop_over_clocks(data: st.DataObject) -> None:
    steps, sequences, hidden, cycle, sfu, multiplier = (data.draw(st.integers(1, most)) for most in (6, 6, 40, 6, 3, 3))
    op = data.draw(st.sampled_from(("LSTM", "GRU")))
    work = {"LSTM": ((4, sfu), (2, multiplier), (1, sfu), (1, multiplier))}.get(
        op, ((4, sfu), (1, multiplier), (1, sfu), (2, multiplier))
    )
    visits = [
        (("sfu", "multiplier")[number % 2], -(-times * hidden // count)) for number, (times, count) in enumerate(work)
    ]
    proto, reads = single(op, steps=steps, batch=sequences, features=3, hidden=hidden), Reads()
    chosen = (*PLAIN, f"array.read_ns={cycle}", *lanes(sfu, multiplier))
    result = run(proto, *chosen, observer=reads)
    starts = [reads.spans["n", 0, window][0][0] * tick_ns(result) for window in range(steps * sequences)]
    assert starts == line(steps, sequences, cycle, visits)


def test_a_later_visit_interrupts_an_earlier_one_between_two_clocks() -> None:
    """Clocks of 10 ns, H = 1, 16 reads of 3 ns: the first sequence's sums are there at 60 and the other's at 108, in
    the middle of a clock of the first one, which comes back at 120 and waits for the clock from 118 to 128."""
    slices = Slices()
    chosen = (*PLAIN, "array.read_ns=3", "precision.input_bits=16", "sfu.clock_ghz=0.1", *lanes(1, 1))
    run(single("LSTM", steps=1, batch=2, hidden=1), *chosen, observer=slices)
    assert slices.spans[0, "sfu"] == [(60, 100), (108, 128), (128, 138), (138, 158), (178, 188)]
    assert slices.spans[0, "multiplier"] == [(100, 120), (138, 148), (158, 178), (188, 198)]


def pace(steps: int, sequences: int, hidden: int, *chosen: str) -> Fraction:
    """ns for which each step of each sequence holds up the next in the second half of a run, by its array reads."""
    reads = Reads()
    result = run(single("LSTM", steps=steps, batch=sequences, features=8, hidden=hidden), *chosen, observer=reads)
    first, last = ((steps // 2) * sequences, (steps - 1) * sequences)
    begins = [reads.spans["n", 0, window][0][0] for window in (first, last)]
    return (begins[1] - begins[0]) * tick_ns(result) / (last - first)


@pytest.mark.parametrize(
    ("bottleneck", "sfu", "multiplier", "hidden", "most"),
    [
        ("arrays", 8, 8, 64, READS_NS),
        ("arrays, just", 1, 1, 211, READS_NS),
        ("sfu", 1, 4, 480, 2400 * CLOCK_NS),
        ("multiplier", 16, 1, 480, 1440 * CLOCK_NS),
    ],
)
def test_interleaved_sequences_keep_the_busiest_unit_busy(
    bottleneck: str, sfu: int, multiplier: int, hidden: int, most: Fraction
) -> None:
    """k sequences do when k max >= sum + the time of the second visits, and one reaches 1 / sum."""
    chosen = lanes(sfu, multiplier)
    later = (-(-hidden // sfu) - (-hidden // multiplier)) * CLOCK_NS
    total = MVM_NS + (-(-4 * hidden // sfu) - (-2 * hidden // multiplier)) * CLOCK_NS + later
    assert pace(24, 1, hidden, *chosen) == total
    enough = math.ceil((total + later) / most)
    for sequences in (enough, enough + 1):
        assert pace(40, sequences, hidden, *chosen) == most, bottleneck
    result = run(single("LSTM", steps=40, batch=enough, features=8, hidden=hidden), *chosen)
    assert (result.latency_ns or 0) <= 40 * enough * most + total + later


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 800), st.sampled_from((1, 2, 3, 4, 8)), st.sampled_from((1, 2, 3, 4, 8)))
def test_sequences_enough_for_the_second_visits_reach_the_pace_of_the_busiest_unit(
    hidden: int, sfu: int, multiplier: int
) -> None:
    """The mean over 60 steps can be off by the little by which one step differs from the next."""
    first, second = (-(-4 * hidden // sfu), -(-2 * hidden // multiplier)), (-(-hidden // sfu), -(-hidden // multiplier))
    most = max(READS_NS, (first[0] + second[0]) * CLOCK_NS, (first[1] + second[1]) * CLOCK_NS)
    total = MVM_NS + (sum(first) + sum(second)) * CLOCK_NS
    enough = math.ceil((total + sum(second) * CLOCK_NS) / most)
    chosen = lanes(sfu, multiplier)
    assert pace(120, enough, hidden, *chosen) == pytest.approx(most, rel=1e-3)
    assert pace(30, math.ceil(total / most), hidden, *chosen) >= total / math.ceil(total / most)


def test_two_sequences_whose_visits_cannot_fill_the_sfu_reach_its_pace_only_with_a_third() -> None:
    """A step is 65 ns + visits of 64, 10, 16 and 5 ns: 160 = 2 x 80, so with two sequences none may ever wait.
    But a second visit lasts from 74 to 90 ns after the first one began, and the other sequence would begin at 80."""
    chosen = (*PLAIN, *lanes(5, 16))
    assert [pace(60, sequences, 80, *chosen) for sequences in (1, 2, 3, 4)] == [160, 88, 80, 80]


def test_a_run_of_sequences_that_repeats_itself_ends_early_and_says_what_the_whole_run_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two layers share a tile whose units are the bottleneck, and interrupt each other."""
    proto = stacked("LSTM", 2, steps=5, batch=2, features=32, hidden=32, classes=3)
    placement = placed(proto, *lanes(1, 1), "sfu.clock_ghz=0.11", "tile.pes=2")
    full, done = whole(placement, monkeypatch)
    result = simulate(placement, images=IMAGES)
    assert (result.interval_exact, result.ok, full.ok) == (True, True, True)
    assert result.events < full.events
    assert (result.latency_ns, result.layers) == (full.latency_ns, full.layers)
    middle = (done[IMAGES // 2] - done[IMAGES // 2 - 1]) * result.tick_ps / 1000
    assert result.interval_ns == pytest.approx(middle, abs=1e-6)


def test_the_state_of_a_unit_tells_what_waits_there_and_how_much_of_it_is_left() -> None:
    """That of a run is the same in two images only if this is."""
    chip = Chip(placed(single("LSTM", hidden=4), *PLAIN, *lanes(1, 1)), 1, ideal=False)
    states = []
    for waiting, left in ((0, 0), (1, 16), (1, 7), (2, 16)):
        unit = DigitalUnit(chip, 0, "sfu")
        way = InVisits(chip.stages[0].copies[0], {"sfu": unit})
        unit.request(Visit(way, Job(0, 0, 0, 0, 1), 0, 0))
        for window in range(1, waiting + 1):
            visit = Visit(way, Job(0, window, window, window, 1), 0, 0)
            visit.left = left
            unit.request(visit)
        states.append(unit.state(0, 0))
    assert len(set(states)) == 4


def test_lstm_ptb_runs_and_its_gates_take_most_of_a_step() -> None:
    """5 x 650 activations and 3 x 650 products on two lanes each; the two layers and the classifier have tiles of
    their own, and each is a step behind the one before."""
    result = simulate(place(load(MODELS / "lstm_ptb.onnx"), load_design("rnn", [])))
    step = MVM_NS + (1625 + 975) * CLOCK_NS
    assert result.ok
    assert result.latency_ns == float(36 * step + MVM_NS + 5)


def test_an_lstm_of_1024_takes_the_2048_arrays_of_2_bit_cells() -> None:
    """2048 rows are 16 row blocks, 4096 outputs of 4 cells 128 column blocks; the chip's size is not known."""
    proto = single("LSTM", features=1024, hidden=1024)
    result = run(proto, ideal=True)
    assert (result.arrays.used, result.arrays.available, result.mapping.peak_tops) == (2048, None, None)


def test_a_network_of_units_that_the_design_lacks_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        place(load(MODELS / "vgg16.onnx"), load_design("rnn", []))
    has = "an operation that rnn has a unit for (sfu.operations: LSTM, GRU, RNN, Sigmoid, Tanh, Mul, Add)"
    assert str(caught.value).splitlines() == [
        f"vgg16: layer 'conv1_1.relu' and 14 more: got Relu, expected {has}",
        f"vgg16: layer 'pool1' and 4 more: got MaxPool, expected {has}",
    ]


def test_products_of_a_cell_in_single_operations_run_on_the_multiplier() -> None:
    """One window, sigmoid(s) * tanh(s) of 12 sums: two visits to the SFU (one lane), one to the multiplier (two)."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"], "product"),
        helper.make_node("Sigmoid", ["s"], ["gate"], "gate"),
        helper.make_node("Tanh", ["s"], ["value"], "value"),
        helper.make_node("Mul", ["gate", "value"], ["y"], "out"),
    ]
    proto = model_of(nodes, {"x": (1, 4)}, ("y",), {"w": np.ones((4, 12), np.float32)})
    slices = Slices()
    result = run(proto, *PLAIN, *lanes(1, 2), observer=slices)
    busy = {unit: sum(end - start for start, end in spans) for (_, unit), spans in slices.spans.items()}
    assert (busy["sfu"], busy["multiplier"]) == (24, 6)
    assert {layer.op: layer.busy_ns for layer in result.layers} == {"MatMul": 40, "Sigmoid": 12, "Tanh": 12, "Mul": 6}


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data(), chips(), st.integers(1, 3))
def test_recurrent_layers_on_random_chips_with_a_multiplier_run_to_their_end(
    data: st.DataObject, chosen: list[str], multiplier: int
) -> None:
    steps, batch, hidden, images = (data.draw(st.integers(1, most)) for most in (5, 3, 40, 5))
    op, after = data.draw(st.sampled_from(("LSTM", "GRU"))), data.draw(st.sampled_from(("", "Relu")))
    proto = stacked(op, 2, steps=steps, batch=batch, hidden=hidden, features=hidden, classes=3, after=after)
    try:
        placement = placed(proto, *chosen, f"sfu.multiplier_lanes={multiplier}", design="isaac")
    except InputError as error:
        assert "buffer" in str(error) or "arrays" in str(error)  # noqa: PT017 - told before anything runs
        return
    real, ideal = simulate(placement, images=images), simulate(placement, images=images, ideal=True)
    assert real.ok
    assert ideal.ok
    assert (real.latency_ns or 0) > (ideal.latency_ns or 0)
