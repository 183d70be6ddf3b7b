"""Recurrent layers: steps wait for their own results, by closed forms and by a loop that knows nothing of archsim."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, helper

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.frontend import from_model
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from archsim.result import Result
from tests.engine.networks import MODELS
from tests.engine.observed import Reads
from tests.engine.test_random import chips
from tests.recurrent import single, stacked

ASSIGNMENTS = ("round_robin", "strips", "bands")


def placed(proto: ModelProto, *chosen: str) -> Placement:
    return place(from_model(proto, source="net.onnx", base_dir=None), load_design("isaac", list(chosen)))


def run(proto: ModelProto, *chosen: str, **options: Any) -> Result:
    result = simulate(placed(proto, *chosen), **options)
    assert all(result.checks.values())
    return result


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
@pytest.mark.parametrize("steps", [1, 2, 35])
@pytest.mark.parametrize(("setting", "reads"), [("precision.input_bits=16", 16), ("precision.input_bits=8", 8)])
def test_steps_follow_each_other_after_s_reads_and_the_pipeline(op: str, steps: int, setting: str, reads: int) -> None:
    for depth in (1, 2, 3):
        proto = stacked(op, depth, steps=steps)
        expected = (steps + depth - 1) * (reads + 6)
        assert run(proto, setting, ideal=True).latency_cycles == expected
        assert estimate(placed(proto, setting)).latency_cycles == expected


def test_lstm_ptb_takes_37_steps_without_limits_and_an_image_follows_when_the_last_step_is_read() -> None:
    """Two LSTMs and the classifier behind each other: (35 + 2) x 22; the arrays are free 6 cycles before 35 x 22."""
    from archsim.frontend import load

    placement = place(load(MODELS / "lstm_ptb.onnx"), load_design("isaac", []))
    result = simulate(placement, images=2, ideal=True)
    assert (result.latency_cycles, result.interval_ns, result.interval_bound_ns) == (37 * 22, 76_400, 76_400)
    assert [(layer.start_ns, layer.end_ns) for layer in result.layers] == [
        (0, 77_000),
        (2_200, 79_200),
        (4_400, 81_400),
    ]
    assert result.ok
    assert simulate(placement, images=2).ok


def test_several_sequences_share_a_copy_while_each_waits_for_its_own_step() -> None:
    """One copy starts a window every 16 cycles: two sequences need 32 cycles a step, more than the 22 of one."""
    for batch, step in ((1, 22), (2, 32), (3, 48)):
        result = run(single("LSTM", steps=10, batch=batch), ideal=True)
        assert result.latency_cycles == 9 * step + 16 * (batch - 1) + 22


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("batch_first", [0, 1])
def test_two_directions_run_at_the_same_time(op: str, batch_first: int) -> None:
    """Each has arrays of its own and begins at its own end of the sequence, which is all there at time 0."""
    for direction, layers in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        proto = single(op, steps=9, direction=direction, layout=batch_first)
        placement = placed(proto)
        result = run(proto, ideal=True)
        assert result.latency_cycles == estimate(placement).latency_cycles == 9 * 22
        assert [layer.start_ns for layer in result.layers] == [0] * layers
        assert result.arrays.used == layers * placement.plans[0].tiling.arrays
        assert run(proto, images=2).ok


def test_behind_two_directions_a_step_waits_for_the_end_of_the_one_that_comes_last() -> None:
    """The reverse direction leaves step t when it has done T - t of them: those behind it begin after 5 steps, the
    forward one at step 0 that came last, the other at step 4 that came last, too."""
    proto = single("LSTM", steps=5, direction="bidirectional")
    proto.graph.node.append(helper.make_node("Reshape", ["Y", "shape"], ["rows"], "rows"))
    names = ["rows", "m.W", "m.R"]
    proto.graph.node.append(helper.make_node("LSTM", names, ["last"], "m", hidden_size=4, direction="bidirectional"))
    for name, shape in (("m.W", (2, 16, 8)), ("m.R", (2, 16, 4))):
        proto.graph.initializer.append(helper.make_tensor(name, 1, shape, [0.0] * math.prod(shape)))
    proto.graph.initializer.append(helper.make_tensor("shape", 7, (3,), [5, 1, 8]))
    proto.graph.output[0].name = "last"
    result = run(proto, ideal=True)
    assert [layer.start_ns for layer in result.layers] == [0, 0, 5 * 2_200, 5 * 2_200]
    assert result.latency_cycles == estimate(placed(proto)).latency_cycles == 2 * 5 * 22
    assert run(proto, images=2).ok


@pytest.mark.parametrize(("batch", "round_cycles"), [(1, 22), (2, 32), (3, 48)])
def test_a_reset_gate_before_the_product_takes_two_reads_a_step(batch: int, round_cycles: int) -> None:
    """The candidate's read waits for r h, which comes back as a hidden state does."""
    result = run(single("GRU", steps=7, batch=batch, linear_before_reset=0), ideal=True)
    (layer,) = result.layers
    assert result.latency_cycles == 13 * round_cycles + 16 * (batch - 1) + 22
    assert (layer.windows, layer.macs) == (14 * batch, 7 * batch * 10 * 12)


