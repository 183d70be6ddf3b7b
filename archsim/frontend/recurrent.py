"""The layers of a recurrent node: one for each direction, behind and before layers that only move elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsim.frontend.builder import MAX_CONSTANT, Value
from archsim.frontend.dtypes import FLOATS
from archsim.frontend.gates import KINDS, Activation
from archsim.frontend.node import Node, as_operands
from archsim.graph import Constant, LayoutLayer, RecurrentLayer, Round, Rows, Tensor
from archsim.graph.tensors import Array

_INPUT, _INPUT_WEIGHTS, _HIDDEN_WEIGHTS, _BIAS, _LENGTHS, _FIRST_STATE, _PEEPHOLES = 0, 1, 2, 3, 4, 5, 7
"""The operands of all ops; the first cell state of an LSTM comes after its first hidden state."""

_DIRECTIONS = {"forward": ("forward",), "reverse": ("reverse",), "bidirectional": ("forward", "reverse")}


@dataclass(frozen=True, slots=True)
class Cell:
    """What tells one op from another: how many gates and states, whether the sums of input and hidden state stay
    apart, the default activations, and the rounds that chosen ones make (told whether there are peepholes)."""

    gates: int
    states: int
    apart: bool
    activations: tuple[str, ...]
    rounds: Callable[[Sequence[Activation], bool], tuple[Round, ...]]


def add_recurrent(node: Node, cell: Cell) -> None:
    """Add the layers of `node`. Raises `InputError` for what does not fit together."""
    layers = _layers(node, cell)
    names = [layers.add(number) for number in range(len(layers.directions))]
    if not layers.plain:
        layers.add_outputs(names)


def _layers(node: Node, cell: Cell) -> _Layers:
    data = node.value(_INPUT)
    if isinstance(data, Constant):
        raise node.error("a constant input", "an input computed at run time")
    node.require(data.dtype in FLOATS, f"data of type {data.dtype}", "floating-point numbers")
    batch_first, direction = bool(node.attributes.get("layout", 0)), node.attributes["direction"]
    axes = "(batch, steps, features)" if batch_first else "(steps, batch, features)"
    node.require(len(data.shape) == 3, f"data of shape {data.shape}", axes)
    node.require(direction in _DIRECTIONS, f"direction {direction}", ", ".join(_DIRECTIONS))
    steps, batch = (data.shape[1], data.shape[0]) if batch_first else data.shape[:2]
    hidden = _hidden(node, cell, len(_DIRECTIONS[direction]), data.shape[2])
    lengths = _lengths(node, steps, batch)
    peep = cell.states > 1 and node.optional(_PEEPHOLES) is not None
    chosen = _activations(node, cell.activations, len(_DIRECTIONS[direction]))
    rounds = tuple(cell.rounds(each, peep) for each in chosen)
    return _Layers(node, cell, data, _DIRECTIONS[direction], batch_first, steps, batch, hidden, lengths, peep, rounds)


@dataclass(frozen=True, slots=True)
class _Layers:
    """A node, read: `rounds` for each of its `directions`."""

    node: Node
    cell: Cell
    data: Tensor
    directions: tuple[str, ...]
    batch_first: bool
    steps: int
    batch: int
    hidden: int
    lengths: tuple[int, ...] | None
    peep: bool
    rounds: tuple[tuple[Round, ...], ...]

    @property
    def plain(self) -> bool:
        """Whether the one layer writes what the node does."""
        return self.directions == ("forward",) and not self.batch_first and len(self.rounds[0]) == 1

    def add(self, number: int) -> list[str]:
        """The layer of a direction; answers with the names of its results."""
        node, cell, features = self.node, self.cell, self.data.shape[2]
        outputs, rounds = cell.gates * self.hidden, self.rounds[number]
        name = node.name if len(self.directions) == 1 else f"{node.name} {self.directions[number]}"
        results = [f"{name} {each}" for each in ("Y", "Y_h", "Y_c")[: 1 + cell.states]]
        if self.plain:
            results[: len(node.outputs)] = [given or own for given, own in zip(node.outputs, results, strict=False)]
        bias, recurrent_bias = self._biases(number, outputs)
        windows = self.steps * len(rounds)
        operands = [self._input(number, name), *(self._first(number, state, name) for state in range(cell.states))]
        layer = RecurrentLayer(
            name=name,
            op=node.op,
            operands=as_operands(operands),
            results=tuple(results),
            nodes=() if number else (node.name,),
            rows=features + self.hidden,
            outputs=outputs,
            groups=1,
            windows=windows * self.batch,
            weights=self._weights(number),
            bias=bias,
            access=Rows(),
            channel_axis=3,
            batch=self.batch,
            hidden=self.hidden,
            apart=cell.apart,
            recurrent_bias=recurrent_bias,
            peepholes=self._peepholes(number),
            lengths=self.lengths,
            rounds=tuple(replace(each, phases=tuple(p.times(self.hidden) for p in each.phases)) for each in rounds),
        )
        node.builder.forms[name] = f"{node.op}, the other direction" if number else node.op
        shapes = [(windows, 1, self.batch, self.hidden), *[(1, self.batch, self.hidden)] * cell.states]
        tensors = [Tensor(name, shape, self.data.dtype) for name, shape in zip(results, shapes, strict=True)]
        node.builder.add_layer(layer, tuple(tensors))
        return results

    def _order(self, number: int) -> tuple[Array, Array] | None:
        """Where a direction's steps stand in the sequences, as (steps, batch): each sequence is reversed by itself,
        and what is behind its end stays there. None for the order as it is; the order back is the same."""
        if self.directions[number] == "forward":
            return None
        step, sequence = np.indices((self.steps, self.batch))
        lengths = np.array(self.lengths or (self.steps,) * self.batch)
        return np.where(step < lengths, lengths - 1 - step, step), sequence

    def _input(self, number: int, name: str) -> Tensor:
        """The input in the order of a direction's windows, zeros in all rounds of a step but the first."""
        order, rounds, swap = self._order(number), len(self.rounds[number]), self.batch_first
        if order is None and rounds == 1 and not swap:
            return self.data
        shape = (self.steps * rounds, self.batch, self.data.shape[2])

        def arrange(array: Array) -> tuple[Array, ...]:
            array = array.transpose(1, 0, 2) if swap else array
            spread = np.zeros(shape, array.dtype)
            spread[::rounds] = array if order is None else array[order]
            return (spread,)

        return self._moved(f"{name} input", [self.data], [Tensor(f"{name} X", shape, self.data.dtype)], arrange)[0]

    def _moved(
        self, name: str, operands: Sequence[Value], results: list[Tensor], compute: Callable[..., tuple[Array, ...]]
    ) -> list[Tensor]:
        """`results` of a layer that only moves elements."""
        layer = LayoutLayer(
            name=name,
            op=self.node.op,
            operands=as_operands(operands),
            results=tuple(result.name for result in results),
            nodes=(),
            compute=compute,
        )
        self.node.builder.add_layer(layer, tuple(results))
        return results

    def _first(self, number: int, state: int, name: str) -> Value:
        """The state before a direction's first step: zeros where the node has none. A constant made of one number is
        meant as it stands, it is no placeholder for trained numbers."""
        node, swap = self.node, self.batch_first
        shape, own = self._by_direction(self.batch, self.hidden), (1, self.batch, self.hidden)
        value, dtype = node.optional(_FIRST_STATE + state), self.data.dtype
        if value is None:
            return Constant(f"{name} state {_FIRST_STATE + state}", own, dtype, lambda: np.zeros(own, dtype))
        node.require(value.shape == shape, f"first state of shape {value.shape}", f"{shape}")
        _same_type(node, value, "first state")
        if isinstance(value, Constant):
            value = replace(value, placeholder=False)
        if shape == own and not swap:
            return value

        def pick(array: Array) -> Array:
            return (array.transpose(1, 0, 2) if swap else array)[number : number + 1]

        if isinstance(value, Constant):
            return value.map(pick, own)
        result = Tensor(f"{name} first {state}", own, dtype)
        return self._moved(f"{name} state {state}", [value], [result], lambda array: (pick(array),))[0]

    def _by_direction(self, batch: int, size: int) -> tuple[int, ...]:
        count = len(self.directions)
        return (batch, count, size) if self.batch_first else (count, batch, size)

    def _weights(self, number: int) -> Constant:
        """W above R, transposed to (1, features + hidden, gates x hidden)."""
        node, rows, outputs = self.node, self.data.shape[2] + self.hidden, self.cell.gates * self.hidden
        inner = node.weights(node.constant(_INPUT_WEIGHTS, "weights W"), rows)
        recurrent = node.weights(node.constant(_HIDDEN_WEIGHTS, "weights R"), rows)

        def fused() -> Array:
            both = np.concatenate([inner.load()[number], recurrent.load()[number]], axis=1)
            return both.T[None]

        placeholder = inner.placeholder or recurrent.placeholder
        key = f"{inner.key} | {recurrent.key}"
        return Constant(key, (1, rows, outputs), inner.dtype, fused, placeholder)

    def _biases(self, number: int, outputs: int) -> tuple[Constant | None, Constant | None]:
        """The bias of the input's sums and that of the hidden state's; their sum and None where the sums are one."""
        both = self._vector(_BIAS, "bias B", 2 * outputs)
        if both is None:
            return None, None
        if self.cell.apart:
            halves = (_cut(number, 0, outputs), _cut(number, outputs, 2 * outputs))
            return both.map(halves[0], (outputs,)), both.map(halves[1], (outputs,))
        return both.map(lambda array: array[number].reshape(2, outputs).sum(axis=0), (outputs,)), None

    def _peepholes(self, number: int) -> tuple[Constant, ...]:
        """Those of the input, output and forget gates."""
        size = self.hidden
        all_three = self._vector(_PEEPHOLES, "peepholes P", 3 * size) if self.peep else None
        if all_three is None:
            return ()
        starts = range(0, 3 * size, size)
        return tuple(all_three.map(_cut(number, at, at + size), (size,)) for at in starts)

    def _vector(self, index: int, what: str, size: int) -> Constant | None:
        """An operand with `size` numbers for each direction, if the node has it."""
        node, shape = self.node, (len(self.directions), size)
        if node.optional(index) is None:
            return None
        constant = node.neutral(node.constant(index, what), 0.0)
        node.require(constant.shape == shape, f"{what} of shape {constant.shape}", f"{shape}")
        _same_type(node, constant, what)
        return constant

    def add_outputs(self, names: Sequence[Sequence[str]]) -> None:
        """What the node writes, of the results of all directions: its steps in the order of the sequences."""
        wanted = [number for number, name in enumerate(self.node.outputs) if name]
        count, swap = len(self.directions), self.batch_first
        steps_shape = (self.batch, self.steps, count, self.hidden) if swap else (
            self.steps, count, self.batch, self.hidden
        )  # fmt: skip
        shapes = [steps_shape, *[self._by_direction(self.batch, self.hidden)] * self.cell.states]
        results = [Tensor(self.node.outputs[number], shapes[number], self.data.dtype) for number in wanted]
        operands = [self.node.builder.tensors[each[number]] for number in wanted for each in names]

        def gather(*arrays: Array) -> tuple[Array, ...]:
            parts = [list(arrays[at : at + count]) for at in range(0, len(arrays), count)]
            if wanted and wanted[0] == 0:
                parts[0] = [self._in_sequence(number, array) for number, array in enumerate(parts[0])]
            joined = [np.concatenate(each, axis=each[0].ndim - 3) for each in parts]
            return tuple(np.moveaxis(each, -2, 0) for each in joined) if swap else tuple(joined)

        self._moved(f"{self.node.name} outputs", operands, results, gather)

    def _in_sequence(self, number: int, array: Array) -> Array:
        """What a direction leaves, (windows, 1, batch, hidden), as its steps (steps, 1, batch, hidden)."""
        order, rounds = self._order(number), len(self.rounds[number])
        last = array[rounds - 1 :: rounds]
        return last if order is None else last[order[0], 0, order[1]][:, None]


