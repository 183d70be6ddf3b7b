"""The gates of recurrent cells: activations by ONNX's names, cells as rounds of a step, what they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from archsim.frontend.ops.activations import logistic
from archsim.graph import Phase, Round
from archsim.graph.tensors import Array

Function = Callable[[Array], Array]
States = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """An activation: `make` takes `defaults` or what the node gives for them (alpha, beta), and has to where ONNX has
    no default (None); `operations` an element."""

    make: Callable[..., Function]
    defaults: tuple[float | None, ...] = ()
    operations: int = 1


KINDS: dict[str, Kind] = {
    "Affine": Kind(lambda alpha, beta: lambda x: alpha * x + beta, (None, None)),
    "Elu": Kind(lambda alpha: lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))), (1.0,)),
    "HardSigmoid": Kind(lambda alpha, beta: lambda x: np.clip(alpha * x + beta, 0, 1), (0.2, 0.5), 2),
    "LeakyRelu": Kind(lambda alpha: lambda x: np.where(x >= 0, x, alpha * x), (0.01,)),
    "Relu": Kind(lambda: lambda x: np.maximum(x, 0)),
    "ScaledTanh": Kind(lambda alpha, beta: lambda x: alpha * np.tanh(beta * x), (None, None), 3),
    "Sigmoid": Kind(lambda: logistic),
    "Softplus": Kind(lambda: lambda x: np.logaddexp(x, 0)),
    "Softsign": Kind(lambda: lambda x: x / (1 + np.abs(x))),
    "Tanh": Kind(lambda: np.tanh),
    "ThresholdedRelu": Kind(lambda alpha: lambda x: np.where(x > alpha, x, 0), (1.0,)),
}
"""ONNX's list, with the defaults of its operators. One operation an element, two for a line and its limits, three for
tanh between products."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A chosen activation: what it computes behind the limits -`clip` to `clip`, and operations an element."""

    function: Function
    operations: int
    clip: float | None

    def __call__(self, array: Array) -> Array:
        """The activation of each element."""
        return self.function(array if self.clip is None else np.clip(array, -self.clip, self.clip))

    @property
    def total(self) -> int:
        """Operations an element, one for the limits among them."""
        return self.operations + (self.clip is not None)


def lstm_round(gate: Activation, candidate: Activation, output: Activation, *, peep: bool, coupled: bool) -> Round:
    """Gates in ONNX's order (input, output, forget, cell): f c + i g, and o times `output` of that.

    A step takes 5H activations, 3H products and H additions (Long, Na and Mukhopadhyay, TVLSI 2018): three gates and
    the candidate; f c + i g; the new cell state's activation; its product with the output gate. Peepholes add 3H
    products and as many sums, that of the output gate behind the cell state; with `coupled` gates f is 1 - i, one
    operation, and has no peephole. Limits (clip) take an operation an element; as in onnxruntime, they hold for what
    goes into gates and candidate, not for the cell state.
    """
    output = replace(output, clip=None)

    def gates(sums: States, states: States, peepholes: States) -> States:
        enter, leave, keep, fresh = np.split(sums[0], 4, axis=-1)
        cell = states[1]
        if peep:
            enter, keep = enter + peepholes[0] * cell, keep + peepholes[2] * cell
        opened = gate(enter)
        kept = 1 - opened if coupled else gate(keep)
        cell = kept * cell + opened * candidate(fresh)
        if peep:
            leave = leave + peepholes[1] * cell
        return gate(leave) * output(cell), cell

    before = gate.total + (1 if coupled else gate.total) + candidate.total
    first = Phase("elementwise", before if peep else before + gate.total)
    last = Phase("elementwise", output.total + gate.total if peep else output.total)
    peeping = 1 if coupled else 2
    phases = (
        *((Phase("multiplier", peeping, peeping),) if peep else ()),
        first,
        Phase("multiplier", 3, 2) if peep else Phase("multiplier", 2, 1),
        last,
        Phase("multiplier", 1),
    )
    return Round(gates, phases)


def gru_round(gate: Activation, candidate: Activation) -> Round:
    """One round (linear_before_reset 1), gates in ONNX's order (update, reset, hidden); the sums of input and hidden
    state apart.

    The reset gate scales the candidate's part of h R before that of x W is added. A step takes 3H activations, 3H
    products and 5H additions: the sums of z and r and their activations; the candidate's part of h R times r, that of
    x W added; its activation, n; n - z n + z h.
    """

    def gates(sums: States, states: States, _: States) -> States:
        of_input, of_hidden = (np.split(part, 3, axis=-1) for part in sums)
        update, reset = (gate(of_input[number] + of_hidden[number]) for number in (0, 1))
        fresh = candidate(of_input[2] + reset * of_hidden[2])
        return ((1 - update) * fresh + update * states[0],)

    phases = (
        Phase("elementwise", 2 + 2 * gate.total),
        Phase("multiplier", 1, 1),
        Phase("elementwise", candidate.total),
        Phase("multiplier", 2, 2),
    )
    return Round(gates, phases)


def gru_rounds(gate: Activation, candidate: Activation) -> tuple[Round, ...]:
    """Two rounds (linear_before_reset 0): the first reads x and h and leaves r h, which the second reads for the
    candidate. h, z and the candidate's part of x W wait in registers meanwhile.

    A step takes as many operations as with one round: the sums of z and r, their activations and r h; the sum of the
    candidate and its activation, n; n - z n + z h.
    """

    def first(sums: States, states: States, _: States) -> States:
        of_input, of_hidden = (np.split(part, 3, axis=-1) for part in sums)
        update, reset = (gate(of_input[number] + of_hidden[number]) for number in (0, 1))
        return reset * states[0], states[0], update, of_input[2]

    def second(sums: States, states: States, _: States) -> States:
        hidden, update, of_input = states[1:]
        fresh = candidate(of_input + np.split(sums[1], 3, axis=-1)[2])
        return ((1 - update) * fresh + update * hidden,)

    return (
        Round(first, (Phase("elementwise", 2 + 2 * gate.total), Phase("multiplier", 1))),
        Round(second, (Phase("elementwise", 1 + candidate.total), Phase("multiplier", 2, 2))),
    )


def rnn_round(activation: Activation) -> Round:
    """The hidden state is the activation of the sums: H activations."""

    def gates(sums: States, _states: States, _peepholes: States) -> States:
        return (activation(sums[0]),)

    return Round(gates, (Phase("elementwise", activation.total),))
