"""Networks whose nodes use the same weights, for tests of several rooms."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper

from tests.recurrent import model_of, weights

GATES = "iofc"


def unrolled_lstm(steps: int, features: int = 6, hidden: int = 5) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """An LSTM spelled out, 8 Gemm nodes a step on 8 matrices, from states h0 and c0 to the last hidden state; and the
    W, R and B of the LSTM that it is."""
    given = weights("LSTM", "n", features, hidden)
    constants = {f"t{step}": np.array([step], np.int64) for step in range(steps)}
    for number, gate in enumerate(GATES):
        part = slice(number * hidden, (number + 1) * hidden)
        constants[f"W{gate}"], constants[f"R{gate}"] = given["n.W"][0, part].T, given["n.R"][0, part].T
        constants[f"b{gate}"] = given["n.B"][0].reshape(2, -1)[:, part].sum(axis=0)
    nodes: list[NodeProto] = []

    def node(op: str, name: str, *inputs: str) -> str:
        nodes.append(helper.make_node(op, inputs, [name], name))
        return name

    hidden_state, cell = "h0", "c0"
    for step in range(steps):
        row, gates = node("Gather", f"x{step}", "x", f"t{step}"), {}
        for gate in GATES:
            inner = node("Gemm", f"x{gate}{step}", row, f"W{gate}", f"b{gate}")
            total = node("Add", f"s{gate}{step}", node("Gemm", f"h{gate}{step}", hidden_state, f"R{gate}"), inner)
            gates[gate] = node("Tanh" if gate == "c" else "Sigmoid", f"gate{gate}{step}", total)
        kept = node("Mul", f"kept{step}", gates["f"], cell)
        cell = node("Add", f"cell{step}", kept, node("Mul", f"fresh{step}", gates["i"], gates["c"]))
        hidden_state = node("Mul", f"hidden{step}", gates["o"], node("Tanh", f"flat{step}", cell))
    inputs = {"x": (steps, features), "h0": (1, hidden), "c0": (1, hidden)}
    return model_of(nodes, inputs, (hidden_state,), constants), given


def twins(windows: int, *, other: str = "") -> ModelProto:
    """One matrix on two inputs of so many rows; with `other`, the second node is a Gemm with that attribute."""
    second = helper.make_node("Gemm", ["b", "w"], ["two"], "two", **({other: 1} if other == "transB" else {other: 2.0}))
    if not other:
        second = helper.make_node("MatMul", ["b", "w"], ["two"], "two")
    nodes = [helper.make_node("MatMul", ["a", "w"], ["one"], "one"), second]
    return model_of(nodes, {"a": (windows, 8), "b": (windows, 8)}, ("one", "two"), {"w": np.ones((8, 8), np.float32)})