def _hidden(node: Node, cell: Cell, directions: int, features: int) -> int:
    """The hidden size; W and R of all directions have shapes of it."""
    inner, recurrent = node.constant(_INPUT_WEIGHTS, "weights W"), node.constant(_HIDDEN_WEIGHTS, "weights R")
    hidden = int(node.attributes.get("hidden_size", recurrent.shape[-1] if recurrent.shape else 0))
    node.require(hidden >= 1, f"hidden_size {hidden}", "1 or more")
    outputs, rows = cell.gates * hidden, features + hidden
    held = directions * rows * outputs
    node.require(held <= MAX_CONSTANT, f"{held} weights", f"at most {MAX_CONSTANT}")
    for name, constant, size in (("W", inner, features), ("R", recurrent, hidden)):
        shape = (directions, outputs, size)
        node.require(constant.shape == shape, f"weights {name} of shape {constant.shape}", f"{shape}")
        _same_type(node, constant, f"weights {name}")
    return hidden


def _lengths(node: Node, steps: int, batch: int) -> tuple[int, ...] | None:
    """How many steps of each sequence count; None where all do."""
    if node.optional(_LENGTHS) is None:
        return None
    lengths = node.integers(_LENGTHS, "sequence_lens")
    node.require(len(lengths) == batch, f"sequence_lens {lengths}", f"{batch} lengths")
    node.require(min(lengths) >= 1 and max(lengths) <= steps, f"sequence_lens {lengths}", f"lengths of 1 to {steps}")
    return None if set(lengths) == {steps} else lengths


