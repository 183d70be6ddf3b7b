"""The kinds of layer: matrix layers on crossbars, vector layers on the digital units, layout layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.graph.access import Access, Rows, Sliding
from archsim.graph.tensors import Array, Constant

Operand = str | Constant

Gates = Callable[[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...]], tuple[Array, ...]]
"""The sums of a round, the states before it and the peepholes, to the states after it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The integers, from `low` to `high`, that stand for the numbers of a tensor in a quantised network: a number is
    `scale` x (integer - `zero_point`)."""

    scale: float
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Something that reads tensors and writes `results`, in the order of the ONNX node's outputs.

    `operands` are the names of the tensors read and the constants used, in the order that `compute` takes
    them; `nodes` are the ONNX nodes that the layer stands for, its own first (none if it is a further step of
    a node that has a layer already).
    """

    name: str
    op: str
    operands: tuple[Operand, ...]
    results: tuple[str, ...]
    nodes: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors read, constants left out."""
        return tuple(operand for operand in self.operands if isinstance(operand, str))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The constants among the operands."""
        return tuple(operand for operand in self.operands if isinstance(operand, Constant))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixLayer(Layer):
    """A layer whose weights stand in crossbars: `windows` vectors of `rows` x `groups` values each give
    `outputs` sums.

    `operands` holds the one tensor read. `weights` has shape (groups, rows, outputs / groups); the rows of a
    convolution are in ONNX's order (channel, kernel axes). `bias` has shape (outputs,). Windows are numbered
    in raster order over batch and space; `channel_axis` is the axis of the result that holds the outputs.

    `grid` is known where the tensor read was quantised with the network. If the tensor holds the integers themselves,
    the layer reads them less their zero point, and its weights are integers as well; what is read outside of the map
    is the zero point.
    """

    rows: int
    outputs: int
    groups: int
    windows: int
    weights: Constant
    bias: Constant | None
    access: Sliding | Rows
    channel_axis: int
    grid: Grid | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included: rows (per group) x outputs (in all) x windows."""
        return self.rows * self.outputs * self.windows

    @property
    def parameters(self) -> int:
        """Elements of the weight matrix, biases apart."""
        return self.weights.elements

    @property
    def row_parts(self) -> tuple[int, ...]:
        """Rows (per group) that may share arrays, part after part: a sum over one part is never mixed with
        another's before it is converted."""
        return (self.rows,)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work on a step's gates that one kind of unit does (`elementwise` or `multiplier`), after the part
    before: `operations` of its lanes, and `additions` that a multiplier does along with its products."""

    unit: str
    operations: int
    additions: int = 0

    def times(self, units: int) -> Phase:
        """The same for so many hidden units."""
        return Phase(self.unit, self.operations * units, self.additions * units)


@dataclass(frozen=True, slots=True)
class Round:
    """A read of a recurrent layer's arrays and what follows it: `gates` maps the sums (..., outputs) and the states
    before to those after, of which the first is what the next round reads; `phases` are what that takes of the
    digital units for one window, one after the other. `enter` is what the arrays read in place of the hidden state
    (..., batch, hidden), where that is not the state itself."""

    gates: Gates
    phases: tuple[Phase, ...]
    enter: Callable[[Array], Array] | None = None

    @property
    def operations(self) -> int:
        """What a window takes of element-wise lanes that do the products and additions as well."""
        return sum(phase.operations + phase.additions for phase in self.phases)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecurrentLayer(MatrixLayer):
    """A matrix layer whose windows are the steps of `batch` sequences (LSTM, GRU, RNN): the rows of a window hold the
    input of a step and what the window before left, the hidden state. A step takes one window for each of `rounds`,
    one after the other; window (t x rounds + r) x `batch` + n is round r of step t of sequence n.

    `operands` are the input (steps x rounds, batch, features), zeros in all rounds but the first, and the first
    states (1, batch, `hidden`), the hidden state first; `results` are what all windows left (steps x rounds, 1, batch,
    hidden) and the states after the last step, in the order of the first ones. `weights` (1, features + hidden,
    outputs) are those of the input above those of the hidden state. With `apart`, the sums of the input, with `bias`,
    and those of the hidden state, with `recurrent_bias`, are two results of one read, which stand in arrays of their
    own. `peepholes`, each (hidden,), are what gates take of the cell state.

    Of sequence n the first `lengths[n]` steps count (None: all): later ones leave zeros and change no state.
    """

    batch: int
    hidden: int
    apart: bool
    recurrent_bias: Constant | None
    peepholes: tuple[Constant, ...]
    lengths: tuple[int, ...] | None
    rounds: tuple[Round, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all steps; where a step takes several rounds each weight is used in one of them."""
        return self.rows * self.outputs * (self.windows // len(self.rounds))

    @property
    def operations(self) -> int:
        """What all steps take of element-wise lanes that do the products and additions as well."""
        return self.windows // len(self.rounds) * sum(each.operations for each in self.rounds)

    @property
    def unit(self) -> str:
        """The kind of unit that computes the gates."""
        return "elementwise"

    @property
    def row_parts(self) -> tuple[int, ...]:
        """The rows of the input and those of the hidden state, where their sums stay apart."""
        return (self.rows - self.hidden, self.hidden) if self.apart else (self.rows,)

    def round_of(self, window: int) -> int:
        """Which of its step's rounds a window is."""
        return window // self.batch % len(self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorLayer(Layer):
    """A layer computed by the digital units of a tile: activations, pooling, element-wise operations.

    `unit` is the kind of unit that does it (`elementwise`, `multiplier` or `pool`), `operations` how many operations of
    one lane it takes in all, for the whole result, and `additions` how many more that a multiplier does along with its
    products. `products` are the multiply-accumulates among them of a product whose operands no crossbar holds, such as
    two activations. `compute` maps the operands' arrays to the result's.
    """

    access: Access
    unit: str
    operations: int
    additions: int = 0
    products: int = 0
    compute: Callable[..., Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayoutLayer(Layer):
    """A layer that only moves or repeats elements (Reshape, Transpose, Concat, Pad): wiring and addresses.

    `compute` maps the operands' arrays, of any element type, to the tuple of the results' arrays.
    """

    compute: Callable[..., tuple[Array, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FreeLayer(Layer):
    """An operation that the user asked to treat as free: it costs nothing and its values are unknown."""
