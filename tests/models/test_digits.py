"""The trained recurrent networks that ship: as right as is said, in floating point and through crossbars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from archsim.engine import simulate
from archsim.frontend import load
from archsim.hardware import load_design
from archsim.mapping import place
from archsim.values import crossbar_spec, evaluate, load_arrays, run_float

FOLDER = Path(__file__).parents[2] / "models"
DIGITS = load_arrays(FOLDER / "digits_test.npz")
RIGHT = {"digits_lstm": 441, "digits_gru": 439, "digits_bilstm": 440}
"""Of 450 images."""


@pytest.mark.parametrize("name", RIGHT)
def test_a_network_is_as_often_right_as_is_said_and_answers_as_onnxruntime_does(name: str) -> None:
    images, path = DIGITS["images"], FOLDER / f"{name}.onnx"
    logits = run_float(load(path, shapes={"image": images.shape}), {"image": images})["logits"]
    assert (logits.argmax(axis=1) == DIGITS["labels"]).sum() == RIGHT[name]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["logits"], {"image": images})
    np.testing.assert_allclose(logits, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RIGHT)
def test_at_8_bits_accuracy_is_within_a_point_and_at_16_no_answer_changes(name: str) -> None:
    graph = load(FOLDER / f"{name}.onnx", shapes={"image": (450, 1, 8, 8)})
    reference = run_float(graph, {"image": DIGITS["images"]})["logits"].argmax(axis=1)
    for bits in (8, 16):
        chosen = [f"precision.weight_bits={bits}", f"precision.input_bits={bits}"]
        result = evaluate(
            graph, {"image": DIGITS["images"]}, crossbar_spec(load_design("isaac", chosen)), labels=DIGITS["labels"]
        )
        assert result.accuracy is not None
        assert result.reference_accuracy is not None
        assert abs(result.accuracy - result.reference_accuracy) <= 0.01
    assert np.array_equal(result.outputs["logits"].argmax(axis=1), reference)


@pytest.mark.parametrize(("name", "layers"), [("digits_lstm", 2), ("digits_gru", 2), ("digits_bilstm", 3)])
def test_a_network_takes_its_steps_and_the_classifier(name: str, layers: int) -> None:
    """8 steps, in both directions at the same time, and the classifier behind them: 9 x 22 cycles."""
    placement = place(load(FOLDER / f"{name}.onnx"), load_design("isaac", []))
    result = simulate(placement, ideal=True)
    assert result.latency_cycles == 9 * 22
    assert len(result.layers) == layers
    assert simulate(placement, images=2).ok
