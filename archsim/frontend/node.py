"""What a lowering sees of an ONNX node: attributes with defaults, operands with concrete shapes, ways to answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from archsim.errors import InputError, input_error
from archsim.frontend.attributes import Attributes
from archsim.frontend.builder import SMALL, Builder, Value
from archsim.frontend.inputs import Shape
from archsim.frontend.random_weights import filled, he_normal
from archsim.frontend.unsettled import UnsettledError
from archsim.graph import Access, Constant, LayoutLayer, Pointwise, Tensor, VectorLayer
from archsim.graph.layers import Operand
from archsim.graph.tensors import Array


@dataclass(frozen=True, slots=True)
class Node:
    """One node; `inputs` has None where an optional input is absent, `outputs` an empty name likewise."""

    name: str
    op: str
    version: int
    attributes: Attributes
    inputs: tuple[Value | None, ...]
    input_names: tuple[str, ...]
    outputs: tuple[str, ...]
    builder: Builder

    def error(self, value: object, expected: str) -> InputError:
        """The error that something about this node is wrong."""
        return input_error(self.builder.source, f"node {self.name!r} ({self.op})", value=value, expected=expected)

    def require(self, condition: bool, value: object, expected: str) -> None:
        """Raise `error` unless `condition` holds."""
        if not condition:
            raise self.error(value, expected)

    def optional(self, index: int) -> Value | None:
        """The operand, or None where the node leaves it out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int) -> Value:
        """The operand, be it a tensor or a constant."""
        value = self.optional(index)
        if value is None:
            raise self.error(f"no input {index}", "that input")
        return value

    def constant(self, index: int, what: str) -> Constant:
        """The operand if it is constant; `what` names it in the error."""
        value = self.value(index)
        if isinstance(value, Constant):
            return value
        if (given := self.builder.given_constant(value)) is not None:
            return given
        shown, expected = f"{what} {value.name!r} computed at run time", f"constant {what}"
        if self.builder.feeds(value):
            shown = f"{what} {value.name!r}, a graph input without an initializer"
            expected += ": export the model with its parameters stored as initializers"
        raise UnsettledError(*self.error(shown, expected).problems)

    def numbers(self, index: int, what: str) -> Array:
        """The elements of a small constant operand, flattened."""
        constant = self.constant(index, what)
        self.require(constant.elements <= SMALL, f"{what} of {constant.elements} elements", f"at most {SMALL}")
        return constant.load().reshape(-1)

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """The elements of a small constant operand of whole numbers."""
        return tuple(int(number) for number in self.numbers(index, what))

    def setting(self, index: int, name: str) -> tuple[int, ...] | None:
        """Integers that older opsets give as attribute `name` and newer ones as input `index`; None if absent."""
        if name in self.attributes:
            return tuple(self.attributes[name])
        return None if self.optional(index) is None else self.integers(index, name)

    def scalar(self, index: int, what: str) -> float | None:
        """The one number of a constant operand, or None where the node leaves it out."""
        if self.optional(index) is None:
            return None
        array = self.numbers(index, what)
        self.require(array.size == 1, f"{what} of {array.size} elements", "one number")
        return float(array[0]) if array.dtype.kind == "f" else int(array[0])

    def broadcast(self, *, one_type: bool = True) -> tuple[list[Value], Shape]:
        """All operands, and the shape that they have together under numpy's broadcasting."""
        values = [self.value(index) for index in range(len(self.inputs))]
        for value in values:
            same = value.dtype == values[0].dtype or not one_type
            self.require(same, f"types {values[0].dtype} and {value.dtype}", "one element type")
        try:
            return values, np.broadcast_shapes(*(value.shape for value in values))
        except ValueError:
            shown = ", ".join(str(value.shape) for value in values)
            raise self.error(f"operands of shapes {shown}", "shapes that broadcast") from None

    def axis(self, axis: int, rank: int, *, end: bool = False) -> int:
        """`axis` counted from the front; `end` allows `rank` itself."""
        self.require(-rank <= axis < rank + end, f"axis {axis}", f"{-rank} to {rank - 1 + end}")
        return axis + rank if axis < 0 else axis

    def axes(self, axes: Sequence[int], rank: int) -> tuple[int, ...]:
        """`axes` counted from the front, each once, sorted."""
        result = tuple(sorted(self.axis(axis, rank) for axis in axes))
        self.require(len(set(result)) == len(result), f"axes {tuple(axes)}", "each axis once")
        return result

    def weights(self, constant: Constant, fan_in: int) -> Constant:
        """Matrix weights; placeholders become seeded random numbers if the user asked for them."""
        seed = self.builder.seed
        return he_normal(constant, seed, fan_in) if constant.placeholder and seed is not None else constant

    def neutral(self, constant: Constant, number: float) -> Constant:
        """Numbers beside the weights; with random weights, placeholders become `number`."""
        return filled(constant, number) if constant.placeholder and self.builder.seed is not None else constant

    def alias(self) -> None:
        """The first output is the first input, unchanged."""
        value = self.value(0)
        if isinstance(value, Tensor) and self.outputs[0] in self.builder.outputs:
            self.layout([value], [value.shape], lambda array: (array,))
        else:
            self.builder.values[self.outputs[0]] = value
            self.builder.folded.append(self.name)

    def define(self, array: Array) -> None:
        """The first output is a constant known now."""
        self.builder.fold(self.name, (), (self._result(0, array.shape, str(array.dtype)),), lambda: (array,))

    def layout(
        self,
        operands: Sequence[Value],
        shapes: Sequence[Shape],
        compute: Callable[..., tuple[Array, ...]],
        dtype: str | None = None,
    ) -> None:
        """The outputs hold moved or repeated elements of `operands`; constants are folded, and so are outputs
        without elements, which nothing need be known for."""
        results = tuple(self._result(index, shape, dtype or operands[0].dtype) for index, shape in enumerate(shapes))
        if constants := all_constant(operands):
            self.builder.fold(self.name, constants, results, compute)
            return
        filled = [index for index, result in enumerate(results) if result.elements]
        self.builder.define_empty(result for result in results if not result.elements)
        if not filled:
            self.builder.folded.append(self.name)
            return
        if len(filled) < len(results):
            results, whole = tuple(results[index] for index in filled), compute

            def compute(*arrays: Array) -> tuple[Array, ...]:
                computed = whole(*arrays)
                return tuple(computed[index] for index in filled)

        layer = LayoutLayer(
            name=self.name,
            op=self.op,
            operands=as_operands(operands),
            results=tuple(result.name for result in results),
            nodes=(self.name,),
            compute=compute,
        )
        self.builder.add_layer(layer, results)

    def vector(
        self,
        operands: Sequence[Value],
        shape: Shape,
        compute: Callable[..., Array],
        *,
        operations: int,
        access: Access,
        additions: int = 0,
        products: int = 0,
        unit: str = "elementwise",
        dtype: str | None = None,
        index: int = 0,
        part: str = "",
        op: str = "",
    ) -> None:
        """Output `index` is computed by the digital units, in `operations` lane operations, and `additions` more that
        a multiplier does along with its products, `products` of them multiply-accumulates of two activations; constants
        are folded.

        `part` names a further step of a node that something stands for already, `op` what it does if not the
        node's own op."""
        result = self._result(index, shape, dtype or operands[0].dtype)

        def typed(*arrays: Array) -> Array:
            return np.asarray(compute(*arrays), dtype=result.dtype)

        if constants := all_constant(operands):
            self.builder.fold(self.name, constants, (result,), lambda *arrays: (typed(*arrays),), further=bool(part))
            return
        if not result.elements:
            self.builder.define_empty([result])
            self.builder.folded += [] if part else [self.name]
            return
        layer = VectorLayer(
            name=f"{self.name} {part}" if part else self.name,
            op=op or self.op,
            operands=as_operands(operands),
            results=(result.name,),
            nodes=() if part else (self.name,),
            access=access,
            unit=unit,
            operations=operations,
            additions=additions,
            products=products,
            compute=typed,
        )
        self.builder.add_layer(layer, (result,))

    def elementwise(
        self, compute: Callable[[Array], Array], *, per_element: int = 1, more: int = 0, mixes: Shape = ()
    ) -> None:
        """The first output has the shape of the first input and takes `per_element` operations an element and `more`
        in all."""
        value = self.value(0)
        operations = per_element * math.prod(value.shape) + more
        self.vector([value], value.shape, compute, operations=operations, access=Pointwise(mixes))

    def _result(self, index: int, shape: Shape, dtype: str) -> Tensor:
        return Tensor(self.outputs[index], tuple(int(size) for size in shape), dtype)


def all_constant(operands: Sequence[Value]) -> tuple[Constant, ...]:
    """The operands if every one is a constant, else nothing."""
    constants = tuple(operand for operand in operands if isinstance(operand, Constant))
    return constants if len(constants) == len(operands) else ()


def as_operands(operands: Sequence[Value]) -> tuple[Operand, ...]:
    """Operands as layers hold them: tensors by name."""
    return tuple(operand.name if isinstance(operand, Tensor) else operand for operand in operands)
