"""Small recurrent networks for tests of several rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
OUTPUTS = ("Y", "Y_h", "Y_c")


def weights(
    op: str, name: str, features: int, hidden: int, seed: int = 0, directions: int = 1
) -> dict[str, np.ndarray]:
    """W, R and B of one layer."""
    rng, outputs = np.random.default_rng(seed), GATES[op] * hidden
    shapes = {
        "W": (directions, outputs, features),
        "R": (directions, outputs, hidden),
        "B": (directions, 2 * outputs),
    }
    return {f"{name}.{key}": rng.normal(0, 0.5, shape).astype(np.float32) for key, shape in shapes.items()}


def model_of(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Sequence[int]],
    outputs: Sequence[str],
    constants: dict[str, np.ndarray],
) -> ModelProto:
    """A valid model with all shapes inferred."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


def single(
    op: str,
    *,
    steps: int = 5,
    batch: int = 1,
    features: int = 6,
    hidden: int = 4,
    bias: bool = True,
    first: str = "none",
    outputs: Sequence[str] = ("Y",),
    lengths: Sequence[int] = (),
    peepholes: bool = False,
    **attributes: Any,
) -> ModelProto:
    """One recurrent layer on input `x`; `first`: its first states are `none`, `constant` or `inputs` h0 (and c0)."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    batch_first = bool(attributes.get("layout"))
    states = OUTPUTS[1 : 3 if op == "LSTM" else 2]
    inputs: dict[str, Sequence[int]] = {"x": (batch, steps, features) if batch_first else (steps, batch, features)}
    constants = weights(op, "n", features, hidden, directions=directions)
    names = ["x", "n.W", "n.R", "n.B" if bias else "", "n.lengths" if lengths else "", "", "", ""]
    if not bias:
        del constants["n.B"]
    if lengths:
        constants["n.lengths"] = np.array(lengths, np.int32)
    rng = np.random.default_rng(1)
    if peepholes:
        names[7] = "n.P"
        constants["n.P"] = rng.normal(size=(directions, 3 * hidden)).astype(np.float32)
    if first != "none":
        shape = (batch, directions, hidden) if batch_first else (directions, batch, hidden)
        firsts = dict.fromkeys((state.replace("Y_", "") + "0" for state in states), shape)
        names[5 : 5 + len(firsts)] = firsts
        if first == "inputs":
            inputs |= firsts
        else:
            constants |= {name: rng.normal(size=shape).astype(np.float32) for name, shape in firsts.items()}
    if op == "GRU":
        attributes = {"linear_before_reset": 1, **attributes}
    while not names[-1]:
        names.pop()
    written = [name if name in outputs else "" for name in ("Y", *states)]
    node = helper.make_node(op, names, written, "n", hidden_size=hidden, **attributes)
    return model_of([node], inputs, outputs, constants)


def stacked(
    op: str,
    depth: int,
    *,
    steps: int,
    batch: int = 1,
    features: int = 8,
    hidden: int = 8,
    classes: int = 0,
    after: str = "",
) -> ModelProto:
    """`depth` recurrent layers and, with `classes`, a MatMul over every step; `after`: an op behind each layer."""
    nodes, constants, last, rows = [], {}, "x", features
    for number in range(depth):
        name = f"rnn{number}"
        constants |= weights(op, name, rows, hidden, seed=number)
        extra = {"linear_before_reset": 1} if op == "GRU" else {}
        parts = [f"{name}.{part}" for part in "WRB"]
        nodes.append(helper.make_node(op, [last, *parts], [f"{name}.Y"], name, hidden_size=hidden, **extra))
        last = f"{name}.Y"
        if after:
            nodes.append(helper.make_node(after, [last], [f"{name}.after"], f"{name}.after"))
            last = f"{name}.after"
        nodes.append(helper.make_node("Squeeze", [last, "axes"], [f"{name}.steps"], f"{name}.squeeze"))
        last, rows = f"{name}.steps", hidden
    if classes:
        constants["fc.weight"] = np.ones((hidden, classes), np.float32)
        nodes.append(helper.make_node("MatMul", [last, "fc.weight"], ["logits"], "fc"))
        last = "logits"
    constants["axes"] = np.array([1], np.int64)
    return model_of(nodes, {"x": (steps, batch, features)}, (last,), constants)
