"""Recurrent ops: steps of [x, h] x [W; R] + Wb + Rb, and the gates of each."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.frontend.gates import Activation, gru_round, gru_rounds, lstm_round, rnn_round
from archsim.frontend.node import Node
from archsim.frontend.recurrent import Cell, add_recurrent
from archsim.frontend.registry import lowering
from archsim.graph import Round


@lowering(
    "LSTM",
    becomes=("crossbars", "layout"),
    limits="Constant weights, bias, peepholes and sequence_lens (1 or more steps each); no constant data.",
)
def lstm(node: Node) -> None:
    """One matrix for all gates, in ONNX's order (input, output, forget, cell)."""
    coupled = bool(node.attributes.get("input_forget", 0))

    def rounds(chosen: Sequence[Activation], peep: bool) -> tuple[Round, ...]:
        return (lstm_round(*chosen, peep=peep, coupled=coupled),)

    add_recurrent(node, Cell(4, 2, False, ("Sigmoid", "Tanh", "Tanh"), rounds))


@lowering(
    "GRU",
    becomes=("crossbars", "layout"),
    limits="Constant weights, bias, and sequence_lens (1 or more steps each); no constant data.",
)
def gru(node: Node) -> None:
    """x W + Wb and h R + Rb stay apart, in ONNX's order of gates (update, reset, hidden): the reset gate scales the
    candidate's part of h R (linear_before_reset 1), or h, so that the arrays are read again for that part (0)."""
    once = bool(node.attributes.get("linear_before_reset", 0))

    def rounds(chosen: Sequence[Activation], _: bool) -> tuple[Round, ...]:
        return (gru_round(*chosen),) if once else gru_rounds(*chosen)

    add_recurrent(node, Cell(3, 1, True, ("Sigmoid", "Tanh"), rounds))


@lowering(
    "RNN",
    becomes=("crossbars", "layout"),
    limits="Constant weights, bias, and sequence_lens (1 or more steps each); no constant data.",
)
def rnn(node: Node) -> None:
    """The activation of the sums is the next hidden state."""
    add_recurrent(node, Cell(1, 1, False, ("Tanh",), lambda chosen, _: (rnn_round(*chosen),)))
