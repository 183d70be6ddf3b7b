"""The windows of a matrix layer as rows of a matrix, and its sums as a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from archsim.graph import MatrixLayer, Sliding
from archsim.graph.tensors import Array

Multiply = Callable[[Array], Array]
"""Windows (n, groups, rows) to sums (n, groups, outputs / groups)."""

MatrixRule = Callable[[MatrixLayer, Array, tuple[int, ...]], Array]
"""What a matrix layer makes of (batches, *shape of the tensor read), given the shape of the tensor written:
(batches, *that shape)."""

# Elements of windows that stand in memory at once.
ELEMENTS_AT_ONCE = 2**22


def apply(layer: MatrixLayer, data: Array, shape: tuple[int, ...], multiply: Multiply, outside: int = 0) -> Array:
    """The layer's sums for several batches at once, without the bias; `outside` is read outside of the map.

    `data` is (batches, ...) with the shape of the tensor read behind the first axis; the result is
    (batches, *shape), `shape` being that of the tensor written.
    """
    blocks = _sliding(layer.access, data, outside) if isinstance(layer.access, Sliding) else _rows(layer, data)
    sums = [multiply(block.reshape(-1, layer.groups, layer.rows)) for block in blocks]
    others = tuple(size for axis, size in enumerate(shape) if axis != layer.channel_axis)
    joined = np.concatenate(sums).reshape(len(data), *others, layer.outputs)
    return np.moveaxis(joined, -1, layer.channel_axis + 1)


def _rows(layer: MatrixLayer, data: Array) -> Iterator[Array]:
    rows = data.reshape(-1, layer.groups * layer.rows)
    step = max(1, ELEMENTS_AT_ONCE // rows.shape[1])
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _sliding(access: Sliding, data: Array, outside: int) -> Iterator[Array]:
    """Blocks (images, positions of the first axis, ..., channels, *kernel), in raster order."""
    images = data.reshape(-1, *data.shape[2:])
    spatial = len(access.kernel)
    pads = ((0, 0), (0, 0), *zip(access.pads_begin, access.pads_end, strict=True))
    spans = tuple((size - 1) * step + 1 for size, step in zip(access.kernel, access.dilations, strict=True))
    view = sliding_window_view(np.pad(images, pads, constant_values=outside), spans, axis=tuple(range(2, 2 + spatial)))
    steps = tuple(slice(None, None, step) for step in access.strides)
    view = view[(slice(None), slice(None), *steps, *(slice(None, None, step) for step in access.dilations))]
    view = np.moveaxis(view, 1, 1 + spatial)
    positions = view.shape[1]
    lines = max(1, ELEMENTS_AT_ONCE // math.prod(view.shape[2:]))
    if lines >= positions:
        step = lines // positions
        yield from (view[start : start + step] for start in range(0, len(view), step))
    else:
        for image in view:
            yield from (image[start : start + lines] for start in range(0, positions, lines))
