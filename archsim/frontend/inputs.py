"""The graph's inputs with concrete shapes: dynamic dimensions are bound by the user, or by rule for the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

import onnx

from archsim.errors import InputError, Problem, nearest_name
from archsim.frontend.dtypes import NUMPY_NAMES, onnx_name
from archsim.graph import Tensor

MAX_ELEMENTS = 2**40
"""More than any machine holds: a larger tensor is a mistake in the model."""

MAX_RANK = 32
"""The most axes that every supported numpy can handle."""

Shape = tuple[int, ...]

Fed = Callable[[Sequence[str]], Mapping[str, Shape]]
"""The shapes of the arrays that will feed inputs of these names, where there are any; asked if need be alone."""


def bound_inputs(
    graph: onnx.GraphProto,
    stored: frozenset[str],
    shapes: Mapping[str, Shape],
    source: str,
    given: Collection[str] = (),
    fed: Fed | None = None,
) -> tuple[Tensor, ...]:
    """The tensors the user feeds (initializers listed as inputs are not among them), with concrete shapes.

    A dynamic dimension takes its size from `shapes` (input name to whole shape), else from another input that
    has the same dimension name, else from the arrays that `fed` knows (samples, with or without the batch before
    them); the first axis alone, the batch, is 1 by default. Inputs whose numbers are
    `given` may have no elements (no axes to reduce, say).
    """
    values = [value for value in graph.input if value.name not in stored]
    names = [value.name for value in values]
    if not values:
        raise InputError(Problem(source, "graph", "no inputs", "at least one input that is not an initializer"))
    problems = [
        Problem(source, "--shape", name, f"one of the inputs {', '.join(names)}", nearest_name(name, names))
        for name in shapes
        if name not in names
    ]
    problems += [
        Problem(source, f"input {name!r}", "a second one", "each name once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    problems += [problem for value in values if (problem := _type_problem(value, source))]
    if problems:
        raise InputError(*problems)
    binding = _Binding(source, shapes, given, lambda: fed(names) if fed else {})
    for value in values:
        binding.bind_given(value)
    for value in values:
        binding.bind_batch(value)
    tensors = tuple(binding.tensor(value) for value in values)
    if binding.problems:
        raise InputError(*binding.problems)
    return tensors


def _type_problem(value: onnx.ValueInfoProto, source: str) -> Problem | None:
    place = f"input {value.name!r}"
    if value.type.WhichOneof("value") != "tensor_type":
        return Problem(source, place, str(value.type.WhichOneof("value")), "a tensor")
    number = value.type.tensor_type.elem_type
    if number not in NUMPY_NAMES:
        return Problem(source, place, f"element type {onnx_name(number)}", ", ".join(NUMPY_NAMES.values()))
    return None


class _Binding:
    """Sizes of dynamic dimensions found so far, by dimension name, and what was wrong."""

    def __init__(
        self,
        source: str,
        shapes: Mapping[str, Shape],
        known: Collection[str],
        fed: Callable[[], Mapping[str, Shape]],
    ) -> None:
        self.source = source
        self.shapes = shapes
        self.known = known
        self._ask_fed = fed
        self.symbols: dict[str, int] = {}
        self.problems: list[Problem] = []

    def bind_given(self, value: onnx.ValueInfoProto) -> None:
        """Take the sizes that the user gave for an input, checked against those the model fixes."""
        given = self.shapes.get(value.name)
        if given is None:
            return
        declared = value.type.tensor_type
        dims = declared.shape.dim
        if declared.HasField("shape") and len(dims) != len(given):
            self._wrong(
                value, f"{','.join(map(str, given))}, {len(given)} axes", f"{len(dims)} axes: {_declared(value)}"
            )
            return
        for axis, size in enumerate(given):
            if size < 1 and value.name not in self.known:
                self._wrong(value, f"size {size} in axis {axis}", "1 or more")
            elif axis < len(dims) and (fixed := self._fixed(dims[axis], size)) != size:
                name = dims[axis].dim_param
                why = f"the size that {name!r} has already" if name else "as in the model"
                self._wrong(value, f"size {size} in axis {axis}", f"{fixed}, {why}: {_declared(value)}")

    def _fixed(self, dim: onnx.TensorShapeProto.Dimension, size: int) -> int:
        """The size a dimension must have: the model's, that given for the same name before, else `size`."""
        if _is_fixed(dim):
            return int(dim.dim_value)
        return self.symbols.setdefault(_symbol(dim), size) if _symbol(dim) else size

    def bind_batch(self, value: onnx.ValueInfoProto) -> None:
        """Let a named first axis be 1 if nothing else says what it is."""
        dims = value.type.tensor_type.shape.dim
        if value.name not in self.shapes and dims and _symbol(dims[0]):
            self.symbols.setdefault(_symbol(dims[0]), 1)

    def tensor(self, value: onnx.ValueInfoProto) -> Tensor:
        """The input with its concrete shape; sizes nobody knows are noted as problems."""
        declared = value.type.tensor_type
        dtype = NUMPY_NAMES[declared.elem_type]
        if value.name in self.shapes:
            shape = self.shapes[value.name]
        elif not declared.HasField("shape"):
            self._unbound(value, "no shape")
            shape = ()
        else:
            shape = tuple(self._size(value, axis) for axis in range(len(declared.shape.dim)))
        if len(shape) > MAX_RANK or math.prod(shape) > MAX_ELEMENTS:
            shown = ",".join(map(str, shape))
            self._wrong(value, shown, f"at most {MAX_RANK} axes and {MAX_ELEMENTS} elements")
        return Tensor(value.name, tuple(shape), dtype)

    def _size(self, value: onnx.ValueInfoProto, axis: int) -> int:
        dim = value.type.tensor_type.shape.dim[axis]
        if _is_fixed(dim):
            return int(dim.dim_value)
        if _symbol(dim) in self.symbols:
            return self.symbols[_symbol(dim)]
        if axis > 0 and (size := self._fed_size(value, axis)):
            return self.symbols.setdefault(_symbol(dim), size) if _symbol(dim) else size
        if axis > 0:
            self._unbound(value, f"dynamic dimension {dim.dim_param or axis!r} (axis {axis} of {_declared(value)})")
        return 1

    @cached_property
    def _fed(self) -> Mapping[str, Shape]:
        return self._ask_fed()

    def _fed_size(self, value: onnx.ValueInfoProto, axis: int) -> int | None:
        """The size of an axis behind the first in the array that feeds the input."""
        shape, rank = self._fed.get(value.name, ()), len(value.type.tensor_type.shape.dim)
        behind = axis - rank + len(shape)
        return shape[behind] if len(shape) in (rank, rank - 1) and behind >= 0 else None

    def _unbound(self, value: onnx.ValueInfoProto, what: str) -> None:
        expected = f"its size: --shape {value.name}=D,D,.."
        self.problems.append(Problem(self.source, f"input {value.name!r}", what, expected))

    def _wrong(self, value: onnx.ValueInfoProto, shown: str, expected: str) -> None:
        self.problems.append(Problem(self.source, f"--shape {value.name}", shown, expected))


def _is_fixed(dim: onnx.TensorShapeProto.Dimension) -> bool:
    """Whether the model says the size; exporters also write -1 for a dynamic one."""
    return bool(dim.WhichOneof("value") == "dim_value" and dim.dim_value >= 0)


def _symbol(dim: onnx.TensorShapeProto.Dimension) -> str:
    """The name that stands for one size wherever it appears; exporters also write `?`, which stands for none."""
    return "" if dim.dim_param == "?" else str(dim.dim_param)


def _declared(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return "[" + ", ".join(str(dim.dim_value) if _is_fixed(dim) else dim.dim_param or "?" for dim in dims) + "]"
