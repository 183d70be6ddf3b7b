"""Gets an ONNX model out of a file, without its external data, and checks that its names are text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from archsim.errors import input_error

MAX_FILE_BYTES = 2**31 - 1
"""protobuf's own limit for one message; larger models keep their weights in external data."""


def read_model(path: Path) -> onnx.ModelProto:
    """The model in the file `path`; whatever is not an ONNX model raises `InputError`."""
    source = str(path)
    if path.is_dir():
        raise input_error(source, value="a directory", expected="an ONNX file")
    if not path.exists():
        raise input_error(source, value="no such file", expected="an ONNX file")
    if not path.is_file():
        raise input_error(source, value="a special file", expected="an ONNX file")
    size = path.stat().st_size
    if size == 0:
        raise input_error(source, value="an empty file", expected="an ONNX file")
    if size > MAX_FILE_BYTES:
        raise input_error(source, value=f"{size} bytes", expected="at most 2 GiB (keep weights in external data)")
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(path.read_bytes())
    except DecodeError:
        raise input_error(source, value="bytes that are no ONNX model", expected="a whole ONNX file") from None
    except OSError as error:
        raise input_error(source, value=error.strerror or "unreadable", expected="a readable file") from None
    if not model.HasField("graph") or not model.graph.node:
        raise input_error(source, value="no graph with nodes", expected="an ONNX model")
    return model


def check_names(model: onnx.ModelProto, source: str) -> None:
    """Raise `InputError` if a name is not UTF-8: protobuf hands such a name over as bytes."""
    domains = (entry.domain for body in (model, *model.functions) for entry in body.opset_import)
    sources = (domains, _names(model.graph), *map(_function_names, model.functions))
    broken = next((name for names in sources for name in names if isinstance(name, bytes)), None)
    if broken is not None:
        raise input_error(source, "graph", value=f"the name {broken!r}", expected="names in UTF-8")


def _names(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    yield graph.name
    for tensor in graph.initializer:
        yield from _tensor_names(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    for node in graph.node:
        yield from _node_names(node)


def _function_names(function: onnx.FunctionProto) -> Iterator[str | bytes]:
    yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
    yield from (attribute.name for attribute in function.attribute_proto)
    for node in function.node:
        yield from _node_names(node)


def _node_names(node: onnx.NodeProto) -> Iterator[str | bytes]:
    yield from (node.name, node.op_type, node.domain, node.overload, *node.input, *node.output)
    for attribute in node.attribute:
        yield from (attribute.name, attribute.ref_attr_name)
        if attribute.HasField("t"):
            yield from _tensor_names(attribute.t)
        for subgraph in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
            yield from _names(subgraph)


def _tensor_names(tensor: onnx.TensorProto) -> Iterator[str | bytes]:
    yield tensor.name
    for entry in tensor.external_data:
        yield from (entry.key, entry.value)
