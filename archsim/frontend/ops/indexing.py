"""Elements picked and put by indices. Constant indices are wiring: a layout layer, which takes no operation. Indices
computed at run time take one operation for each element that they move, its address, and wait for all operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Constant, Whole
from archsim.graph.tensors import Array

_MOST_INDICES = 1 << 24
"""Constant indices that are read with the model."""

Bounds = tuple[Sequence[int], Sequence[int]]
"""The least index and the one behind the largest, for each number of an index tuple or for all alike."""


def _moved(
    node: Node,
    operands: Sequence[Value],
    indices: Value,
    shape: Shape,
    compute: Callable[..., Array],
    *,
    moves: int,
    bounds: Bounds,
) -> None:
    """The first output, of `shape`, holds elements of `operands`, placed by `indices`, the last argument of
    `compute`; `moves` counts those that are placed. Indices out of `bounds` raise `InputError`: constant ones on
    import, others when they are there."""

    def checked(*arrays: Array) -> Array:
        _require_inside(node, arrays[-1], bounds)
        return compute(*arrays)

    if not isinstance(indices, Constant):
        node.vector([*operands, indices], shape, checked, operations=moves, access=Whole())
        return
    numbers = _read(node, indices, bounds)
    node.layout(operands, [shape], lambda *arrays: (compute(*arrays, numbers),))


def _read(node: Node, indices: Constant, bounds: Bounds) -> Array:
    few = indices.elements <= _MOST_INDICES
    node.require(few, f"{indices.elements} constant indices", f"at most {_MOST_INDICES}")
    numbers = indices.load()
    _require_inside(node, numbers, bounds)
    return numbers


def _require_inside(node: Node, numbers: Array, bounds: Bounds) -> None:
    least, end = (np.array(bound) for bound in bounds)
    wrong = (numbers < least) | (numbers >= end)
    if wrong.any():
        number = numbers[wrong].flat[0]
        low, high = (int(np.broadcast_to(bound, numbers.shape)[wrong].flat[0]) for bound in (least, end))
        raise node.error(f"index {number}", f"{low} to {high - 1}")


def _from_both_ends(*sizes: int) -> Bounds:
    return [-size for size in sizes], sizes


@lowering("Gather", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def gather(node: Node) -> None:
    """Elements along `axis`."""
    value, indices = node.value(0), node.value(1)
    axis = node.axis(node.attributes["axis"], len(value.shape))
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])

    def compute(array: Array, numbers: Array) -> Array:
        return np.asarray(np.take(array, numbers, axis=axis))

    bounds = _from_both_ends(value.shape[axis])
    _moved(node, [value], indices, shape, compute, moves=math.prod(shape), bounds=bounds)


def _along(node: Node, value: Value, indices: Value) -> int:
    """The axis that the indices count along; along the others they cover a part of the data at most."""
    rank = len(value.shape)
    axis = node.axis(node.attributes["axis"], rank)
    fits = len(indices.shape) == rank and all(
        own <= size or place == axis for place, (own, size) in enumerate(zip(indices.shape, value.shape, strict=True))
    )
    node.require(fits, f"indices of shape {indices.shape}", f"{rank} axes, none but axis {axis} beyond {value.shape}")
    return axis


@lowering("GatherElements", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def gather_elements(node: Node) -> None:
    """Each element at its own place but for `axis`, where the index says which."""
    value, indices = node.value(0), node.value(1)
    axis = _along(node, value, indices)

    def compute(array: Array, numbers: Array) -> Array:
        return np.asarray(array[_places(numbers, axis)])

    bounds = _from_both_ends(value.shape[axis])
    _moved(node, [value], indices, indices.shape, compute, moves=math.prod(indices.shape), bounds=bounds)


def _places(numbers: Array, axis: int) -> tuple[Array, ...]:
    places: list[Array] = list(np.indices(numbers.shape, sparse=True))
    places[axis] = numbers
    return tuple(places)


@lowering("GatherND", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def gather_nd(node: Node) -> None:
    """The slices of the data that the index tuples in the last axis name, one by one for each of the first
    `batch_dims` axes together."""
    value, indices, batch = node.value(0), node.value(1), node.attributes.get("batch_dims", 0)
    fits = len(indices.shape) > 0 and 0 <= batch < min(len(value.shape), len(indices.shape))
    node.require(fits, f"batch_dims {batch}", f"less than the axes of {value.shape} and {indices.shape}")
    depth = indices.shape[-1]
    node.require(
        value.shape[:batch] == indices.shape[:batch], f"shapes {value.shape}, {indices.shape}", "equal batches"
    )
    fits = 0 < depth <= len(value.shape) - batch
    node.require(fits, f"index tuples of {depth}", f"1 to {len(value.shape) - batch} numbers")
    shape = (*indices.shape[:-1], *value.shape[batch + depth :])
    ahead = indices.shape[batch:-1]

    def compute(array: Array, numbers: Array) -> Array:
        samples: list[Array] = list(np.indices(array.shape[:batch], sparse=True))
        behind = (1,) * len(ahead)
        own = [sample.reshape(*sample.shape, *behind) for sample in samples]
        return np.asarray(array[(*own, *np.moveaxis(numbers, -1, 0))])

    bounds = _from_both_ends(*value.shape[batch : batch + depth])
    _moved(node, [value], indices, shape, compute, moves=math.prod(shape), bounds=bounds)


_REDUCTIONS: dict[str, np.ufunc] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _scattered(node: Node, shape: Shape, places: Callable[[Array], tuple[Array, ...]], bounds: Bounds) -> None:
    """The data with `updates` in some places: by a `reduction`, one operation of it for each update, else as they
    are, the last where several go to one place."""
    value, indices, updates = node.value(0), node.value(1), node.value(2)
    reduction = node.attributes.get("reduction", "none")
    known = (*_REDUCTIONS, "none")
    node.require(reduction in known, f"reduction {reduction}", ", ".join(known))
    node.require(updates.shape == shape, f"updates of shape {updates.shape}", f"{shape}")
    node.require(updates.dtype == value.dtype, f"updates of type {updates.dtype}", f"the data's type {value.dtype}")
    moves = math.prod(shape)

    def compute(array: Array, new: Array, numbers: Array) -> Array:
        result = array.copy()
        if reduction == "none":
            result[places(numbers)] = new
        else:
            _REDUCTIONS[reduction].at(result, places(numbers), new)
        return result

    if reduction == "none" or not isinstance(indices, Constant):
        moves *= 1 if reduction == "none" else 2
        _moved(node, [value, updates], indices, value.shape, compute, moves=moves, bounds=bounds)
        return
    numbers = _read(node, indices, bounds)
    node.vector(
        [value, updates],
        value.shape,
        lambda array, new: compute(array, new, numbers),
        operations=moves,
        access=Whole(),
    )


@lowering("ScatterElements", "Scatter", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def scatter_elements(node: Node) -> None:
    """Each update goes to its own place but for `axis`, where the index says which."""
    axis = _along(node, node.value(0), node.value(1))
    bounds = _from_both_ends(node.value(0).shape[axis])
    _scattered(node, node.value(1).shape, lambda numbers: _places(numbers, axis), bounds)


@lowering("ScatterND", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def scatter_nd(node: Node) -> None:
    """Updates go to the slices of the data that the index tuples in the last axis name."""
    value, indices = node.value(0), node.value(1)
    depth = indices.shape[-1] if indices.shape else 0
    node.require(0 < depth <= len(value.shape), f"index tuples of {depth}", f"1 to {len(value.shape)} numbers")
    shape = (*indices.shape[:-1], *value.shape[depth:])
    bounds = _from_both_ends(*value.shape[:depth])
    _scattered(node, shape, lambda numbers: tuple(np.moveaxis(numbers, -1, 0)), bounds)


@lowering("TensorScatter", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def tensor_scatter(node: Node) -> None:
    """A cache with an update written into it along `axis`, from the place on that `write_indices` names for each
    sample (by default the first), round and round in mode `circular`."""
    value, updates, mode = node.value(0), node.value(1), node.attributes["mode"]
    rank = len(value.shape)
    axis = node.axis(node.attributes["axis"], rank)
    node.require(mode in ("linear", "circular"), f"mode {mode}", "linear or circular")
    node.require(axis > 0, f"axis {axis}", "an axis behind the first, the samples")
    fits = len(updates.shape) == rank and all(
        new <= size if place == axis else new == size
        for place, (new, size) in enumerate(zip(updates.shape, value.shape, strict=True))
    )
    node.require(fits, f"an update of shape {updates.shape}", f"one that fits into {value.shape} along axis {axis}")
    first = node.optional(2)
    indices = Constant(f"{node.name} first", (value.shape[0],), "int64", lambda: np.zeros(value.shape[0], np.int64))
    starts: Value = indices if first is None else first
    node.require(starts.shape == (value.shape[0],), f"write_indices of shape {starts.shape}", f"({value.shape[0]},)")

    def compute(array: Array, new: Array, numbers: Array) -> Array:
        places: list[Array] = list(np.indices(new.shape, sparse=True))
        places[axis] = places[axis] + numbers.reshape(-1, *(1,) * (rank - 1))
        if mode == "circular":
            places[axis] = places[axis] % array.shape[axis]
        result = array.copy()
        result[tuple(places)] = new
        return result

    room = value.shape[axis] - updates.shape[axis] + 1
    bounds = [0], [room if mode == "linear" else np.iinfo(np.int64).max]
    _moved(node, [value, updates], starts, value.shape, compute, moves=math.prod(updates.shape), bounds=bounds)


@lowering("ReverseSequence", becomes=("digital", "layout"), limits="At most 2^24 constant indices.")
def reverse_sequence(node: Node) -> None:
    """The first `sequence_lens` elements of each sample in reverse order, the others as they are."""
    value, lengths = node.value(0), node.value(1)
    rank = len(value.shape)
    time, batch = (node.axis(node.attributes[name], max(rank, 1)) for name in ("time_axis", "batch_axis"))
    node.require(rank >= 2 and {time, batch} == {0, 1}, f"axes {time} and {batch} of {rank}", "axes 0 and 1")
    node.require(
        lengths.shape == (value.shape[batch],), f"lengths of shape {lengths.shape}", f"({value.shape[batch]},)"
    )
    steps = value.shape[time]

    def compute(array: Array, numbers: Array) -> Array:
        step = np.arange(steps)[:, None]
        places = np.where(step < numbers, numbers - 1 - step, step)
        samples = np.arange(len(numbers))[None, :]
        return np.asarray(array[places, samples] if time == 0 else array[samples, places].swapaxes(0, 1))

    bounds = [0], [steps + 1]
    _moved(node, [value], lengths, value.shape, compute, moves=math.prod(value.shape), bounds=bounds)
