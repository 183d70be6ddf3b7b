"""Trains three small recurrent networks on handwritten digits, read row by row, and writes them beside this script.

    pip install numpy onnx scikit-learn
    python models/train_recurrent.py

The data and the held-out images, `digits_test.npz`, are those of `train_digits.py`. The 8 rows of an image are 8 steps
of 8 pixels; `digits_lstm` and `digits_gru` classify the last state of 32 units, `digits_bilstm` the last states of
two directions of 24 units each. The GRU's reset gate is behind the product (linear_before_reset 1), as in
PyTorch. Trained by Adam on the cross entropy, through all steps, in numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from train_digits import classifier, split_digits, train

HERE = Path(__file__).parent
PIXELS, CLASSES = 8, 10
NETWORKS = {"digits_lstm": ("LSTM", 32, 1), "digits_gru": ("GRU", 32, 1), "digits_bilstm": ("LSTM", 24, 2)}
GATES = {"LSTM": 4, "GRU": 3}


def logistic(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(of_input, of_hidden, states):
    """The states after a step, and what the way back needs; gates in ONNX's order (input, output, forget, cell)."""
    enter, leave, keep, fresh = np.split(of_input + of_hidden, 4, axis=1)
    enter, leave, keep, fresh = logistic(enter), logistic(leave), logistic(keep), np.tanh(fresh)
    cell = keep * states[1] + enter * fresh
    return (leave * np.tanh(cell), cell), (enter, leave, keep, fresh, states[1], np.tanh(cell))


def lstm_back(slopes, kept):
    """From slopes by the states to those by the sums of input and hidden state, and by the states before apart from
    these sums."""
    enter, leave, keep, fresh, before, flat = kept
    cell = slopes[1] + slopes[0] * leave * (1 - flat**2)
    sums = np.concatenate(
        [
            cell * fresh * enter * (1 - enter),
            slopes[0] * flat * leave * (1 - leave),
            cell * before * keep * (1 - keep),
            cell * enter * (1 - fresh**2),
        ],
        axis=1,
    )
    return sums, sums, (0, cell * keep)


def gru_step(of_input, of_hidden, states):
    """As `lstm_step`; gates in ONNX's order (update, reset, hidden)."""
    inner, outer = np.split(of_input, 3, axis=1), np.split(of_hidden, 3, axis=1)
    update, reset = logistic(inner[0] + outer[0]), logistic(inner[1] + outer[1])
    fresh = np.tanh(inner[2] + reset * outer[2])
    return ((1 - update) * fresh + update * states[0],), (update, reset, fresh, outer[2], states[0])


def gru_back(slopes, kept):
    """As `lstm_back`."""
    update, reset, fresh, outer, before = kept
    candidate = slopes[0] * (1 - update) * (1 - fresh**2)
    of_update = slopes[0] * (before - fresh) * update * (1 - update)
    of_reset = candidate * outer * reset * (1 - reset)
    of_input = np.concatenate([of_update, of_reset, candidate], axis=1)
    return of_input, np.concatenate([of_update, of_reset, candidate * reset], axis=1), (slopes[0] * update,)


CELLS = {"LSTM": (lstm_step, lstm_back, 2), "GRU": (gru_step, gru_back, 1)}


def initial_parameters(op, hidden, directions, rng):
    """Uniform numbers within 1 / sqrt(hidden), as PyTorch begins; biases start at 0."""
    outputs, limit = GATES[op] * hidden, 1 / np.sqrt(hidden)
    return {
        "rnn.W": rng.uniform(-limit, limit, (directions, outputs, PIXELS)),
        "rnn.R": rng.uniform(-limit, limit, (directions, outputs, hidden)),
        "rnn.B": np.zeros((directions, 2 * outputs)),
        "fc.weight": rng.uniform(-limit, limit, (directions * hidden, CLASSES)),
        "fc.bias": np.zeros(CLASSES),
    }


