"""The kinds of layer: matrix layers on crossbars, vector layers on the digital units, layout layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.graph.access import Access, Rows, Sliding
from archsim.graph.tensors import Array, Constant

Operand = str | Constant

Step = Callable[[tuple[Array, ...], tuple[Array, ...]], tuple[Array, ...]]
"""The sums of a step and the states before it, to the states after it."""


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecurrentLayer(MatrixLayer):
    """A matrix layer whose windows are the steps of `batch` sequences (LSTM, GRU): the rows of a step hold its
    input and the hidden state that the step before left. Window t x `batch` + n is step t of sequence n.

    `operands` are the input (steps, batch, features) and the first states (1, batch, `hidden`), the hidden state
    first; `results` are the hidden states of all steps (steps, 1, batch, hidden) and the states after the last, in
    the order of the first ones. `weights` (1, features + hidden, outputs) are those of the input above those of the
    hidden state. With `apart`, the sums of the input, with `bias`, and those of the hidden state, with
    `recurrent_bias`, are two results of one read, which stand in arrays of their own.

    `step` maps the sums (..., outputs) of a step and its states (..., hidden) to the states that follow; `phases` are
    what that takes of the digital units for one step, one after the other.
    """

    batch: int
    hidden: int
    apart: bool
    recurrent_bias: Constant | None
    phases: tuple[Phase, ...]
    step: Step

    @property
    def operations(self) -> int:
        """What all steps take of element-wise lanes that do the products and additions as well."""
        return self.windows * sum(phase.operations + phase.additions for phase in self.phases)

    @property
    def unit(self) -> str:
        """The kind of unit that computes the gates."""
        return "elementwise"

    @property
    def row_parts(self) -> tuple[int, ...]:
        """The rows of the input and those of the hidden state, where their sums stay apart."""
        return (self.rows - self.hidden, self.hidden) if self.apart else (self.rows,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorLayer(Layer):
    """A layer computed by the digital units of a tile: activations, pooling, element-wise operations.

    `unit` is the kind of unit that does it (`elementwise`, `multiplier` or `pool`), `operations` how many operations of
    one lane it takes in all, for the whole result, and `additions` how many more that a multiplier does along with its
    products. `compute` maps the operands' arrays to the result's.
    """

    access: Access
    unit: str
    operations: int
    additions: int = 0
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
