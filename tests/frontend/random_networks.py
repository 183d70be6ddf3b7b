"""Random small networks of supported ops, drawn by hypothesis, in double precision: equal results are then equal up to
rounding that no op with steps (Floor, Sign) blows up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]
Draw = Callable[[st.SearchStrategy], object]

OPSET = 20
LARGEST = 600
"""Elements of a value at most."""


@dataclass
class Draft:
    """A network under construction: `shapes` of the values that further nodes may read."""

    draw: Draw
    seed: int
    shapes: dict[str, Shape] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def floats(self, *shape: int, positive: bool = False) -> str:
        """A new constant of random numbers."""
        numbers = np.random.default_rng([self.seed, len(self.constants)]).standard_normal(shape)
        return self.constant(np.abs(numbers) + 0.1 if positive else numbers)

    def integers(self, *numbers: int) -> str:
        return self.constant(np.array(numbers, np.int64))

    def constant(self, array: np.ndarray) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, op: str, inputs: list[str], shape: Shape | None = None, outputs: int = 1, **attributes) -> str:
        """A new node; its first output is a value that others may read if `shape` is given."""
        names = [f"v{len(self.nodes)}" + "ab"[:index] for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        if shape is not None:
            self.shapes[names[0]] = shape
        return names[0]


UNARY = ("Abs", "Atan", "Cos", "Elu", "Erf", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish")
UNARY += ("Neg", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Tanh")
UNARY += ("ThresholdedRelu",)


def unary(draft: Draft, name: str, shape: Shape) -> None:
    draft.add(draft.pick(*UNARY), [name], shape)


def paired(draft: Draft, name: str, shape: Shape) -> None:
    others = [other for other, its in draft.shapes.items() if its == shape]
    kept = tuple(draft.pick(1, size) for size in shape[draft.number(0, len(shape)) :])
    other = draft.pick(*others, draft.floats(*kept))
    draft.add(draft.pick("Add", "Sub", "Mul", "Max", "Min", "Mean"), [name, other], shape)


def chosen(draft: Draft, name: str, shape: Shape) -> None:
    where = draft.add(draft.pick("Greater", "LessOrEqual"), [name, draft.floats(*shape)])
    draft.add("Where", [where, name, draft.floats(*shape)], shape)


def conv(draft: Draft, name: str, shape: Shape) -> None:
    groups = draft.pick(1, shape[1]) if len(shape) > 2 else 0
    space = shape[2:]
    kernel = [draft.number(1, min(3, size)) for size in space]
    strides = [draft.number(1, 2) for _ in space]
    pads = [draft.number(0, 1) for _ in range(2 * len(space))]
    outputs = groups * draft.number(1, 2)
    weights = draft.floats(outputs, shape[1] // groups, *kernel)
    ends = zip(space, kernel, strides, pads, pads[len(space) :], strict=False)
    result = tuple((size + before + after - extent) // step + 1 for size, extent, step, before, after in ends)
    bias = [draft.floats(outputs)] * draft.number(0, 1)
    attributes = {"group": groups, "strides": strides, "pads": pads}
    draft.add("Conv", [name, weights, *bias], (shape[0], outputs, *result), **attributes)


def pool(draft: Draft, name: str, shape: Shape) -> None:
    kernel = [draft.number(1, min(2, size)) for size in shape[2:]]
    strides = [draft.number(1, 2) for _ in kernel]
    result = tuple((s - k) // step + 1 for s, k, step in zip(shape[2:], kernel, strides, strict=True))
    op = draft.pick("MaxPool", "AveragePool")
    draft.add(op, [name], (*shape[:2], *result), kernel_shape=kernel, strides=strides)


def global_pool(draft: Draft, name: str, shape: Shape) -> None:
    draft.add(draft.pick("GlobalAveragePool", "GlobalMaxPool"), [name], (*shape[:2], *(1 for _ in shape[2:])))


def by_channel(draft: Draft, name: str, shape: Shape) -> None:
    scale, bias = draft.floats(shape[1]), draft.floats(shape[1])
    if draft.pick(True, False):
        inputs = [name, scale, bias, draft.floats(shape[1]), draft.floats(shape[1], positive=True)]
        draft.add("BatchNormalization", inputs, shape)
    else:
        draft.add("InstanceNormalization", [name, scale, bias], shape)


def matrix(draft: Draft, name: str, shape: Shape) -> None:
    outputs = draft.number(1, 6)
    if len(shape) == 2 and draft.pick(True, False):
        inputs = [name, draft.floats(outputs, shape[-1]), draft.floats(outputs)]
        draft.add("Gemm", inputs, (shape[0], outputs), transB=1, alpha=0.5)
    elif draft.pick(True, False):
        weights = draft.floats(outputs, shape[-2])
        draft.add("MatMul", [weights, name], (*shape[:-2], outputs, shape[-1]))
    else:
        draft.add("MatMul", [name, draft.floats(shape[-1], outputs)], (*shape[:-1], outputs))


def product(draft: Draft, name: str, shape: Shape) -> None:
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    turned = draft.add("Transpose", [name], perm=order)
    scores = draft.add("MatMul", [name, turned])
    weights = draft.add("Softmax", [scores], axis=-1)
    draft.add("MatMul", [weights, name], shape)


def normalized(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(-len(shape), -1)
    op = draft.pick("Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "LayerNormalization", "CumSum")
    if op == "LayerNormalization":
        draft.add(op, [name, draft.floats(*shape[axis:]), draft.floats(*shape[axis:])], shape, axis=axis)
    elif op == "CumSum":
        axes = draft.constant(np.array(axis, np.int64))
        draft.add(op, [name, axes], shape, exclusive=draft.number(0, 1), reverse=draft.number(0, 1))
    else:
        draft.add(op, [name], shape, axis=axis)


REDUCTIONS = ("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")


def reduced(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(1, len(shape) - 1)
    op, keep = draft.pick(*REDUCTIONS), draft.number(0, 1)
    result = (*shape[:axis], *[1] * keep, *shape[axis + 1 :])
    draft.add(op, [name, draft.integers(axis)], result, keepdims=keep)


def place(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(0, len(shape) - 1)
    found = draft.add(draft.pick("ArgMax", "ArgMin"), [name], axis=axis, keepdims=1)
    draft.add("Cast", [found], (*shape[:axis], 1, *shape[axis + 1 :]), to=TensorProto.DOUBLE)


def top(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(0, len(shape) - 1)
    count = draft.number(1, shape[axis])
    result = (*shape[:axis], count, *shape[axis + 1 :])
    draft.add("TopK", [name, draft.integers(count)], result, outputs=2, axis=axis, largest=draft.number(0, 1))


def transposed(draft: Draft, name: str, shape: Shape) -> None:
    order = draft.draw(st.permutations(range(1, len(shape))))
    draft.add("Transpose", [name], tuple(shape[axis] for axis in (0, *order)), perm=[0, *order])


def flattened(draft: Draft, name: str, shape: Shape) -> None:
    draft.add("Reshape", [name, draft.integers(0, -1)], (shape[0], math.prod(shape[1:])))


def joined(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(1, len(shape) - 1)
    others = [other for other, its in draft.shapes.items() if its == shape]
    result = (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])
    draft.add("Concat", [name, draft.pick(*others)], result, axis=axis)


def cut(draft: Draft, name: str, shape: Shape) -> None:
    axis = draft.number(1, len(shape) - 1)
    first = draft.number(0, shape[axis] - 1)
    result = (*shape[:axis], shape[axis] - first, *shape[axis + 1 :])
    ends = [draft.integers(number) for number in (first, shape[axis], axis)]
    draft.add("Slice", [name, *ends], result)


def padded(draft: Draft, name: str, shape: Shape) -> None:
    pads = [0] + [draft.number(0, 1) for _ in shape[1:]]
    result = tuple(size + 2 * more for size, more in zip(shape, pads, strict=True))
    draft.add("Pad", [name, draft.integers(*pads, *pads)], result)


def recurrent(draft: Draft, name: str, shape: Shape) -> None:
    steps, batch, features = shape
    hidden, (op, gates) = draft.number(1, 4), draft.pick(("LSTM", 4), ("GRU", 3))
    weights = [draft.floats(1, gates * hidden, each) for each in (features, hidden)]
    biases = draft.floats(1, 2 * gates * hidden)
    attributes = {"linear_before_reset": 1} if op == "GRU" else {}
    every = draft.add(op, [name, *weights, biases], outputs=1, hidden_size=hidden, **attributes)
    draft.add("Squeeze", [every, draft.integers(1)], (steps, batch, hidden))


STEPS: tuple[tuple[Callable[[Draft, str, Shape], None], int, int], ...] = (
    (unary, 1, 4),
    (paired, 1, 4),
    (chosen, 1, 4),
    (conv, 3, 4),
    (pool, 3, 4),
    (global_pool, 4, 4),
    (by_channel, 3, 4),
    (matrix, 2, 4),
    (product, 2, 3),
    (normalized, 2, 4),
    (reduced, 2, 4),
    (place, 2, 4),
    (top, 2, 4),
    (transposed, 3, 4),
    (flattened, 2, 4),
    (joined, 2, 4),
    (cut, 2, 4),
    (padded, 2, 3),
    (recurrent, 3, 3),
)
"""What may come next, for values of how many axes. Not LRN: ONNX's evaluator normalizes as many channels as there are
images (onnx 1.23), and onnxruntime is what it is compared with."""


@st.composite
def networks(draw: Draw, *, head: bool = False) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A network of 3 to 9 steps, each applied to one of the last values, and numbers for its input; with `head` it
    ends in a product with weights."""
    seed = draw(st.integers(0, 2**31))
    rank = draw(st.integers(2, 4))
    draft = Draft(draw, seed)
    draft.shapes["x"] = first = (draft.pick(1, 2), *(draft.number(2, 5) for _ in range(rank - 1)))
    for _ in range(draft.number(3, 9)):
        fitting = [(name, shape) for name, shape in draft.shapes.items() if math.prod(shape) <= LARGEST // 2]
        name, shape = draft.pick(*fitting[-3:])
        fits = [step for step, fewest, most in STEPS if fewest <= len(shape) <= most]
        draft.pick(*fits)(draft, name, shape)
    if head:
        matrix(draft, *[each for each in draft.shapes.items() if len(each[1]) > 1][-1])
    read = {name for node in draft.nodes for name in node.input}
    leaves = [name for name in draft.shapes if name not in read]
    graph = helper.make_graph(
        draft.nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, first)],
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, draft.shapes[name]) for name in leaves],
        draft.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return model, {"x": np.random.default_rng(seed).standard_normal(first)}