def _activations(node: Node, default: tuple[str, ...], directions: int) -> list[list[Activation]]:
    """The activations of each direction; alpha and beta go to those that take them, in their order, as long as there
    are any."""
    attributes = node.attributes
    given = [each.decode("utf-8", "replace") for each in attributes.get("activations", ())]
    if given in ([], [*default] * 2):  # ONNX writes the default of RNN for two directions.
        given = [*default] * directions
    count = len(default) * directions
    node.require(len(given) == count, f"activations {', '.join(given)}", f"{count} activations")
    known = {name.lower(): kind for name, kind in KINDS.items()}
    left = [list(attributes.get(name) or ()) for name in ("activation_alpha", "activation_beta")]
    clip = attributes.get("clip")
    node.require(clip is None or clip > 0, f"clip {clip}", "a limit above 0")
    chosen = []
    for name in given:
        node.require(name.lower() in known, f"activation {name}", f"one of {', '.join(KINDS)}")
        kind = known[name.lower()]
        numbers = [more.pop(0) if more else number for more, number in zip(left, kind.defaults, strict=False)]
        missing = f"activation {name} without alpha or beta"
        node.require(None not in numbers, missing, "both: ONNX has no default for them")
        chosen.append(Activation(kind.make(*numbers), kind.operations, clip))
    each = len(default)
    return [chosen[start : start + each] for start in range(0, count, each)]


def _cut(row: int, start: int, stop: int) -> Callable[[Array], Array]:
    return lambda array: array[row, start:stop]


def _same_type(node: Node, value: Value, what: str) -> None:
    dtype = node.value(_INPUT).dtype
    node.require(value.dtype == dtype, f"{what} of type {value.dtype}", f"the data's type {dtype}")
