"""Recurrent layers, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from archsim.graph import Constant, MatrixLayer, RecurrentLayer, Rows
from archsim.graph.tensors import Array
from archsim.values.windows import MatrixRule


def unrolled(layer: RecurrentLayer, operands: tuple[Array, ...], rule: MatrixRule) -> list[Array]:
    """The results of a recurrent layer, each (batches, *shape), for its operands, each (batches, *shape).

    `rule` multiplies one window of each sequence at a time, of all batches together; states are rounded to the type of
    the input after every round.
    """
    data, *first = operands
    states = tuple(state[:, 0] for state in first)
    matrices = list(step_matrices(layer))
    peepholes = tuple(constant.load() for constant in layer.peepholes)
    rounds = len(layer.rounds)
    every = []
    for window in range(data.shape[1]):
        step, number = divmod(window, rounds)
        if number == 0:
            before = states
        enter = layer.rounds[number].enter
        values = np.concatenate([data[:, window], enter(states[0]) if enter else states[0]], axis=-1)
        sums = tuple(rule(matrix, values[..., rows], (layer.batch, layer.outputs)) for matrix, rows in matrices)
        states = tuple(state.astype(data.dtype) for state in layer.rounds[number].gates(sums, states, peepholes))
        left = states[0]
        if layer.lengths is not None:
            goes_on = (np.array(layer.lengths) > step)[:, None]
            left = np.where(goes_on, left, 0).astype(data.dtype)
            if number == rounds - 1:
                states = tuple(np.where(goes_on, *each) for each in zip(states, before, strict=True))
        every.append(left)
    return [np.stack(every, axis=1)[:, :, None], *(state[:, None] for state in states)]


def step_matrices(layer: RecurrentLayer) -> Iterator[tuple[MatrixLayer, slice]]:
    """The matrix layers that make a step, with the rows of the window that each reads: one, or one for the input and
    one for the hidden state where their sums stay apart. Their inputs have one scale."""
    biases = (layer.bias, layer.recurrent_bias)
    names = (f"{layer.name} input", f"{layer.name} hidden state") if layer.apart else (layer.name,)
    for name, bias, end, size in zip(names, biases, accumulate(layer.row_parts), layer.row_parts, strict=False):
        rows = slice(end - size, end)
        matrix = MatrixLayer(
            name=name,
            op=layer.op,
            operands=(f"{layer.name} window",),
            results=(f"{name} sums",),
            nodes=(),
            rows=size,
            outputs=layer.outputs,
            groups=1,
            windows=layer.batch,
            weights=_part(layer.weights, rows),
            bias=bias,
            access=Rows(),
            channel_axis=1,
        )
        yield matrix, rows


def _part(weights: Constant, rows: slice) -> Constant:
    """The rows of a matrix (1, rows, outputs) as a matrix with a key of its own."""
    return Constant(
        f"{weights.key} rows {rows.start} to {rows.stop}",
        (1, rows.stop - rows.start, weights.shape[2]),
        weights.dtype,
        lambda: weights.load()[:, rows],
        weights.placeholder,
    )
