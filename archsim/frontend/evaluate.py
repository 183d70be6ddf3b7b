"""Nodes whose inputs are all constants and that no lowering folds: computed on import by ONNX's own evaluator."""

from __future__ import annotations

import math

import numpy as np
import onnx

from archsim.frontend.builder import SMALL, stored
from archsim.frontend.dtypes import ONNX_TYPES
from archsim.frontend.node import Node
from archsim.frontend.single import inferred_outputs
from archsim.graph import Constant

FOLDABLE = frozenset({"Compress", "GatherElements", "GatherND", "NonZero", "ScatterElements", "ScatterND", "TopK"})
"""Ops that compute shapes and indices: no subgraphs, nothing random, results of a size known beforehand."""

_BOUNDED_BY_INPUT = frozenset({"Compress", "NonZero"})


def fold_node(node: Node, proto: onnx.NodeProto) -> None:
    """Define the outputs of `node` as constants. Raises `InputError` for results of more than 65,536 elements."""
    constants = {
        name: value for name, value in zip(node.input_names, node.inputs, strict=True) if isinstance(value, Constant)
    }
    for constant in constants.values():
        node.require(constant.elements <= SMALL, f"a constant of {constant.elements} elements", f"at most {SMALL}")
    arrays = {name: constant.load() for name, constant in constants.items()}
    if node.op not in _BOUNDED_BY_INPUT:
        for shape, _ in inferred_outputs(node.builder, proto, {}, arrays).values():
            fits = shape is not None and math.prod(shape) <= SMALL
            node.require(fits, f"a constant result of shape {shape}", f"a known shape of at most {SMALL} elements")
    for name, array in zip(node.outputs, _evaluated(node, proto, arrays), strict=False):
        if name:
            dtype = str(array.dtype)
            node.require(dtype in ONNX_TYPES, f"a constant of type {dtype}", ", ".join(ONNX_TYPES))
            node.builder.values[name] = stored(name, array)
    node.builder.folded.append(node.name)


def _evaluated(node: Node, proto: onnx.NodeProto, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    # The evaluator takes long to import and most models need none of it.
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(proto, opsets={"": node.version}).run(None, arrays)
    except Exception as error:  # noqa: BLE001 - whatever ONNX's evaluator raises, the node is what is wrong
        raise node.error(f"constants it cannot be computed from ({error})", "valid operands") from None
    return [np.asarray(result) for result in results]
