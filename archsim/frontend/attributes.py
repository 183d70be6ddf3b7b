"""The attributes of a node with ONNX's defaults, and its operands' element types, checked against ONNX's own schema of
the op."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import onnx
from onnx import defs, helper

from archsim.errors import InputError, Problem, nearest_name
from archsim.frontend.dtypes import NUMPY_NAMES, onnx_name
from archsim.frontend.microsoft import MICROSOFT, schemas

_UNDEFINED = onnx.AttributeProto.UNDEFINED


class Attributes(dict[str, Any]):
    """Attribute values by name, which remembers which of them were looked at.

    An attribute that the user's model sets and that a lowering never looks at would be ignored silently:
    ONNX adds attributes to ops with new opsets. One set to its default says what a node without it says.
    """

    def __init__(self, values: Mapping[str, Any], given: Iterable[str]) -> None:
        super().__init__(values)
        self.unread = set(given)

    def __getitem__(self, name: str) -> Any:
        self.unread.discard(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or `default` if the node has none."""
        self.unread.discard(name)
        return super().get(name, default)


@lru_cache(maxsize=1024)
def schema_of(op: str, opset: int) -> defs.OpSchema:
    """The schema of an op in an opset: ONNX's, or for `com.microsoft::` ops the one of `archsim.frontend.microsoft`.

    Raises `onnx.defs.SchemaError` if there is none.
    """
    domain, _, name = op.rpartition("::")
    return schemas()[name] if domain == MICROSOFT else defs.get_schema(op, opset, "")


@lru_cache(maxsize=1024)
def _defaults(schema: defs.OpSchema) -> dict[str, Any]:
    return {
        name: _plain(attribute.default_value)
        for name, attribute in schema.attributes.items()
        if attribute.default_value.type != _UNDEFINED
    }


def _plain(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def attributes_of(proto: onnx.NodeProto, schema: defs.OpSchema, source: str, name: str) -> Attributes:
    """Attribute values by name, strings decoded, defaults filled in.

    Raises `InputError` for an attribute that the op does not have or of another type, for a missing one,
    and for a number of inputs or outputs that the op cannot have.
    """
    place = f"node {name!r} ({proto.op_type})"
    known: dict[str, Any] = schema.attributes
    problems = [
        Problem(source, place, f"{len(values)} {what}", f"{fewest} to {most}")
        for what, values, fewest, most in (
            ("inputs", proto.input, schema.min_input, schema.max_input),
            ("outputs", proto.output, schema.min_output, schema.max_output),
        )
        if not fewest <= len(values) <= most
    ]
    defaults = _defaults(schema)
    values = dict(defaults)
    for attribute in proto.attribute:
        if attribute.name not in known:
            expected = f"one of {', '.join(known)}" if known else "no attributes"
            near = nearest_name(attribute.name, known)
            problems.append(Problem(source, place, f"attribute {attribute.name}", expected, near))
        elif attribute.type != known[attribute.name].type.value:
            expected = known[attribute.name].type.name
            problems.append(Problem(source, place, f"attribute {attribute.name} of another type", expected))
        else:
            values[attribute.name] = _plain(attribute)
    problems += [
        Problem(source, place, f"no attribute {wanted}", "that attribute")
        for wanted, attribute in known.items()
        if attribute.required and wanted not in values
    ]
    if problems:
        raise InputError(*problems)
    given = (attribute.name for attribute in proto.attribute)
    return Attributes(values, (each for each in given if each not in defaults or values[each] != defaults[each]))


@lru_cache(maxsize=1024)
def _allowed_types(op: str, opset: int) -> tuple[frozenset[str], ...]:
    """The numpy names of the element types of each formal input."""
    names = {f"tensor({onnx_name(number).lower()})": name for number, name in NUMPY_NAMES.items()}
    return tuple(
        frozenset(names[each] for each in formal.types if each in names) for formal in schema_of(op, opset).inputs
    )


def check_types(op: str, opset: int, dtypes: Iterable[str | None], source: str, name: str) -> None:
    """Raise `InputError` for an operand whose element type ONNX does not allow there; None where one is absent."""
    allowed = _allowed_types(op, opset)
    problems = []
    for index, dtype in enumerate(dtypes):
        known = allowed[min(index, len(allowed) - 1)]
        if dtype is not None and dtype not in known:
            expected = ", ".join(each for each in NUMPY_NAMES.values() if each in known)
            problems.append(Problem(source, f"node {name!r} ({op})", f"input {index} of type {dtype}", expected))
    if problems:
        raise InputError(*problems)
