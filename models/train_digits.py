"""Trains the small network of `digits_cnn.onnx` on handwritten digits and writes it with its test images.

    pip install numpy onnx scikit-learn
    python models/train_digits.py

The data are the 1,797 images of 8 x 8 pixels that scikit-learn ships (BSD-3-Clause), a copy of the test set of
E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998),
https://doi.org/10.24432/C50P49, licence CC BY 4.0. A quarter, 450 images, stratified by digit, is held out:
it becomes `digits_test.npz` (`images` float32 (450, 1, 8, 8) in 0..1, `labels` int64) and is never trained on.

The network: conv 1 -> 16, ReLU, max pool, conv 16 -> 32, ReLU, max pool, 128 -> 64, ReLU, 64 -> 10; both
convolutions 3 x 3. Trained by Adam on the cross entropy, in numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
EPOCHS, BATCH = 60, 64
SHAPES = {"conv1": (16, 1, 3, 3), "conv2": (32, 16, 3, 3), "fc1": (128, 64), "fc2": (64, 10)}


def initial_parameters(rng):
    """He initialisation; biases start at 0."""
    parameters = {}
    for name, shape in SHAPES.items():
        outputs, fan_in = (shape[0], np.prod(shape[1:])) if len(shape) == 4 else (shape[1], shape[0])
        parameters[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / fan_in), shape)
        parameters[f"{name}.bias"] = np.zeros(outputs)
    return parameters


def patches_of(images):
    """The 3 x 3 surroundings of each pixel: (n, c, h, w) to (n, h, w, c, 3, 3)."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return sliding_window_view(padded, (3, 3), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)


def forward(images, p):
    """The logits, and what the backward pass needs."""
    kept, x = [], images
    for name in ("conv1", "conv2"):
        patches = patches_of(x)
        weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
        hidden = np.maximum(np.einsum("nhwcij,ocij->nohw", patches, weight, optimize=True) + bias[:, None, None], 0)
        n, c, h, w = hidden.shape
        blocks = hidden.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
        winner = blocks.argmax(-1)
        x = blocks.max(-1)
        kept.append((name, patches, hidden, winner))
    flat = x.reshape(len(x), -1)
    hidden = np.maximum(flat @ p["fc1.weight"] + p["fc1.bias"], 0)
    return hidden @ p["fc2.weight"] + p["fc2.bias"], (kept, x.shape, flat, hidden)


def gradients(images, labels, p):
    """The gradient of the mean cross entropy by each parameter."""
    logits, (kept, shape, flat, hidden) = forward(images, p)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    upward = shares / len(labels)
    g = {"fc2.weight": hidden.T @ upward, "fc2.bias": upward.sum(axis=0)}
    upward = upward @ p["fc2.weight"].T * (hidden > 0)
    g |= {"fc1.weight": flat.T @ upward, "fc1.bias": upward.sum(axis=0)}
    upward = (upward @ p["fc1.weight"].T).reshape(shape)
    for name, patches, activation, winner in reversed(kept):
        n, c, h, w = upward.shape
        blocks = (winner[..., None] == np.arange(4)) * upward[..., None]
        spread = blocks.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(activation.shape)
        spread = spread * (activation > 0)
        g[f"{name}.weight"] = np.einsum("nhwcij,nohw->ocij", patches, spread, optimize=True)
        g[f"{name}.bias"] = spread.sum(axis=(0, 2, 3))
        turned = p[f"{name}.weight"][:, :, ::-1, ::-1]
        upward = np.einsum("nhwoij,ocij->nchw", patches_of(spread), turned, optimize=True)
    return g


def train(images, labels, p, gradients, rng, first_rate):
    """The parameters `p` after `EPOCHS` passes of Adam, the learning rate falling from `first_rate` to 0 along a
    cosine; `gradients` of some images and labels are those by each parameter."""
    first = {name: np.zeros_like(value) for name, value in p.items()}
    second = {name: np.zeros_like(value) for name, value in p.items()}
    steps, step = EPOCHS * -(-len(images) // BATCH), 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for batch in np.array_split(order, -(-len(images) // BATCH)):
            step += 1
            rate = first_rate * (1 + np.cos(np.pi * step / steps)) / 2
            for name, slope in gradients(images[batch], labels[batch], p).items():
                first[name] = 0.9 * first[name] + 0.1 * slope
                second[name] = 0.999 * second[name] + 0.001 * slope**2
                mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                p[name] -= rate * mean / (np.sqrt(square) + 1e-8)
    return {name: value.astype(np.float32) for name, value in p.items()}


def model_of(parameters):
    """The network as ONNX, opset 17, with a dynamic batch."""

    def conv(name, source, result):
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return helper.make_node("Conv", inputs, [result], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def pool(name, source, result):
        return helper.make_node("MaxPool", [source], [result], name, kernel_shape=[2, 2], strides=[2, 2])

    nodes = [
        conv("conv1", "image", "c1"),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        pool("pool1", "r1", "p1"),
        conv("conv2", "p1", "c2"),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
        pool("pool2", "r2", "p2"),
        helper.make_node("Flatten", ["p2"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "fc1.weight", "fc1.bias"], ["h"], "fc1"),
        helper.make_node("Relu", ["h"], ["r3"], "relu3"),
        helper.make_node("Gemm", ["r3", "fc2.weight", "fc2.bias"], ["logits"], "fc2"),
    ]
    return classifier("digits_cnn", nodes, parameters)


def classifier(name, nodes, constants):
    """The network of `nodes` that makes `logits` of `image`."""
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="archsim")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def split_digits():
    """Images to train on and to test with, then the labels of both."""
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[:, None]
    return train_test_split(images, data.target, test_size=450, random_state=0, stratify=data.target)


def main():
    """Train, write the model and the held-out images, and say how often the model is right."""
    train_images, test_images, train_labels, test_labels = split_digits()
    rng = np.random.default_rng(0)
    parameters = train(train_images.astype(np.float64), train_labels, initial_parameters(rng), gradients, rng, 2e-3)
    onnx.save(model_of(parameters), HERE / "digits_cnn.onnx")
    np.savez_compressed(HERE / "digits_test.npz", images=test_images, labels=test_labels.astype(np.int64))
    answers = forward(test_images, parameters)[0].argmax(axis=1)
    print(f"test accuracy {(answers == test_labels).mean():.4f} on {len(test_labels)} images")


if __name__ == "__main__":
    main()
