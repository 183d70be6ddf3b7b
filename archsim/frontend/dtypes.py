"""The element types that archsim reads."""

from __future__ import annotations

from importlib.util import find_spec

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

BITS = {"float4_e2m1fn": 4, "int4": 4, "uint4": 4, "int2": 2, "uint2": 2}
"""Bits of the element types of which several share a stored byte."""

_NARROW = {
    "BFLOAT16": "bfloat16",
    "FLOAT8E4M3FN": "float8_e4m3fn",
    "FLOAT8E4M3FNUZ": "float8_e4m3fnuz",
    "FLOAT8E5M2": "float8_e5m2",
    "FLOAT8E5M2FNUZ": "float8_e5m2fnuz",
    "FLOAT8E8M0": "float8_e8m0fnu",
    "FLOAT4E2M1": "float4_e2m1fn",
    "INT4": "int4",
    "UINT4": "uint4",
    "INT2": "int2",
    "UINT2": "uint2",
}
"""Element types that numpy does not have itself. The ml_dtypes package, which newer onnx packages bring, adds them
to numpy when it is imported."""

if find_spec("ml_dtypes"):
    import ml_dtypes

    NUMPY_NAMES |= {
        number: _NARROW[name]
        for name, number in TensorProto.DataType.items()
        if name in _NARROW and hasattr(ml_dtypes, _NARROW[name])
    }

ONNX_TYPES: dict[str, int] = {name: int(number) for number, name in NUMPY_NAMES.items()}


def onnx_name(number: int) -> str:
    """ONNX's name of an element type, for messages."""
    known = TensorProto.DataType.items()
    return next((name for name, value in known if value == number), f"type {number}")