def test_each_round_of_a_step_takes_its_own_operations() -> None:
    """On 4 lanes of the special functions a round is 22 cycles with the one of the special functions (100 ns)
    prolonged: the first by 5H operations (4H and H products), the second by 6H (2H and 4H of n - z n + z h)."""
    chosen = ("sfu.elementwise_lanes=4", "sfu.clock_ghz=1")
    result = simulate(placed(single("GRU", steps=8, features=8, hidden=128, linear_before_reset=0), *chosen))
    (layer,) = result.layers
    assert result.ok
    assert layer.end_ns is not None
    assert layer.start_ns is not None
    assert layer.end_ns - layer.start_ns == 8 * (2 * 2_100 + 5 * 32 + 6 * 32)


def test_the_last_state_of_each_sequence_leaves_with_its_last_step() -> None:
    placement = placed(single("LSTM", batch=3, lengths=(5, 2, 4), outputs=("Y_h",)))
    assert [item.need.table.tolist() for item in placement.stages.outputs] == [[[4], [11], [12]]]
    assert simulate(placement).ok
    reset = placed(single("GRU", batch=2, lengths=(5, 2), outputs=("Y_h",), linear_before_reset=0))
    assert [item.need.table.tolist() for item in reset.stages.outputs] == [[[7], [18]]]
    assert simulate(reset).ok


def test_all_windows_are_run_however_long_the_sequences_are() -> None:
    short = run(single("LSTM", batch=2, lengths=(1, 3)), ideal=True)
    assert short.latency_cycles == run(single("LSTM", batch=2), ideal=True).latency_cycles


def copy_of(window: int, steps: int, batch: int, copies: int, assignment: str, image: int) -> int:
    t, n = divmod(window, batch)
    if assignment == "bands":
        return window * copies // (steps * batch)
    if assignment == "round_robin" or steps == 1:
        return (image * steps * batch + window) % copies
    q = copies // math.gcd(copies, batch)
    return ((n * q + t % q) * copies) // (q * batch)


