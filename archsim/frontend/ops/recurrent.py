"""Recurrent layers: LSTM and GRU, forward, with the default activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.frontend.builder import MAX_CONSTANT
from archsim.frontend.dtypes import FLOATS
from archsim.frontend.node import Node, as_operands
from archsim.frontend.ops.activations import logistic
from archsim.frontend.registry import lowering
from archsim.graph import Constant, RecurrentLayer, Rows, Tensor
from archsim.graph.layers import Phase, Step
from archsim.graph.tensors import Array

_INPUT, _INPUT_WEIGHTS, _HIDDEN_WEIGHTS, _BIAS, _LENGTHS, _FIRST_STATE, _PEEPHOLES = 0, 1, 2, 3, 4, 5, 7
"""The operands of both ops; the first cell state of an LSTM comes after its first hidden state."""


@lowering("LSTM")
def lstm(node: Node) -> None:
    """Steps of [x, h] x [W; R] + Wb + Rb, in ONNX's order of gates (input, output, forget, cell).

    A step takes 5H activations, 3H products and H additions (Long, Na and Mukhopadhyay, TVLSI 2018): sigmoid of three
    gates and tanh of the candidate; f c + i g; tanh of the new cell state; its product with the output gate.
    """
    _refuse(node, ("Sigmoid", "Tanh", "Tanh"))
    node.require(not node.attributes.get("input_forget", 0), "input_forget 1", "input_forget 0")
    node.require(node.optional(_PEEPHOLES) is None, "peepholes (input P)", "no peepholes")
    phases = (Phase("elementwise", 4), Phase("multiplier", 2, 1), Phase("elementwise", 1), Phase("multiplier", 1))
    _add(node, _lstm_step, gates=4, states=2, apart=False, phases=phases)


@lowering("GRU")
def gru(node: Node) -> None:
    """Steps of x W + Wb and h R + Rb, in ONNX's order of gates (update, reset, hidden).

    The reset gate scales the candidate's part of h R before that of x W is added, so the two sums stay apart. A
    step takes 3H activations, 3H products and 5H additions: the sums of the two gates, z and r, and their sigmoids;
    the candidate's part of h R times r, that of x W added; its tanh, n; n - z n + z h. With linear_before_reset 0 the
    reset gate would have to be known before the candidate's rows are read, a second read in each step: refused.
    """
    _refuse(node, ("Sigmoid", "Tanh"))
    before = node.attributes.get("linear_before_reset", 0)
    node.require(bool(before), "linear_before_reset 0", "linear_before_reset 1: all rows are read at once")
    phases = (Phase("elementwise", 4), Phase("multiplier", 1, 1), Phase("elementwise", 1), Phase("multiplier", 2, 2))
    _add(node, _gru_step, gates=3, states=1, apart=True, phases=phases)


def _lstm_step(sums: tuple[Array, ...], states: tuple[Array, ...]) -> tuple[Array, ...]:
    enter, leave, keep, candidate = np.split(sums[0], 4, axis=-1)
    cell = logistic(keep) * states[1] + logistic(enter) * np.tanh(candidate)
    return logistic(leave) * np.tanh(cell), cell


def _gru_step(sums: tuple[Array, ...], states: tuple[Array, ...]) -> tuple[Array, ...]:
    of_input, of_hidden = (np.split(part, 3, axis=-1) for part in sums)
    update, reset = (logistic(of_input[gate] + of_hidden[gate]) for gate in (0, 1))
    candidate = np.tanh(of_input[2] + reset * of_hidden[2])
    return ((1 - update) * candidate + update * states[0],)


def _refuse(node: Node, activations: tuple[str, ...]) -> None:
    """Raise `InputError` for every form of the op that is not computed here."""
    attributes = node.attributes
    direction = attributes["direction"]
    node.require(direction == "forward", f"direction {direction}", "direction forward")
    node.require(not attributes.get("layout", 0), "layout 1", "layout 0: (steps, batch, features)")
    given = [each.decode("utf-8", "replace").lower() for each in attributes.get("activations", ())]
    default = [name.lower() for name in activations]
    node.require(given in ([], default), f"activations {', '.join(given)}", f"activations {', '.join(activations)}")
    for name in ("activation_alpha", "activation_beta"):
        node.require(not attributes.get(name), f"attribute {name}", "default activations")
    node.require(attributes.get("clip") is None, f"clip {attributes.get('clip')}", "no clip")
    node.require(node.optional(_LENGTHS) is None, "sequence_lens", "no sequence_lens: sequences of the full length")


def _add(node: Node, step: Step, *, gates: int, states: int, apart: bool, phases: tuple[Phase, ...]) -> None:
    """The layer; `phases` are told for one hidden unit."""
    data = node.value(_INPUT)
    if isinstance(data, Constant):
        raise node.error("a constant input", "an input computed at run time")
    node.require(data.dtype in FLOATS, f"data of type {data.dtype}", "floating-point numbers")
    node.require(len(data.shape) == 3, f"data of shape {data.shape}", "(steps, batch, features)")
    steps, batch, features = data.shape
    weights, hidden = _weights(node, features, gates)
    bias, recurrent_bias = _biases(node, gates * hidden, apart)
    first = [_first_state(node, _FIRST_STATE + number, (1, batch, hidden)) for number in range(states)]
    results = [f"{node.name} {name}" for name in ("Y", "Y_h", "Y_c")[: 1 + states]]
    results[: len(node.outputs)] = [given or own for given, own in zip(node.outputs, results, strict=False)]
    layer = RecurrentLayer(
        name=node.name,
        op=node.op,
        operands=as_operands([data, *first]),
        results=tuple(results),
        nodes=(node.name,),
        rows=features + hidden,
        outputs=gates * hidden,
        groups=1,
        windows=steps * batch,
        weights=weights,
        bias=bias,
        access=Rows(),
        channel_axis=3,
        batch=batch,
        hidden=hidden,
        apart=apart,
        recurrent_bias=recurrent_bias,
        phases=tuple(Phase(p.unit, p.operations * hidden, p.additions * hidden) for p in phases),
        step=step,
    )
    node.builder.forms[node.name] = node.op
    shapes = [(steps, 1, batch, hidden), *[(1, batch, hidden)] * states]
    tensors = [Tensor(name, shape, data.dtype) for name, shape in zip(results, shapes, strict=True)]
    node.builder.add_layer(layer, tuple(tensors))


def _weights(node: Node, features: int, gates: int) -> tuple[Constant, int]:
    """W above R, transposed to (1, features + hidden, gates x hidden), and the hidden size."""
    inner, recurrent = node.constant(_INPUT_WEIGHTS, "weights W"), node.constant(_HIDDEN_WEIGHTS, "weights R")
    hidden = node.attributes.get("hidden_size", recurrent.shape[-1] if recurrent.shape else 0)
    node.require(hidden >= 1, f"hidden_size {hidden}", "1 or more")
    outputs, rows = gates * hidden, features + hidden
    node.require(rows * outputs <= MAX_CONSTANT, f"{rows * outputs} weights", f"at most {MAX_CONSTANT}")
    for name, constant, shape in (("W", inner, (1, outputs, features)), ("R", recurrent, (1, outputs, hidden))):
        node.require(constant.shape == shape, f"weights {name} of shape {constant.shape}", f"{shape}")
        _same_type(node, constant, f"weights {name}")
    inner, recurrent = node.weights(inner, rows), node.weights(recurrent, rows)

    def fused() -> Array:
        return np.concatenate([inner.load(), recurrent.load()], axis=2).transpose(0, 2, 1)

    placeholder = inner.placeholder or recurrent.placeholder
    key = f"{inner.key} | {recurrent.key}"
    return Constant(key, (1, rows, outputs), inner.dtype, fused, placeholder), hidden


def _biases(node: Node, outputs: int, apart: bool) -> tuple[Constant | None, Constant | None]:
    """The bias of the input's sums and that of the hidden state's; their sum and None where the sums are one."""
    if node.optional(_BIAS) is None:
        return None, None
    both = node.neutral(node.constant(_BIAS, "bias B"), 0.0)
    node.require(both.shape == (1, 2 * outputs), f"bias B of shape {both.shape}", f"{(1, 2 * outputs)}")
    _same_type(node, both, "bias B")
    if apart:
        return both.map(lambda array: array[0, :outputs], (outputs,)), both.map(
            lambda array: array[0, outputs:], (outputs,)
        )
    return both.map(lambda array: array.reshape(2, outputs).sum(axis=0), (outputs,)), None


def _first_state(node: Node, index: int, shape: tuple[int, ...]) -> Tensor | Constant:
    """The state before the first step: zeros where the node has none. A constant made of one number is meant as
    it stands, it is no placeholder for trained numbers."""
    state = node.optional(index)
    if state is None:
        dtype = node.value(_INPUT).dtype
        return Constant(f"{node.name} state {index}", shape, dtype, lambda: np.zeros(shape, dtype))
    node.require(state.shape == shape, f"first state of shape {state.shape}", f"{shape}")
    _same_type(node, state, "first state")
    return replace(state, placeholder=False) if isinstance(state, Constant) else state


def _same_type(node: Node, value: Tensor | Constant, what: str) -> None:
    dtype = node.value(_INPUT).dtype
    node.require(value.dtype == dtype, f"{what} of type {value.dtype}", f"the data's type {dtype}")
