"""Ops that pick, split or rearrange elements by constant indices: layout layers."""

from __future__ import annotations

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering


@lowering("Slice", becomes=("layout",), limits="Constant starts, ends, axes and steps.")
def slice_(node: Node) -> None:
    """Elements from `starts` to `ends` in steps (attributes before opset 10, without steps)."""
    value = node.value(0)
    rank = len(value.shape)
    starts, ends = node.setting(1, "starts"), node.setting(2, "ends")
    if starts is None or ends is None:
        raise node.error("no starts or ends", "both")
    given = node.setting(3, "axes")
    axes = tuple(range(len(starts))) if given is None else tuple(node.axis(axis, rank) for axis in given)
    steps = (1,) * len(starts) if node.optional(4) is None else node.integers(4, "steps")
    lengths = {len(starts), len(ends), len(axes), len(steps)}
    shown = f"starts {starts}, ends {ends}, axes {axes}, steps {steps}"
    node.require(len(lengths) == 1 and len(axes) <= rank, shown, "as many of each")
    node.axes(axes, rank)
    places = [slice(None)] * rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        node.require(step != 0, "step 0", "steps other than 0")
        places[axis] = _python_slice(start, end, step, value.shape[axis])
    index = tuple(places)
    shape = tuple(len(range(*place.indices(size))) for place, size in zip(places, value.shape, strict=True))
    node.layout([value], [shape], lambda array: (array[index],))


def _python_slice(start: int, end: int, step: int, size: int) -> slice:
    """ONNX clamps a backward end to -1, the place before the first element, which Python writes as None."""
    if step < 0 and end < -size:
        return slice(start, None, step)
    return slice(start, end, step)


@lowering("Split", becomes=("layout",), limits="Constant sizes.")
def split(node: Node) -> None:
    """Parts along `axis`: of the sizes given (an attribute before opset 13), else as equal as possible."""
    value = node.value(0)
    axis = node.axis(node.attributes["axis"], len(value.shape))
    size, parts = value.shape[axis], node.setting(1, "split")
    if parts is None:
        count = node.attributes.get("num_outputs", len(node.outputs))
        node.require(count == len(node.outputs), f"{count} parts", f"{len(node.outputs)}, as many as outputs")
        largest = -(-size // count)
        parts = (*((largest,) * (count - 1)), size - largest * (count - 1))
    fits = sum(parts) == size and len(parts) == len(node.outputs) and min(parts, default=0) >= 0 and all(node.outputs)
    node.require(fits, f"parts {parts} for {len(node.outputs)} outputs", f"a size for each, {size} together")
    cuts = [sum(parts[: index + 1]) for index in range(len(parts) - 1)]
    shapes = [(*value.shape[:axis], part, *value.shape[axis + 1 :]) for part in parts]
    node.layout([value], shapes, lambda array: tuple(np.split(array, cuts, axis=axis)))


@lowering("Expand", becomes=("layout",), limits="Constant shape.")
def expand(node: Node) -> None:
    """Repeats axes of size 1 until the operand has a shape that it broadcasts to."""
    value, wanted = node.value(0), node.integers(1, "shape")
    node.require(min(wanted, default=1) >= 0, f"shape {wanted}", "no negative size")
    try:
        shape = np.broadcast_shapes(value.shape, wanted)
    except ValueError:
        raise node.error(f"shape {wanted}", f"one that {value.shape} broadcasts to") from None
    node.layout([value], [shape], lambda array: (np.broadcast_to(array, shape),))


@lowering("Tile", becomes=("layout",), limits="Constant repeats.")
def tile(node: Node) -> None:
    """The operand over and over along each axis."""
    value, repeats = node.value(0), node.integers(1, "repeats")
    fits = len(repeats) == len(value.shape) and min(repeats, default=1) >= 0
    node.require(fits, f"repeats {repeats}", f"{len(value.shape)} numbers of 0 or more")
    shape = tuple(size * count for size, count in zip(value.shape, repeats, strict=True))
    node.layout([value], [shape], lambda array: (np.tile(array, repeats),))


@lowering("DepthToSpace", "SpaceToDepth", becomes=("layout",))
def blocks(node: Node) -> None:
    """Channels become blocks of the map, or the other way round; the place in the block is the outer part of the
    channel number in mode DCR (the default) and the inner part in CRD."""
    value, block, mode = node.value(0), node.attributes["blocksize"], node.attributes.get("mode", "DCR")
    node.require(len(value.shape) == 4, f"data of shape {value.shape}", "(N, C, H, W)")
    node.require(block > 0, f"blocksize {block}", "1 or more")
    node.require(mode in ("DCR", "CRD"), f"mode {mode}", "DCR or CRD")
    batch, channels, height, width = value.shape
    if node.op == "DepthToSpace":
        node.require(channels % block**2 == 0, f"{channels} channels", f"a multiple of {block**2}")
        inner = channels // block**2
        parts = (batch, *((block, block, inner) if mode == "DCR" else (inner, block, block)), height, width)
        order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
        shape = (batch, inner, height * block, width * block)
    else:
        node.require(height % block == 0 == width % block, f"a map of {height} x {width}", f"multiples of {block}")
        parts = (batch, channels, height // block, block, width // block, block)
        order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
        shape = (batch, channels * block**2, height // block, width // block)
    node.layout([value], [shape], lambda array: (array.reshape(parts).transpose(order).reshape(shape),))


@lowering("CenterCropPad", becomes=("layout",), limits="Constant shape.")
def center_crop_pad(node: Node) -> None:
    """The middle of the operand, or the operand in the middle of zeros, along each axis or those of `axes`; of an odd
    difference the larger half is behind."""
    value, wanted = node.value(0), node.integers(1, "shape")
    given = node.attributes.get("axes")
    rank = len(value.shape)
    axes = list(range(rank)) if given is None else [node.axis(axis, rank) for axis in given]
    node.axes(axes, rank)
    fits = len(wanted) == len(axes) and min(wanted, default=1) >= 0
    node.require(fits, f"shape {wanted}", f"{len(axes)} numbers of 0 or more")
    shape, cut, grow = list(value.shape), [slice(None)] * rank, [(0, 0)] * rank
    for axis, size in zip(axes, wanted, strict=True):
        more = size - shape[axis]
        if more < 0:
            cut[axis] = slice(-more // 2, -more // 2 + size)
        else:
            grow[axis] = (more // 2, more - more // 2)
        shape[axis] = size
    places = tuple(cut)
    node.layout([value], [tuple(shape)], lambda array: (np.pad(array[places], grow),))
