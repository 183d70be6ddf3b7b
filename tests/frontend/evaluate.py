"""Runs a Graph in floating point: matrix layers by gathering windows, the others by their own `compute`."""

from __future__ import annotations

import itertools

import numpy as np

from archsim.graph import FreeLayer, Graph, MatrixLayer, RecurrentLayer, Sliding


def evaluate(graph: Graph, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of `graph`, checking every tensor against the shape and type the importer announced."""
    values = dict(feeds)
    for layer in graph.layers:
        assert not isinstance(layer, FreeLayer)
        operands = [values[each] if isinstance(each, str) else each.load() for each in layer.operands]
        if isinstance(layer, RecurrentLayer):
            results = steps(layer, *operands)
        elif isinstance(layer, MatrixLayer):
            results = (matrix_product(layer, operands[0], graph.tensors[layer.results[0]].shape),)
        else:
            results = layer.compute(*operands)
            results = results if isinstance(results, tuple) else (results,)
        for name, array in zip(layer.results, results, strict=True):
            assert (array.shape, str(array.dtype)) == (graph.tensors[name].shape, graph.tensors[name].dtype), name
            values[name] = array
    return {name: values[name] for name in graph.outputs}


def matrix_product(layer: MatrixLayer, data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    windows = windows_of(layer, data, shape)
    assert windows.shape == (layer.windows, layer.groups, layer.rows)
    weights = layer.weights.load()
    assert weights.shape == (layer.groups, layer.rows, layer.outputs // layer.groups)
    sums = np.einsum("wgr,gro->wgo", windows, weights, optimize=True).reshape(layer.windows, layer.outputs)
    if layer.bias is not None:
        sums = sums + layer.bias.load()
    channels_last = [size for axis, size in enumerate(shape) if axis != layer.channel_axis] + [layer.outputs]
    return np.moveaxis(sums.reshape(channels_last), -1, layer.channel_axis).astype(data.dtype)


def steps(layer: RecurrentLayer, data: np.ndarray, *first: np.ndarray) -> tuple[np.ndarray, ...]:
    weights = layer.weights.load()[0]
    assert weights.shape == (layer.rows, layer.outputs)
    bias = 0 if layer.bias is None else layer.bias.load()
    peepholes = tuple(constant.load() for constant in layer.peepholes)
    lengths = np.array(layer.lengths or (len(data),) * layer.batch)[:, None]
    states, every = tuple(state[0] for state in first), []
    for window, row in enumerate(data):
        step, number = divmod(window, len(layer.rounds))
        kept = states if number == 0 else kept  # noqa: F821 - the first window is round 0
        if layer.apart:
            of_hidden = states[0] @ weights[data.shape[2] :]
            if layer.recurrent_bias is not None:
                of_hidden = of_hidden + layer.recurrent_bias.load()
            sums = (row @ weights[: data.shape[2]] + bias, of_hidden)
        else:
            sums = (np.concatenate([row, states[0]], axis=1) @ weights + bias,)
        states = layer.rounds[number].gates(sums, states, peepholes)
        every.append(np.where(step < lengths, states[0], 0)[None])
        if number == len(layer.rounds) - 1:
            states = tuple(np.where(step < lengths, *both) for both in zip(states, kept, strict=True))
    return tuple(np.asarray(result, data.dtype) for result in (np.array(every), *(state[None] for state in states)))


def windows_of(layer: MatrixLayer, data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(windows, groups, rows), in raster order, rows in the order (channel, kernel axes)."""
    access = layer.access
    if not isinstance(access, Sliding):
        return data.reshape(-1, 1, layer.rows)
    pads = [(0, 0), (0, 0), *zip(access.pads_begin, access.pads_end, strict=True)]
    padded = np.pad(data, pads)
    space = shape[2:]
    gathered = np.empty((data.shape[0], *space, data.shape[1], *access.kernel), data.dtype)
    for place in itertools.product(*map(range, space)):
        corner = [position * stride for position, stride in zip(place, access.strides, strict=True)]
        spans = zip(corner, access.kernel, access.dilations, strict=True)
        slices = [slice(start, start + (kernel - 1) * dilation + 1, dilation) for start, kernel, dilation in spans]
        gathered[(slice(None), *place)] = padded[(slice(None), slice(None), *slices)]
    return gathered.reshape(layer.windows, layer.groups, layer.rows)
