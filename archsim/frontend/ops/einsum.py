"""Einsum of activations: a product on the digital units, like those of `archsim.frontend.ops.products`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.ops.gemm import linear
from archsim.frontend.ops.products import in_single_precision
from archsim.frontend.registry import lowering
from archsim.graph import Constant, Tensor, Whole

_TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")

_Axis = str | int
"""A letter, or the place of an axis among those that the dots stand for, counted from the last (-1)."""


@lowering(
    "Einsum",
    becomes=("crossbars", "digital", "layout"),
    limits="With constants: two operands, data (..., rows) and weights (rows, outputs) or (outputs, rows).",
)
def einsum(node: Node) -> None:
    """Products of elements, summed over the letters that the result lacks: for n operands n - 1 multiply-accumulates
    for each combination of indices, for one operand an addition, or none (layout) where nothing is summed. With a
    constant matrix it is a fully connected layer where the last axis of the data alone is summed over."""
    equation = node.attributes["equation"].replace(" ", "")
    terms, result = _terms(node, equation)
    values = [node.value(index) for index in range(len(node.inputs))]
    node.require(len(terms) == len(values), f"equation {equation} for {len(values)} operands", "a term for each")
    constants = sum(isinstance(value, Constant) for value in values)
    if constants and constants < len(values):
        _by_weights(node, equation, terms, result)
        return
    axes = [_axes(node, term, value.shape) for term, value in zip(terms, values, strict=True)]
    sizes = _sizes(node, axes, [value.shape for value in values])
    dots = sorted(axis for axis in sizes if isinstance(axis, int))
    before, spread, after = result.partition("...")
    node.require(bool(spread) or not dots, f"equation {equation}", "dots in the result, as in its terms")
    shape = tuple(sizes[axis] for axis in (*before, *dots, *after))
    factors, combinations = len(values) - 1, math.prod(sizes.values())
    if not factors and len(shape) == len(sizes):
        node.layout(values, [shape], lambda array: (np.einsum(equation, array),))
        return
    node.vector(
        values,
        shape,
        in_single_precision(lambda *arrays: np.einsum(equation, *arrays, optimize=len(arrays) > 2)),
        operations=combinations * max(1, factors),
        additions=combinations * factors,
        products=combinations * factors,
        access=Whole(),
        unit="multiplier" if factors else "elementwise",
    )


def _terms(node: Node, equation: str) -> tuple[list[str], str]:
    """The terms of the operands, and that of the result, which is in the alphabet's order if it is not given."""
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    node.require(all(map(_TERM.fullmatch, [*terms, result])), f"equation {equation!r}", "letters, commas, dots and ->")
    if not arrow:
        letters = Counter(letter for letter in left if letter.isalpha())
        result = "..." * ("..." in left) + "".join(sorted(letter for letter, times in letters.items() if times == 1))
    letters = Counter(letter for letter in result if letter.isalpha())
    once = all(times == 1 for times in letters.values()) and set(result) <= set(left)
    node.require(once, f"result {result} of equation {equation}", "letters of its terms, each once")
    return terms, result


def _by_weights(node: Node, equation: str, terms: list[str], result: str) -> None:
    """A fully connected layer: data (..., rows), the weights before or behind it, either way round."""
    data, weights = node.value(0), node.value(len(terms) - 1)
    of_data, of_weights = terms[0], terms[-1]
    if isinstance(data, Constant):
        data, weights, of_data, of_weights = weights, data, of_weights, of_data
    transposed = of_data[-1:] == of_weights[-1:]
    output = of_weights[:1] if transposed else of_weights[-1:]
    matrix = f"{output}{of_data[-1:]}" if transposed else f"{of_data[-1:]}{output}"
    letters = of_data.replace(".", "")
    same = (
        len(terms) == 2
        and len(of_weights) == 2
        and of_weights == matrix
        and output not in letters
        and len({*letters}) == len(letters)
        and result == of_data[:-1] + output
    )
    expected = "activations alone, or data (..., rows) by constant weights (rows, outputs) or (outputs, rows)"
    if not same or not isinstance(data, Tensor) or not isinstance(weights, Constant):
        raise node.error(f"equation {equation} with constants", expected)
    linear(node, data, weights, transposed=transposed)


def _axes(node: Node, term: str, shape: Shape) -> list[_Axis]:
    before, dots, after = term.partition("...")
    spread = len(shape) - len(before) - len(after)
    fits = spread == 0 or (spread > 0 and bool(dots))
    node.require(fits, f"term {term} for an operand of shape {shape}", "a letter for each axis")
    return [*before, *range(-spread, 0), *after]


def _sizes(node: Node, axes: Sequence[Sequence[_Axis]], shapes: Sequence[Shape]) -> dict[_Axis, int]:
    """The size of each axis; those that the dots stand for broadcast."""
    sizes: dict[_Axis, int] = {}
    for each, shape in zip(axes, shapes, strict=True):
        for axis, size in zip(each, shape, strict=True):
            known = sizes.setdefault(axis, size)
            fits = size == known or (isinstance(axis, int) and 1 in (size, known))
            node.require(fits, f"sizes {known} and {size} of axis {axis}", "one size")
            sizes[axis] = size if known == 1 else known
    return sizes
