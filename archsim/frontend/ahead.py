"""What is wrong with a model before the inputs of a run are there."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import defs

from archsim.errors import InputError, input_error
from archsim.frontend.defined import NO_OPSET
from archsim.frontend.expansion import functions_of
from archsim.frontend.importer import from_model
from archsim.frontend.opsets import DEFAULT_DOMAINS, model_opset, qualified
from archsim.frontend.registry import lowerings
from archsim.frontend.unsettled import UnsettledError
from archsim.frontend.walk import unknown_ops


def check_ahead(model: onnx.ModelProto, source: str) -> None:
    """Raise `InputError` for what no inputs can put right: something that is no model, ops that are not supported,
    and, where all sizes are fixed, whatever does not depend on numbers of inputs."""
    if not isinstance(model, onnx.ModelProto):
        raise input_error(source, "model", value=f"a {type(model).__name__}", expected="an onnx.ModelProto")
    if problems := tuple(unknown_ops(_unknown(model, source), source)):
        raise InputError(*problems)
    try:
        from_model(model, source=source, base_dir=None)
    except UnsettledError:
        return
    except InputError:
        if not _is_dynamic(model.graph):
            raise


def _unknown(model: onnx.ModelProto, source: str) -> dict[str, str]:
    """Ops that neither archsim, the model nor ONNX itself says how to read, and the first node of each. Functions are
    looked into where they are called, bodies of If when their condition is known."""
    own = {(domain, name): function for (domain, name, _), function in functions_of(model, source).items()}
    versions = {**{entry.domain: entry.version for entry in model.opset_import}, "": model_opset(model, source)}
    unknown: dict[str, str] = {}
    nodes, called = list(model.graph.node), set[tuple[str, str]]()
    for node in nodes:
        domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
        key, op = (domain, node.op_type), qualified(node)
        if key in own:
            nodes += [] if key in called else own[key].node
            called.add(key)
        elif op not in lowerings() and op != "If" and not _is_defined(node.op_type, domain, versions.get(domain, 0)):
            unknown.setdefault(op, node.name or node.op_type)
    return unknown


def _is_defined(op: str, domain: str, version: int) -> bool:
    """Whether ONNX defines the op by others."""
    if not 0 < version < NO_OPSET:
        return False
    try:
        schema: Any = defs.get_schema(op, version, domain)
    except defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def _is_dynamic(graph: onnx.GraphProto) -> bool:
    """Whether the inputs of a run may have other sizes than those taken without them."""
    stored = {tensor.name for tensor in graph.initializer}
    tensors = [value.type.tensor_type for value in graph.input if value.name not in stored]
    sizes = [dim.dim_value for tensor in tensors for dim in tensor.shape.dim]
    return min(sizes, default=1) <= 0 or not all(tensor.HasField("shape") for tensor in tensors)
