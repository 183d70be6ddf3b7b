"""The element types that archsim reads."""

from __future__ import annotations

from onnx import TensorProto

FLOATS = frozenset({"float16", "float32", "float64"})

NUMPY_NAMES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.DOUBLE: "float64",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BOOL: "bool",
}
"""numpy's name for each ONNX element type that can be read."""

ONNX_TYPES: dict[str, int] = {name: int(number) for number, name in NUMPY_NAMES.items()}


def onnx_name(number: int) -> str:
    """ONNX's name of an element type, for messages."""
    known = TensorProto.DataType.items()
    return next((name for name, value in known if value == number), f"type {number}")
