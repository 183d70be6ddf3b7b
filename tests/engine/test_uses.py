"""Nodes that use the same weights use the same arrays, one window at a time, first come first served."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, helper

from archsim.engine import simulate
from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, lower_bound, place
from archsim.mapping.estimate import reads_of
from archsim.mapping.together import Together
from archsim.result import LayerResult, Result
from archsim.values import run_float
from tests.engine.networks import MODELS
from tests.engine.observed import Reads
from tests.frontend.models import SHARED
from tests.recurrent import model_of
from tests.unrolled import twins, unrolled_lstm


def placed(proto: ModelProto, *chosen: str, design: str = "isaac") -> Placement:
    return place(from_model(proto, source="net.onnx", base_dir=None), load_design(design, list(chosen)))


def run(placement: Placement, **options: Any) -> Result:
    result = simulate(placement, **options)
    assert all(result.checks.values())
    return result


def matrices(result: Result) -> list[LayerResult]:
    return [layer for layer in result.layers if layer.rows is not None]


def test_an_unrolled_lstm_has_the_arrays_of_its_eight_matrices() -> None:
    """20 steps, 160 Gemm nodes. A step is the reads and the pipeline of the hidden state's product: those of the
    inputs, 16 cycles each, are ahead of it."""
    proto, _ = unrolled_lstm(20)
    placement = placed(proto)
    result = run(placement, ideal=True)
    assert result.latency_cycles == estimate(placement).latency_cycles == 20 * 22
    assert (result.arrays.used, result.arrays.allocated) == (8, 8)
    layers = matrices(result)
    assert [layer.name for layer in layers] == [f"{of}{gate}0" for gate in "iofc" for of in "xh"]
    for layer in layers:
        assert (layer.uses, layer.windows, layer.slots, layer.arrays) == (20, 20, 20, 1)
        assert layer.macs == (layer.rows or 0) * 5 * 20
        assert layer.busy_ns == 20 * 1_600
    assert result.model.macs == sum(layer.macs for layer in result.layers)
    assert run(placement, images=12).ok


def test_an_unrolled_lstm_computes_what_the_lstm_does() -> None:
    proto, given = unrolled_lstm(6)
    rng = np.random.default_rng(0)
    graph = from_model(proto, source="net.onnx", base_dir=None)
    feeds = {tensor.name: rng.normal(size=tensor.shape).astype(np.float32) for tensor in graph.inputs}
    node = helper.make_node("LSTM", ["x", *given, "", "h0", "c0"], ["", "last"], "n", hidden_size=5)
    fused = model_of([node], {"x": (6, 1, 6), "h0": (1, 1, 5), "c0": (1, 1, 5)}, ("last",), given)
    session = onnxruntime.InferenceSession(fused.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": feeds["x"][:, None], "h0": feeds["h0"][None], "c0": feeds["c0"][None]})
    (found,) = run_float(graph, feeds).values()
    np.testing.assert_allclose(found, expected[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("windows", [1, 2, 5])
def test_two_uses_take_turns_on_one_copy(windows: int) -> None:
    """Both have all their windows at cycle 0; each has one fetched ahead, so they are served in turn: window w of the
    first begins to be read at 1 + 32 w, that of the second 16 later, and the last is done 2 x 16 w + 6."""
    placement = placed(twins(windows), "copies.policy=none")
    reads = Reads()
    result = run(placement, ideal=True, observer=reads)
    (layer,) = result.layers
    assert (layer.uses, layer.windows, layer.slots, layer.arrays) == (2, 2 * windows, 2 * windows, 1)
    assert result.latency_cycles == 2 * windows * 16 + 6
    assert result.interval_bound_ns == 2 * windows * 1_600
    begins = {key[::2]: spans[0][0] for key, spans in reads.spans.items()}
    ticks = begins["one", 0]
    for window in range(windows):
        assert begins["one", window] == ticks * (1 + 32 * window)
        assert begins["two", window] == ticks * (17 + 32 * window)


def test_copies_are_of_the_matrix_and_each_use_divides_its_windows_among_them() -> None:
    placement = placed(twins(8), "copies.explicit=[2]")
    result = run(placement, ideal=True)
    (layer,) = result.layers
    assert (layer.copies, layer.arrays, layer.slots) == (2, 2, 8)
    assert result.latency_cycles == 8 * 16 + 6
    assert run(placement, images=4).ok
    (most,) = run(placed(twins(8), "copies.policy=greedy", "copies.budget_arrays=100"), ideal=True).layers
    assert most.copies == 8  # No use has more windows.


@pytest.mark.parametrize("other", ["transB", "alpha"])
def test_another_form_of_the_weights_is_another_matrix(other: str) -> None:
    result = run(placed(twins(3, other=other)))
    assert [(layer.name, layer.uses, layer.arrays) for layer in result.layers] == [("one", 1, 1), ("two", 1, 1)]


def test_time_is_divided_among_all_that_use_the_arrays() -> None:
    """What arrays wait for lies between two reads, whoever they are for: it is never more than the time there is."""
    result = run(placed(twins(6), "tile.bus.clock_ghz=0.01"), images=3)
    (layer,) = result.layers
    assert layer.busy_ns == 3 * 12 * 1_600
    assert sum(ticks or 0 for ticks in (layer.stall_ns or {}).values()) + layer.busy_ns <= result.elapsed_ns
    (use,) = (use for use in result.busiest if use.unit == "arrays")
    assert use.utilisation == pytest.approx(layer.busy_ns / result.elapsed_ns)


@pytest.mark.parametrize("design", ["pipelayer", "atomlayer"])
def test_where_layers_run_by_themselves_each_use_has_arrays_of_its_own(design: str) -> None:
    result = run(placed(twins(3), design=design))
    assert [layer.uses for layer in result.layers] == [1, 1]


@st.composite
def webs(draw: st.DrawFn) -> tuple[ModelProto, int]:
    """Products of three matrices, each of something before, some added up; and how many matrices are used."""
    rows, nodes, tensors, used = draw(st.integers(1, 4)), [], ["a", "b"], []
    for number in range(draw(st.integers(2, 7))):
        read = draw(st.sampled_from(tensors))
        used.append(draw(st.sampled_from(["u", "v", "w"])))
        nodes.append(helper.make_node("MatMul", [read, used[-1]], [f"p{number}"], f"p{number}"))
        tensors.append(f"p{number}")
        if draw(st.booleans()):
            nodes.append(
                helper.make_node("Add", [f"p{number}", draw(st.sampled_from(tensors))], [f"s{number}"], f"s{number}")
            )
            tensors.append(f"s{number}")
    inputs = {"a": (rows, 8), "b": (rows, 8)}
    read_later = {name for node in nodes for name in node.input}
    outputs = [name for name in tensors[2:] if name not in read_later]
    ones = {name: np.ones((8, 8), np.float32) for name in set(used)}
    return model_of(nodes, inputs, outputs, ones), len(set(used))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data(), webs())
def test_the_estimate_of_networks_that_share_weights_is_what_the_engine_takes_without_limits(
    data: st.DataObject, web: tuple[ModelProto, int]
) -> None:
    proto, matrices_used = web
    copies = data.draw(st.lists(st.integers(1, 3), min_size=matrices_used, max_size=matrices_used))
    assignment = data.draw(st.sampled_from(["round_robin", "strips", "bands"]))
    register, images = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    chosen = (f"copies.explicit={copies}", f"copies.assignment={assignment}", f"pe.input_windows={register}")
    placement = placed(proto, *chosen)
    result, expected = run(placement, images=images, ideal=True), estimate(placement, images)
    assert result.latency_cycles == expected.latency_cycles
    if images > 1:
        assert result.interval_ns == 100 * (expected.image_done[-1] - expected.image_done[-2])
    bound = lower_bound(placement, images)
    assert all(least <= done for least, done in zip(bound.image_done, expected.image_done, strict=True))
    assert len(matrices(result)) == matrices_used
    assert run(placement, images=images).ok


@pytest.mark.parametrize("name", ["lenet5", "digits_cnn", "digits_bilstm", "lstm_ptb"])
@pytest.mark.parametrize("assignment", ["round_robin", "strips"])
def test_window_by_window_the_recurrence_gives_what_it_does_layer_by_layer(name: str, assignment: str) -> None:
    """Where nothing is shared the two ways have to agree."""
    chosen = [f"copies.assignment={assignment}", "copies.policy=greedy", "copies.budget_arrays=400"]
    placement = place(load(MODELS / f"{name}.onnx"), load_design("isaac", [] if name == "lstm_ptb" else chosen))
    reads = [reads_of(plan, placement.sharing) for plan in placement.plans]
    one = Together(placement.plans, reads, 6, 3, 2)
    one.run()
    other = lower_bound(placement, 3)
    assert [int(starts.min()) for starts in one.starts[0]] == list(other.starts)
    assert [int(finished.max()) for finished in one.finished[0]] == list(other.ends)
    assert [int(done[-1].max()) for done in one.done] == list(other.image_done)


@pytest.mark.shared
def test_a_voice_detector_of_ten_frames_has_no_weight_twice() -> None:
    path = SHARED / "silero_seq.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    graph = load(path, shapes={"input": (10, 576)})
    result = run(place(graph, load_design("isaac", [])))
    assert all(layer.uses == 1 for layer in result.layers)
    assert len({layer.weights.key for layer in graph.matrix_layers}) == len(graph.matrix_layers)
