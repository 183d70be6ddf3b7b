"""Columns of patches put together to a map."""

from __future__ import annotations

import math

from archsim.frontend.node import Node
from archsim.frontend.overlap import Places, add_overlaps, checked_places
from archsim.frontend.registry import lowering
from archsim.frontend.windows import MAX_SPATIAL_AXES
from archsim.graph import Tensor


@lowering(
    "Col2Im",
    becomes=("digital", "layout"),
    limits="1 to 3 spatial axes; constant image_shape and block_shape, no constant data.",
)
def col2im(node: Node) -> None:
    """Data (N, C x block, positions): blocks are added where they overlap, an addition for each operand but the
    first, of as many as meet where most do."""
    data, image, block = node.value(0), node.integers(1, "image_shape"), node.integers(2, "block_shape")
    rank = len(image)
    node.require(isinstance(data, Tensor), "constant data", "data computed at run time")
    node.require(1 <= rank <= MAX_SPATIAL_AXES and min(image) > 0, f"image_shape {image}", "1 to 3 sizes of 1 or more")
    node.require(len(block) == rank and min(block) > 0, f"block_shape {block}", f"{rank} sizes of 1 or more")
    strides, dilations = (tuple(node.attributes.get(name) or (1,) * rank) for name in ("strides", "dilations"))
    pads = tuple(node.attributes.get("pads") or (0,) * (2 * rank))
    fits = len(strides) == rank == len(dilations) and len(pads) == 2 * rank and min(*strides, *dilations) > 0
    node.require(fits and min(pads) >= 0, f"strides {strides}, dilations {dilations}, pads {pads}", "numbers per axis")
    counts = tuple(
        (size + pads[axis] + pads[axis + rank] - dilations[axis] * (block[axis] - 1) - 1) // strides[axis] + 1
        for axis, size in enumerate(image)
    )
    shown = f"data of shape {data.shape}"
    fits = len(data.shape) == 3 and data.shape[1] % math.prod(block) == 0
    node.require(fits, shown, f"(N, C x {math.prod(block)}, positions)")
    node.require(min(counts) > 0 and data.shape[2] == math.prod(counts), shown, f"{counts} positions")
    places = checked_places(node, Places(counts, block, strides, dilations, pads[:rank], image))
    products = Tensor(node.input_names[0], data.shape, data.dtype)
    add_overlaps(node, products, places.sources(), (data.shape[0], data.shape[1] // math.prod(block), *image))
