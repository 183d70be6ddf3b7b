"""Nodes that use the same weights use the same arrays, one window at a time, first come first served."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, helper

from archsim.engine import simulate
from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from archsim.result import LayerResult, Result
from archsim.values import run_float
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


@pytest.mark.shared
def test_a_voice_detector_of_ten_frames_has_no_weight_twice() -> None:
    path = SHARED / "silero_seq.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    graph = load(path, shapes={"input": (10, 576)})
    result = run(place(graph, load_design("isaac", [])))
    assert all(layer.uses == 1 for layer in result.layers)
    assert len({layer.weights.key for layer in graph.matrix_layers}) == len(graph.matrix_layers)
