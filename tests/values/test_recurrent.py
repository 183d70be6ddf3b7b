"""Recurrent layers through crossbars: one scale for input and hidden state, step after step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from archsim.frontend import load
from archsim.values import calibrate, evaluate, load_arrays, run_float, run_quantised
from archsim.values.scales import scales_for, to_integers
from tests.recurrent import single, weights
from tests.values.networks import LOSSLESS_8_BIT, MODELS, SHARED, graph_of


def logistic(array):
    return 1 / (1 + np.exp(-array))


def by_hand(op, data, first, range_of, bits):
    """Steps in the open: integers of [x, h] by one scale, of each column of the weights by its own."""
    given = weights(op, "n", data.shape[2], first.shape[2])
    top, low = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    scale = scales_for(range_of, top)
    features = data.shape[2]
    fused = np.concatenate([given["n.W"][0], given["n.R"][0]], axis=1).T
    both = given["n.B"][0].astype(np.float64)
    half = len(both) // 2
    blocks = [fused] if op == "LSTM" else [fused[:features], fused[features:]]
    biases = [both[:half] + both[half:]] if op == "LSTM" else [both[:half], both[half:]]
    columns = [scales_for(np.abs(block).max(axis=0), top) for block in blocks]
    integers = [to_integers(b, c, (-top, top)).astype(np.int64) for b, c in zip(blocks, columns, strict=True)]
    h, c, every = first[0], np.zeros_like(first[0]), []
    for row in data:
        window = to_integers(np.concatenate([row, h], axis=1), scale, (low, top)).astype(np.int64)
        parts = [window] if op == "LSTM" else [window[:, :features], window[:, features:]]
        sums = [p @ w * (k * scale) + b for p, w, k, b in zip(parts, integers, columns, biases, strict=True)]
        if op == "LSTM":
            i, o, f, g = np.split(sums[0], 4, axis=1)
            c = (logistic(f) * c + logistic(i) * np.tanh(g)).astype(np.float32)
            h = (logistic(o) * np.tanh(c)).astype(np.float32)
        else:
            (xz, xr, xn), (hz, hr, hn) = (np.split(part, 3, axis=1) for part in sums)
            z, n = logistic(xz + hz), np.tanh(xn + logistic(xr + hr) * hn)
            h = ((1 - z) * n + z * h).astype(np.float32)
        every.append(h)
    return np.stack(every)[:, None]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_a_layer_equals_steps_in_integers_done_by_hand(op, bits):
    graph = graph_of(single(op, steps=6, batch=2, features=150, hidden=20))
    data = np.random.default_rng(0).normal(size=(6, 2, 150)).astype(np.float32)
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=bits, input_bits=bits)
    calibration = calibrate(graph, [{"x": data}])
    result = run_quantised(graph, {"x": data}, spec, calibration)
    expected = by_hand(op, data, np.zeros((1, 2, 20), np.float32), np.abs(data).max(), bits)
    np.testing.assert_allclose(result.outputs["Y"], expected, rtol=1e-5, atol=1e-6)
    assert 0 < result.max_abs_error < (0.2 if bits == 8 else 0.001)
    assert all(check.exact for check in result.layers)


@pytest.mark.parametrize(("op", "names"), [("LSTM", ["n"]), ("GRU", ["n input", "n hidden state"])])
def test_each_part_of_a_matrix_is_checked(op, names):
    graph = graph_of(single(op))
    inputs = {"x": np.ones((5, 1, 6), np.float32)}
    result = run_quantised(graph, inputs, LOSSLESS_8_BIT, calibrate(graph, [inputs]))
    assert [(check.layer, check.lossless, check.exact) for check in result.layers] == [
        (name, True, True) for name in names
    ]


def test_the_range_of_a_window_covers_the_hidden_state():
    """All inputs are tiny; the state is not, and is not clipped."""
    graph = graph_of(single("LSTM", first="constant"))
    inputs = {"x": np.full((5, 1, 6), 1e-3, np.float32)}
    low, high = calibrate(graph, [inputs]).ranges["n window"]
    state = graph.layers[0].constants[0].load()
    assert (low, high) == (min(state.min(), low), max(state.max(), high))
    assert max(-low, high) >= np.abs(state).max() > 0.1


def test_batches_are_computed_together_as_one_by_one():
    graph = graph_of(single("LSTM", steps=4))
    data = np.random.default_rng(3).normal(size=(5, 4, 1, 6)).astype(np.float32)
    apart = [run_float(graph, {"x": each})["Y"] for each in data]
    # The first axis of the graph's input are the steps, so that samples are whole sequences.
    together = evaluate(graph, {"x": data.reshape(20, 1, 6)}, LOSSLESS_8_BIT)
    assert together.samples == 20
    found = run_quantised(graph, {"x": data[2]}, LOSSLESS_8_BIT, calibrate(graph, [{"x": each} for each in data]))
    np.testing.assert_array_equal(together.outputs["Y"][8:12], found.outputs["Y"])
    np.testing.assert_allclose(together.outputs["Y"], np.concatenate(apart), atol=0.1)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["digits_lstm", "digits_gru"])
def test_trained_digits_lose_less_than_a_point_at_8_bit(name):
    path = SHARED / "digits" / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    arrays = load_arrays(MODELS / "digits_test.npz")
    found = evaluate(load(path), {"x": arrays["images"]}, LOSSLESS_8_BIT, labels=arrays["labels"])
    assert found.reference_accuracy is not None
    assert found.accuracy is not None
    assert found.reference_accuracy > 0.9
    assert abs(found.accuracy - found.reference_accuracy) <= 0.01
    assert all(check.exact for check in found.layers)


@pytest.mark.parametrize(
    ("op", "form"),
    [
        ("LSTM", {"direction": "bidirectional", "peepholes": True, "lengths": (6, 2)}),
        ("GRU", {"direction": "reverse", "linear_before_reset": 0}),
        ("RNN", {"direction": "bidirectional", "activations": ["Sigmoid", "Softsign"]}),
    ],
)
def test_other_forms_lose_half_a_step_of_16_bits_a_time(op, form):
    graph = graph_of(single(op, steps=6, batch=2, features=30, hidden=10, **form))
    data = np.random.default_rng(0).normal(size=(6, 2, 30)).astype(np.float32)
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=16, input_bits=16)
    result = run_quantised(graph, {"x": data}, spec, calibrate(graph, [{"x": data}]))
    assert 0 < result.max_abs_error < 1e-3
    assert all(check.exact for check in result.layers)
    assert len(result.layers) == (2 if "bidirectional" in form.values() or op == "GRU" else 1)