def forward(images, p, op):
    """The logits, and what the backward pass needs of each direction: rows, states before, and what a step kept."""
    step, _, count = CELLS[op]
    rows, ends, paths = images[:, 0].transpose(1, 0, 2), [], []
    for direction, (inner, outer, bias) in enumerate(zip(p["rnn.W"], p["rnn.R"], p["rnn.B"], strict=True)):
        half, states, path = len(bias) // 2, (np.zeros((len(images), outer.shape[1])),) * count, []
        for row in rows[::-1] if direction else rows:
            before = states
            of_input, of_hidden = row @ inner.T + bias[:half], states[0] @ outer.T + bias[half:]
            states, kept = step(of_input, of_hidden, states)
            path.append((row, before, kept))
        ends.append(states[0])
        paths.append(path)
    last = np.concatenate(ends, axis=1)
    return last @ p["fc.weight"] + p["fc.bias"], (last, paths)


def gradients(images, labels, p, op):
    """The gradient of the mean cross entropy by each parameter."""
    logits, (last, paths) = forward(images, p, op)
    _, back, count = CELLS[op]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    upward = shares / len(labels)
    g = {name: np.zeros_like(p[name]) for name in ("rnn.W", "rnn.R", "rnn.B")}
    g |= {"fc.weight": last.T @ upward, "fc.bias": upward.sum(axis=0)}
    ends = np.split(upward @ p["fc.weight"].T, len(paths), axis=1)
    for direction, (path, end) in enumerate(zip(paths, ends, strict=True)):
        slopes = (end, np.zeros_like(end))[:count]
        for row, before, kept in reversed(path):
            of_input, of_hidden, direct = back(slopes, kept)
            g["rnn.W"][direction] += of_input.T @ row
            g["rnn.R"][direction] += of_hidden.T @ before[0]
            g["rnn.B"][direction] += np.concatenate([of_input.sum(axis=0), of_hidden.sum(axis=0)])
            slopes = (direct[0] + of_hidden @ p["rnn.R"][direction], *direct[1:])
    return g


def model_of(name, parameters, op, hidden, directions):
    """The network as ONNX, opset 17, with a dynamic batch."""
    extra = {"linear_before_reset": 1} if op == "GRU" else {}
    if directions == 2:
        extra["direction"] = "bidirectional"
    constants = dict(parameters) | {"one": np.array([1]), "flat": np.array([0, directions * hidden])}
    nodes = [
        helper.make_node("Squeeze", ["image", "one"], ["rows"], "rows"),
        helper.make_node("Transpose", ["rows"], ["steps"], "steps", perm=[1, 0, 2]),
        helper.make_node(op, ["steps", "rnn.W", "rnn.R", "rnn.B"], ["", "last"], "rnn", hidden_size=hidden, **extra),
        helper.make_node("Transpose", ["last"], ["of_image"], "of_image", perm=[1, 0, 2]),
        helper.make_node("Reshape", ["of_image", "flat"], ["features"], "features"),
        helper.make_node("Gemm", ["features", "fc.weight", "fc.bias"], ["logits"], "fc"),
    ]
    return classifier(name, nodes, constants)


def main():
    """Train and write each network, and say how often it is right."""
    train_images, test_images, train_labels, test_labels = split_digits()
    for name, (op, hidden, directions) in NETWORKS.items():
        rng = np.random.default_rng(0)
        parameters = train(
            train_images.astype(np.float64),
            train_labels,
            initial_parameters(op, hidden, directions, rng),
            lambda images, labels, p, op=op: gradients(images, labels, p, op),
            rng,
            1e-2,
        )
        onnx.save(model_of(name, parameters, op, hidden, directions), HERE / f"{name}.onnx")
        answers = forward(test_images, parameters, op)[0].argmax(axis=1)
        print(f"{name}: test accuracy {(answers == test_labels).mean():.4f} on {len(test_labels)} images")


if __name__ == "__main__":
    main()
