"""The versions of ONNX's ops that a model and its functions are written for."""

from __future__ import annotations

import onnx
from onnx import defs

from archsim.errors import InputError, Problem

DEFAULT_DOMAINS = ("", "ai.onnx")

OLDEST_OPSET = 7
"""The first opset whose elementwise operations broadcast as numpy does."""


def model_opset(model: onnx.ModelProto, source: str) -> int:
    """The opset of ONNX's own ops in the model; the newest if it has none of them.

    Raises `InputError` if archsim or the onnx package does not know it.
    """
    alien = all(node.domain not in DEFAULT_DOMAINS for node in model.graph.node)
    if model.opset_import and alien and not any(entry.domain in DEFAULT_DOMAINS for entry in model.opset_import):
        return defs.onnx_opset_version()
    version = max((entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS), default=0)
    return _known(version, source, "opset")


def function_opset(function: onnx.FunctionProto, otherwise: int, source: str) -> int:
    """The opset of ONNX's own ops in a function, the model's if the function does not say."""
    version = max((entry.version for entry in function.opset_import if entry.domain in DEFAULT_DOMAINS), default=0)
    return _known(version or otherwise, source, f"function {function.name!r}, opset")


def _known(version: int, source: str, place: str) -> int:
    newest = defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise InputError(Problem(source, place, str(version or "none"), f"{OLDEST_OPSET} to {newest}"))
    return int(version)


def qualified(proto: onnx.NodeProto) -> str:
    """The op's name with its domain, if that is not ONNX's own."""
    return proto.op_type if proto.domain in DEFAULT_DOMAINS else f"{proto.domain}::{proto.op_type}"