def loop(
    steps: int, batch: int, copies: list[int], recurrent: int, assignment: str, images: int
) -> list[list[list[int]]]:
    """Start of each window by layer and image; the first `recurrent` layers feed themselves, S = 16."""
    in_order = assignment == "round_robin" or (assignment == "strips" and steps == 1)
    free = [[0] * count for count in copies]
    before = [0] * len(copies)
    starts: list[list[list[int]]] = [[] for _ in copies]
    for image in range(images):
        done = [0] * (steps * batch)
        for layer, count in enumerate(copies):
            own: list[int] = []
            starts[layer].append([])
            for window in range(steps * batch):
                copy = copy_of(window, steps, batch, count, assignment, image)
                start = max(done[window], free[layer][copy])
                if in_order:
                    start = max(start, before[layer])
                if layer < recurrent and window >= batch:
                    start = max(start, own[window - batch])
                before[layer], free[layer][copy] = start, start + 16
                own.append(start + 22)
                starts[layer][image].append(start)
            done = own
    return starts


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_stacks_equal_the_loop_window_by_window(data: st.DataObject) -> None:
    steps, batch, depth = (data.draw(st.integers(1, most)) for most in (6, 3, 2))
    op, assignment = data.draw(st.sampled_from(("LSTM", "GRU"))), data.draw(st.sampled_from(ASSIGNMENTS))
    copies, images = data.draw(st.lists(st.integers(1, 4), min_size=depth + 1, max_size=depth + 1)), 3
    proto = stacked(op, depth, steps=steps, batch=batch, classes=3)
    placement = placed(proto, f"copies.explicit={copies}", f"copies.assignment={assignment}")
    reads = Reads()
    result = simulate(placement, images=images, ideal=True, observer=reads)
    expected = loop(steps, batch, copies, depth, assignment, images)
    names = [*(f"rnn{number}" for number in range(depth)), "fc"]
    ticks = reads.spans[names[0], 0, 0][0][0]  # The first window starts at 0 and is read one cycle later.
    for name, layer in zip(names, expected, strict=True):
        for image, starts in enumerate(layer):
            found = [reads.spans[name, image, window][0][0] // ticks - 1 for window in range(steps * batch)]
            assert found == starts, (name, image)
    found = estimate(placement, images)
    assert list(found.starts) == [min(layer[0]) for layer in expected]
    assert list(found.image_done) == [max(starts) + 22 for starts in expected[-1]]
    assert result.interval_ns == 100 * (found.image_done[-1] - found.image_done[-2])
    assert found.interval_bound * (images - 1) <= found.image_done[-1] - found.image_done[0] + 16 * batch * steps
    assert all(result.checks.values())


@pytest.mark.parametrize(("op", "operations"), [("LSTM", 9 * 32), ("GRU", 11 * 32)])
def test_gates_take_their_operations_on_the_special_functions(op: str, operations: int) -> None:
    """One tile holds it all, so a step is 22 cycles with that of the special functions (100 ns) prolonged."""
    result = run(single(op, steps=8, features=8, hidden=32))
    (layer,) = result.layers
    step_ns = 2_100 + math.ceil(operations / 2) / 1.2
    assert layer.end_ns is not None
    assert layer.start_ns is not None
    assert layer.end_ns - layer.start_ns == pytest.approx(8 * step_ns)


def test_a_first_state_that_is_computed_is_waited_for() -> None:
    """The state comes from a matrix layer of 22 cycles; the five steps of the LSTM follow it."""
    proto = single("LSTM", first="inputs")
    node = proto.graph.node[0]
    node.input[5] = "state"
    proto.graph.node.insert(0, helper.make_node("MatMul", ["h0", "square"], ["state"], "before"))
    proto.graph.initializer.append(helper.make_tensor("square", 1, (4, 4), [0.0] * 16))
    assert run(proto, ideal=True).latency_cycles == estimate(placed(proto)).latency_cycles == 22 + 5 * 22
    (_, layer) = run(proto).layers
    assert (layer.start_ns or 0) > 2_200


def test_a_first_cell_state_that_is_computed_is_waited_for_before_the_first_result_leaves() -> None:
    """Two matrix layers make the cell state at cycle 44, when the first step is done already (22)."""
    proto = single("LSTM", first="inputs")
    proto.graph.node[0].input[6] = "state"
    for number, (source, result) in enumerate((("c0", "half"), ("half", "state"))):
        proto.graph.node.insert(number, helper.make_node("MatMul", [source, "square"], [result], f"before{number}"))
    proto.graph.initializer.append(helper.make_tensor("square", 1, (4, 4), [0.0] * 16))
    assert run(proto, ideal=True).latency_cycles == estimate(placed(proto)).latency_cycles == 44 + 4 * 22
    assert run(proto).ok


def test_only_the_first_step_reads_the_first_cell_state_over_the_bus() -> None:
    """At 5 MHz each 32 bytes on the bus take 200 ns: the later steps are as long as without a state to read."""
    gaps = []
    for first in ("none", "inputs"):
        reads = Reads()
        proto = single("LSTM", steps=6, features=8, hidden=64, first=first)
        assert simulate(placed(proto, "tile.bus.clock_ghz=0.005"), observer=reads).ok
        starts = [reads.spans["n", 0, window][0][0] for window in range(6)]
        gaps.append([after - before for before, after in pairwise(starts)])
    without, having = gaps
    assert having[0] > without[0]
    assert having[1:] == without[1:]


def test_the_last_states_alone_leave_the_chip() -> None:
    whole, last = placed(single("LSTM", outputs=("Y",))), placed(single("LSTM", outputs=("Y_h", "Y_c")))
    assert [item.need.windows for item in whole.stages.outputs] == [5]
    assert [item.need.table.tolist() for item in last.stages.outputs] == [[[4]], [[4]]]
    for placement in (whole, last):
        assert simulate(placement).ok
        assert simulate(placement, ideal=True).latency_cycles == 5 * 22


def test_an_activation_behind_a_recurrent_layer_does_not_replace_the_state_that_steps_need() -> None:
    result = run(stacked("LSTM", 2, steps=5, after="Relu"), ideal=True)
    assert result.latency_cycles == 6 * 22
    assert [layer.op for layer in result.layers] == ["LSTM", "Relu", "LSTM", "Relu"]
    assert run(stacked("LSTM", 2, steps=5, after="Relu"), images=2).ok
    proto = single("LSTM", outputs=("Y", "Y_h"))
    proto.graph.node.append(helper.make_node("Relu", ["Y"], ["z"], "relu"))
    proto.graph.output[0].name = "z"
    placement = placed(proto)
    assert [plan.stage.name for plan in placement.plans] == ["n", "relu"]
    assert simulate(placement).ok


def test_the_buffer_of_the_states_holds_one_step() -> None:
    for batch in (1, 3):
        placement = placed(single("LSTM", steps=6, batch=batch))
        _, own = placement.plans[0].stage.inputs
        assert own.source == 0
        assert [port.minimum for port in placement.ports if port.key == (0, 1)] == [batch]


def test_a_run_of_sequences_repeats_itself() -> None:
    """The bound: 3 x 22 cycles and the 16 reads of the last step."""
    result = run(stacked("LSTM", 2, steps=4, features=100, hidden=100, classes=5), images=40)
    assert result.interval_exact
    assert (result.interval_ns or 0) >= result.interval_bound_ns == 100 * (3 * 22 + 16)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data(), chips())
def test_recurrent_layers_on_random_chips_run_to_their_end_and_no_faster_than_without_limits(
    data: st.DataObject, chosen: list[str]
) -> None:
    steps, batch, depth, hidden = (data.draw(st.integers(1, most)) for most in (5, 3, 2, 40))
    op, after = data.draw(st.sampled_from(("LSTM", "GRU", "RNN"))), data.draw(st.sampled_from(("", "Relu")))
    proto = stacked(op, depth, steps=steps, batch=batch, hidden=hidden, features=hidden, classes=3, after=after)
    copies = data.draw(st.lists(st.integers(1, 3), min_size=depth + 1, max_size=depth + 1))
    images = data.draw(st.integers(1, 5))
    try:
        placement = placed(proto, *chosen, f"copies.explicit={copies}")
    except InputError as error:
        assert "buffer" in str(error) or "arrays" in str(error)  # noqa: PT017 - told before anything runs
        return
    real, ideal = simulate(placement, images=images), simulate(placement, images=images, ideal=True)
    assert real.ok
    assert ideal.ok
    assert (real.latency_ns or 0) > (ideal.latency_ns or 0)
