"""Maps sampled at places that are computed at run time (spatial transformers)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from archsim.frontend.inputs import MAX_ELEMENTS
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Whole
from archsim.graph.tensors import Array


@lowering("AffineGrid", limits="Constant size.")
def affine_grid(node: Node) -> None:
    """An affine map of the places of a regular grid from -1 to 1, for each sample: 2 d operations a number of the
    result for d spatial axes (d products, d additions)."""
    theta, size = node.value(0), node.integers(1, "size")
    rank, aligned = len(size) - 2, bool(node.attributes["align_corners"])
    node.require(rank in (2, 3) and min(size) > 0, f"size {size}", "(N, C, 2 or 3 spatial sizes), 1 or more each")
    node.require(math.prod(size) <= MAX_ELEMENTS, f"size {size}", f"at most {MAX_ELEMENTS} elements")
    fits = theta.shape == (size[0], rank, rank + 1)
    node.require(fits, f"theta of shape {theta.shape}", f"{(size[0], rank, rank + 1)}")
    shape = (size[0], *size[2:], rank)

    def compute(maps: Array) -> Array:
        axes = [_regular(count, aligned) for count in size[2:]]
        # Coordinates count from the last axis: x, y, z.
        places = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], axis=-1)
        return np.asarray(np.einsum("nij,...j->n...i", maps.astype(np.float64), places))

    node.vector([theta], shape, compute, operations=2 * rank * math.prod(shape), access=Whole())


def _regular(count: int, aligned: bool) -> Array:
    if aligned:
        return np.linspace(-1, 1, count)
    return (2 * np.arange(count) + 1) / count - 1


_Padding = Callable[[Array, int, float, float], Array]


def _reflected(place: Array, _size: int, low: float, high: float) -> Array:
    """The place mirrored at the borders until it lies between them."""
    width = high - low
    if width <= 0:
        return np.full_like(place, low)
    beyond = np.where(place < low, low - place, place - high)
    turns = np.floor(beyond / width)
    rest = beyond - turns * width
    from_low = (place < low) == (turns % 2 == 0)
    mirrored = np.where(from_low, low + rest, high - rest)
    return np.asarray(np.where((place >= low) & (place <= high), place, mirrored))


_PADDINGS: dict[str, _Padding] = {
    "zeros": lambda place, _size, _low, _high: place,
    "border": lambda place, size, _low, _high: np.clip(place, 0, size - 1),
    "reflection": _reflected,
}

_MODES = {"nearest": 1, "linear": 2, "cubic": 4}
"""How many neighbours along each axis a sample is made of."""

_OLD_MODES = {"bilinear": "linear", "bicubic": "cubic"}


@lowering("GridSample", limits="1 to 3 spatial axes.")
def grid_sample(node: Node) -> None:
    """The data at places of -1 to 1 along each axis: a sample of a channel is a sum of n neighbours (1, 2 or 4 along
    each axis), which takes 2 n - 1 operations (n products, n - 1 additions); its address and weights, 4 operations
    for each coordinate and neighbour along its axis, serve all channels."""
    data, grid = node.value(0), node.value(1)
    mode = _OLD_MODES.get(node.attributes["mode"], node.attributes["mode"])
    padding, aligned = node.attributes["padding_mode"], bool(node.attributes["align_corners"])
    rank = len(data.shape) - 2
    node.require(mode in _MODES, f"mode {mode}", ", ".join(_MODES))
    node.require(padding in _PADDINGS, f"padding_mode {padding}", ", ".join(_PADDINGS))
    node.require(1 <= rank <= 3, f"data of shape {data.shape}", "(N, C, 1 to 3 spatial axes)")
    fits = len(grid.shape) == rank + 2 and grid.shape[0] == data.shape[0] and grid.shape[-1] == rank
    node.require(fits, f"grid of shape {grid.shape}", f"({data.shape[0]}, {rank} sizes, {rank})")
    shape = (*data.shape[:2], *grid.shape[1:-1])
    taps = _MODES[mode]

    def compute(array: Array, places: Array) -> Array:
        axes = [
            _neighbours(places[..., rank - 1 - axis].astype(np.float64), size, mode, padding, aligned)
            for axis, size in enumerate(array.shape[2:])
        ]
        return _weighted(array, axes)

    operations = math.prod(shape) * (2 * taps**rank - 1) + math.prod(grid.shape) * 4 * taps
    node.vector([data, grid], shape, compute, operations=operations, access=Whole())


def _neighbours(place: Array, size: int, mode: str, padding: str, aligned: bool) -> tuple[Array, Array]:
    """Indices and weights (taps, N, ...) along one axis; neighbours that count as zero have weight 0."""
    low, high = (0.0, size - 1.0) if aligned else (-0.5, size - 0.5)
    place = (place + 1) / 2 * (size - 1) if aligned else ((place + 1) * size - 1) / 2
    place = np.rint(place) if mode == "nearest" else place
    inside = (place >= low) & (place <= high)
    place = np.where(inside, place, _PADDINGS[padding](place, size, low, high))
    # A place far away or undefined is as good as just outside.
    place = np.clip(np.nan_to_num(place, nan=-2.0), -2.0, size + 1.0)
    first = np.floor(place)
    steps = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}[mode]
    weights = np.stack([_weight(mode, first + step - place) for step in steps])
    neighbours = np.stack([first + step for step in steps])
    if padding == "zeros":
        weights = np.where((neighbours >= 0) & (neighbours <= size - 1), weights, 0)
    elif padding == "reflection":
        neighbours = np.trunc(_reflected(neighbours, size, low, high))
    return neighbours.clip(0, size - 1).astype(np.int64), weights


def _weight(mode: str, distance: Array) -> Array:
    """Keys' kernel with a = -3/4 for cubic (IEEE Transactions on Acoustics 29, 1981)."""
    x = np.abs(distance)
    if mode == "nearest":
        return np.ones_like(x)
    if mode == "linear":
        return np.asarray(1 - x)
    inner, outer = 1.25 * x**3 - 2.25 * x**2 + 1, -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.asarray(np.where(x <= 1, inner, outer))


def _weighted(array: Array, axes: Sequence[tuple[Array, Array]]) -> Array:
    samples = np.arange(len(array)).reshape(-1, *(1,) * (axes[0][0].ndim - 2))
    total = np.zeros((*axes[0][0].shape[1:], array.shape[1]))
    for chosen in itertools.product(*(range(len(indices)) for indices, _ in axes)):
        places = [indices[tap] for (indices, _), tap in zip(axes, chosen, strict=True)]
        weight = math.prod(weights[tap] for (_, weights), tap in zip(axes, chosen, strict=True))
        # Index arrays on both sides of the channels move them to the end.
        picked = array[(samples, slice(None), *places)]
        total += np.asarray(weight)[..., None] * picked
    return np.moveaxis(total, -1, 1)
