"""Where the kernel of a convolution or pool stands: pads, strides, dilations and the size of the result."""

from __future__ import annotations

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.graph import Sliding

MAX_SPATIAL_AXES = 3


def sliding_windows(node: Node, spatial: Shape, kernel: Shape, *, ceil: bool = False) -> tuple[Sliding, Shape]:
    """How a kernel slides over `spatial`, and the spatial shape of the result (ONNX, operator Conv and MaxPool).

    `ceil` rounds the size up (ceil_mode); a last window that would start beyond the map and its leading pads
    is left out. `pads_end` of the result reaches as far as the last window does.
    """
    rank = len(spatial)
    node.require(1 <= rank <= MAX_SPATIAL_AXES, f"{rank} spatial axes", f"1 to {MAX_SPATIAL_AXES}")
    node.require(len(kernel) == rank and min(kernel) > 0, f"kernel_shape {kernel}", f"{rank} sizes of 1 or more")
    strides, dilations = (_per_axis(node, name, rank) for name in ("strides", "dilations"))
    extents = tuple((size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True))
    begin, end = _pads(node, spatial, extents, strides)
    result = []
    for axis, (size, extent, stride) in enumerate(zip(spatial, extents, strides, strict=True)):
        room = size + begin[axis] + end[axis] - extent
        node.require(room >= 0, f"kernel extent {extent}", f"at most the padded size {size + begin[axis] + end[axis]}")
        count = (-(-room // stride) if ceil else room // stride) + 1
        if ceil and (count - 1) * stride >= size + begin[axis]:
            count -= 1
        result.append(count)
    reach = tuple(
        max(given, (count - 1) * stride + extent - size - before)
        for given, count, stride, extent, size, before in zip(
            end, result, strides, extents, spatial, begin, strict=True
        )
    )
    return Sliding(kernel, strides, dilations, begin, reach), tuple(result)


def _per_axis(node: Node, name: str, rank: int) -> Shape:
    values = tuple(node.attributes.get(name) or (1,) * rank)
    node.require(len(values) == rank and min(values) > 0, f"{name} {values}", f"{rank} numbers of 1 or more")
    return values


def _pads(node: Node, spatial: Shape, extents: Shape, strides: Shape) -> tuple[Shape, Shape]:
    mode = node.attributes["auto_pad"]
    rank = len(spatial)
    if mode == "NOTSET":
        pads = tuple(node.attributes.get("pads") or (0,) * (2 * rank))
        node.require(len(pads) == 2 * rank and min(pads) >= 0, f"pads {pads}", f"{2 * rank} numbers of 0 or more")
        return pads[:rank], pads[rank:]
    if mode == "VALID":
        return (0,) * rank, (0,) * rank
    node.require(mode in ("SAME_UPPER", "SAME_LOWER"), f"auto_pad {mode}", "NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    totals = tuple(
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, extent, stride in zip(spatial, extents, strides, strict=True)
    )
    less, more = tuple(total // 2 for total in totals), tuple(total - total // 2 for total in totals)
    return (less, more) if mode == "SAME_UPPER" else (more, less)
