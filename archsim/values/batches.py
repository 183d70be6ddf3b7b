"""Samples cut into the batches that a graph with fixed shapes takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.errors import input_error
from archsim.graph import Graph, Tensor
from archsim.graph.tensors import Array


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """`samples` of data as `count` batches of `size`; of each input an array (count, *declared shape).

    The last batch is filled up by repeating the last sample.
    """

    samples: int
    size: int
    count: int
    inputs: Mapping[str, Array]

    def batch(self, index: int) -> dict[str, Array]:
        """The inputs of one batch."""
        return {name: array[index] for name, array in self.inputs.items()}


def cut_batches(graph: Graph, arrays: Mapping[str, Array], source: str) -> Batches:
    """`arrays` (one for each input of the graph) in batches.

    An array of the declared shape is one batch; else its first axis counts samples and the others are those
    of the declared shape behind the batch, where missing axes of size 1 are added. An input without axes is
    one number for each batch, or for all. Values are cast to the declared type, never scaled; a cast that
    would change integers, values that are not finite, or shapes that do not fit, raise `InputError`.
    """
    inputs = {tensor.name: _cut(tensor, arrays[tensor.name], source) for tensor in graph.inputs}
    first = graph.inputs[0].name
    count = max(len(array) for array in inputs.values())
    for name, array in inputs.items():
        if len(array) != count and not (len(array) == 1 and arrays[name].ndim == 0):
            needed = f"{count}, as another input has"
            raise input_error(source, f"array for input {name!r}", value=f"{len(array)} batches", expected=needed)
    spread = {name: np.broadcast_to(array, (count, *array.shape[1:])) for name, array in inputs.items()}
    tensor = graph.inputs[0]
    whole = _squeezed(arrays[first].shape) == _squeezed(tensor.shape)
    size = (tensor.shape or (1,))[0]
    return Batches(size if whole else len(arrays[first]), size, count, spread)


def _cut(tensor: Tensor, data: Array, source: str) -> Array:
    place = f"array for input {tensor.name!r}"
    if data.dtype.kind not in "biuf":
        raise input_error(source, place, value=f"type {data.dtype}", expected="real numbers")
    with np.errstate(invalid="ignore", over="ignore"):
        cast = data.astype(tensor.dtype)
    if cast.dtype.kind in "biu" and not np.array_equal(cast, data):
        raise input_error(source, place, value=f"values that are not {tensor.dtype}", expected=tensor.dtype)
    if not np.isfinite(cast).all():
        raise input_error(source, place, value="values that are infinite or NaN", expected=f"finite {tensor.dtype}")
    if _squeezed(data.shape) == _squeezed(tensor.shape):
        return cast.reshape(1, *tensor.shape)
    if not tensor.shape:
        if data.ndim == 1 and len(data):
            return cast
        raise input_error(source, place, value=f"shape {data.shape}", expected="() or (n,)")
    sample, size = tensor.shape[1:], tensor.shape[0]
    if data.ndim == 0 or len(data) == 0 or _squeezed(data.shape[1:]) != _squeezed(sample):
        needed = "(" + ", ".join(["n", *map(str, sample)]) + ")" + ("" if size == 1 else f", in batches of {size}")
        raise input_error(source, place, value=f"shape {data.shape}", expected=f"shape {needed}")
    samples = cast.reshape(len(data), *sample)
    filling = np.repeat(samples[-1:], -len(data) % size, axis=0)
    return np.concatenate([samples, filling]).reshape(-1, size, *sample)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def join_batches(graph: Graph, answers: list[dict[str, Array]], samples: int) -> dict[str, Array]:
    """Each output over all batches: along the first axis where that is the batch, so that it counts
    `samples`, else with a new first axis that counts the batches."""
    batch = (graph.inputs[0].shape or (1,))[0]
    joined = {}
    for name in graph.outputs:
        parts = [answer[name] for answer in answers]
        if parts[0].ndim and len(parts[0]) == batch:
            joined[name] = np.concatenate(parts)[:samples]
        else:
            joined[name] = np.stack(parts)
    return joined
