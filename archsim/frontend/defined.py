"""The functions by which ONNX itself defines some of its ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import defs, helper

from archsim.frontend.attributes import attributes_of
from archsim.frontend.builder import Value
from archsim.frontend.dtypes import ONNX_TYPES
from archsim.frontend.opsets import DEFAULT_DOMAINS

NO_OPSET = 1 << 31
"""Versions of a domain end below this."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function for one call: its body, the opset of the body's nodes, and the attributes of the call with ONNX's
    defaults."""

    function: onnx.FunctionProto
    opset: int
    attributes: Mapping[str, onnx.AttributeProto]


def defined(
    proto: onnx.NodeProto, values: Sequence[Value | None], version: int, opset: int, source: str, name: str
) -> Definition | None:
    """How ONNX defines the op of `proto`, the node `name`, for operands like `values`; None if it does not.

    `version` is the opset of the op's domain, `opset` that of ONNX's own ops. Attributes that an op of ONNX's own
    does not have raise `InputError`.
    """
    domain = "" if proto.domain in DEFAULT_DOMAINS else proto.domain
    if not 0 < version < NO_OPSET:
        return None
    try:
        schema: Any = defs.get_schema(proto.op_type, version, domain)
    except defs.SchemaError:
        return None
    if not (schema.has_function or schema.has_context_dependent_function):
        return None
    if not domain:
        attributes_of(proto, schema, source, name)
    defaults = {key: attribute.default_value for key, attribute in schema.attributes.items()}
    given = {key: value for key, value in defaults.items() if value.type != onnx.AttributeProto.UNDEFINED}
    given |= {attribute.name: attribute for attribute in proto.attribute}
    written = _written(schema, proto, values, version, given)
    if written is None:
        return None
    function = onnx.FunctionProto.FromString(written)
    # A function written for an older opset keeps it: its ops may mean something else since.
    own = next((each.version for each in function.opset_import if each.domain in DEFAULT_DOMAINS), opset)
    return Definition(function, own, given)


def _written(
    schema: Any,
    proto: onnx.NodeProto,
    values: Sequence[Value | None],
    version: int,
    given: Mapping[str, onnx.AttributeProto],
) -> bytes | None:
    """The newest function that is not newer than `version`, in protobuf's form."""
    known = [each for each in schema.function_opset_versions if each <= version]
    if known:
        return bytes(schema.get_function_with_opset_version(max(known)))
    known = [each for each in schema.context_dependent_function_opset_versions if each <= version]
    if not known:
        return None
    whole = onnx.NodeProto(op_type=proto.op_type, domain=proto.domain, input=proto.input, output=proto.output)
    whole.attribute.extend(given.values())
    types = [_type(value).SerializeToString() for value in values]
    try:
        written = schema.get_context_dependent_function_with_opset_version(max(known), whole.SerializeToString(), types)
    except (RuntimeError, ValueError):
        return None
    return bytes(written) or None


def _type(value: Value | None) -> onnx.TypeProto:
    if value is None:
        return onnx.TypeProto()
    return helper.make_tensor_type_proto(ONNX_TYPES[value.dtype], value.shape)
