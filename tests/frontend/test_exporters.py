"""Both exporters of PyTorch: graphs of one module are the same to archsim, whichever of them wrote the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsim.engine import simulate
from archsim.frontend import load
from archsim.graph import FreeLayer, Graph, Layer, LayoutLayer, MatrixLayer, VectorLayer
from archsim.hardware import load_design
from archsim.mapping import place
from archsim.values import run_float

EXPORTS = Path(__file__).parent / "exports"
ANSWERS = np.load(EXPORTS / "answers.npz")
KINDS = ("dynamo", "script")

UNROLLED = "rnn"
"""The network that one exporter writes as its steps: it has an op for LSTM and for GRU, not for RNN."""

NAMES = sorted({path.stem.rpartition("_")[0] for path in EXPORTS.glob("*.onnx")})
SAME = [name for name in NAMES if name != UNROLLED]

SAME_OP = {"ReduceMean": "GlobalAveragePool"}
"""One exporter takes the mean of a map by the first, the other by the second."""


def graph_of(name: str, kind: str) -> Graph:
    return load(EXPORTS / f"{name}_{kind}.onnx")


def timed(graph: Graph) -> list[Layer]:
    """All layers but those that move elements, which take no time: a Split in one export is Slices in the other."""
    assert not any(isinstance(layer, FreeLayer) for layer in graph.layers)
    return [layer for layer in graph.layers if not isinstance(layer, LayoutLayer)]


def described(graph: Graph, layer: Layer) -> dict[str, Any]:
    about: dict[str, Any] = {"kind": type(layer), "op": SAME_OP.get(layer.op, layer.op)}
    about["results"] = [graph.tensors[result].shape for result in layer.results]
    if isinstance(layer, MatrixLayer):
        figures = ("rows", "outputs", "groups", "windows", "macs", "parameters", "row_parts", "access")
        about |= {figure: getattr(layer, figure) for figure in figures}
    if isinstance(layer, VectorLayer):
        about |= {figure: getattr(layer, figure) for figure in ("unit", "operations", "additions", "products")}
    return about


def bias_of(layer: MatrixLayer) -> np.ndarray:
    """One exporter leaves out a bias of zeros."""
    return np.zeros(layer.outputs, np.float32) if layer.bias is None else layer.bias.load()


def test_every_network_is_there_in_both_forms() -> None:
    assert NAMES == ["attention", "cnn", "decoder", "gru", "lstm", "rnn", "transformer"]
    assert {path.stem for path in EXPORTS.glob("*.onnx")} == {f"{name}_{kind}" for name in NAMES for kind in KINDS}


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_pytorch(name: str) -> None:
    for kind in KINDS:
        answer = run_float(graph_of(name, kind), {"x": ANSWERS[f"{name}_x"]})["y"]
        np.testing.assert_allclose(answer, ANSWERS[f"{name}_y"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SAME)
def test_layers_are_the_same(name: str) -> None:
    ours, theirs = (graph_of(name, kind) for kind in KINDS)
    first, second = timed(ours), timed(theirs)
    assert [described(ours, layer) for layer in first] == [described(theirs, layer) for layer in second]
    assert (ours.macs, ours.parameters) == (theirs.macs, theirs.parameters)
    for one, other in zip(first, second, strict=True):
        if isinstance(one, MatrixLayer) and isinstance(other, MatrixLayer):
            np.testing.assert_allclose(one.weights.load(), other.weights.load(), rtol=1e-6)
            np.testing.assert_allclose(bias_of(one), bias_of(other), rtol=1e-6)


@pytest.mark.parametrize("ideal", [True, False], ids=["ideal", "contended"])
@pytest.mark.parametrize("name", SAME)
def test_timing_is_the_same(name: str, ideal: bool) -> None:
    ours, theirs = (
        simulate(place(graph_of(name, kind), load_design("isaac", [])), images=4, ideal=ideal) for kind in KINDS
    )
    assert ours.ok
    assert theirs.ok
    assert (ours.latency_ns, ours.interval_ns) == (theirs.latency_ns, theirs.interval_ns)
    times = [[(layer.start_ns, layer.end_ns, layer.busy_ns) for layer in run.layers] for run in (ours, theirs)]
    assert times[0] == times[1]


def test_an_rnn_that_is_written_as_its_steps_is_ordinary_layers_on_shared_weights() -> None:
    """Products with a first state of zeros are left out: with 8 hidden units in both directions 2 x 8 x 8 of them."""
    steps, layer = (graph_of(UNROLLED, kind) for kind in KINDS)
    assert [each.op for each in timed(layer)] == ["RNN", "RNN", "Gemm"]
    assert steps.parameters == layer.parameters == 2 * (6 * 8 + 8 * 8) + 16 * 5
    assert layer.macs - steps.macs == 2 * 8 * 8
    assert sum(each.op == "MatMul" for each in timed(steps)) == 2 * (1 + 6)
