"""Tensors stored in the model or in external files beside it, as constants that are read only when asked for."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from archsim.errors import InputError, Problem, input_error
from archsim.frontend.dtypes import BITS, NUMPY_NAMES, onnx_name
from archsim.frontend.inputs import MAX_RANK
from archsim.graph import Constant
from archsim.graph.tensors import Array

_TYPED_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}


def stored_constant(tensor: onnx.TensorProto, key: str, source: str, base_dir: Path | None) -> Constant:
    """`tensor` as a lazily read constant named `key`.

    Sizes are checked now, against the bytes that are there; external data must lie inside `base_dir`.
    """
    place = f"tensor {key!r}"
    dtype = NUMPY_NAMES.get(tensor.data_type)
    if dtype is None:
        raise input_error(
            source, place, value=f"element type {onnx_name(tensor.data_type)}", expected=", ".join(NUMPY_NAMES.values())
        )
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or len(shape) > MAX_RANK:
        raise input_error(source, place, value=f"shape {shape}", expected=f"no negative size, {MAX_RANK} axes at most")
    count = math.prod(shape)
    if tensor.data_location == TensorProto.EXTERNAL:
        return _external(tensor, key, dtype, source, base_dir)
    per_byte = 8 // BITS.get(dtype, 8)
    if tensor.HasField("raw_data"):
        held, needed, unit = len(tensor.raw_data), -(-count // per_byte) * np.dtype(dtype).itemsize, "bytes"
    else:
        held = len(getattr(tensor, _TYPED_FIELDS.get(tensor.data_type, "int32_data")))
        needed, unit = -(-count // per_byte), "elements"
    if held != needed:
        raise input_error(source, place, value=f"{held} {unit} of data", expected=f"{needed} for shape {shape}")
    return Constant(key, shape, dtype, lambda: numpy_helper.to_array(tensor))


def _external(tensor: onnx.TensorProto, key: str, dtype: str, source: str, base_dir: Path | None) -> Constant:
    place = f"tensor {key!r}"
    shape = tuple(tensor.dims)
    count = math.prod(shape)
    if dtype in BITS:
        raise input_error(source, place, value=f"external data of type {dtype}", expected="whole bytes an element")
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if base_dir is None:
        raise input_error(source, place, value=f"external data {location!r}", expected="a model loaded from a file")
    path = _inside(base_dir, location, source, place)
    offset = _whole_number(entries.get("offset", "0"), "offset", source, place)
    needed = count * np.dtype(dtype).itemsize
    length = _whole_number(entries.get("length", str(needed)), "length", source, place)
    if length != needed:
        raise input_error(
            source, place, value=f"external length {length}", expected=f"{needed} bytes for shape {shape}"
        )
    size = path.stat().st_size
    if offset + length > size:
        raise input_error(
            source, place, value=f"{location!r} of {size} bytes", expected=f"{length} bytes from offset {offset} on"
        )
    stored_dtype = np.dtype(dtype).newbyteorder("<")

    def read() -> Array:
        try:
            numbers = np.fromfile(path, dtype=stored_dtype, count=count, offset=offset)
        except OSError as error:
            found = error.strerror or "unreadable"
        else:
            if numbers.size == count:
                return numbers.reshape(shape)
            found = f"{numbers.size} elements"
        value = f"external data {location!r}: {found}"
        raise input_error(source, place, value=value, expected=f"{count} elements, as when the model was loaded")

    return Constant(key, shape, dtype, read)


def _inside(base_dir: Path, location: str, source: str, place: str) -> Path:
    """The file that `location` names, refused if it lies outside `base_dir`, links followed."""
    value = f"external data {location!r}"
    leaving = input_error(source, place, value=value, expected="a relative path inside the model's folder")
    parts = PurePosixPath(location.replace("\\", "/")).parts
    if not parts or ".." in parts or "\0" in location:
        raise leaving
    if PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor or PureWindowsPath(location).drive:
        raise leaving
    root = base_dir.resolve()
    try:
        path = (root / location).resolve()
    except (OSError, RuntimeError):
        raise leaving from None
    if not path.is_relative_to(root):
        raise leaving
    if not path.is_file():
        raise input_error(source, place, value=value, expected=f"that file in {str(base_dir)!r}")
    return path


def _whole_number(text: str, name: str, source: str, place: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise input_error(source, place, value=f"external {name} {text!r}", expected="a whole number of bytes")
    return int(text)


def stored_constants(graph: onnx.GraphProto, source: str, base_dir: Path | None) -> dict[str, Constant]:
    """The initializers by name; every problem among them is reported."""
    constants: dict[str, Constant] = {}
    problems: list[Problem] = []
    for tensor in graph.initializer:
        if tensor.name in constants:
            problems.append(Problem(source, f"tensor {tensor.name!r}", "a second one", "each name once"))
        try:
            constants[tensor.name] = stored_constant(tensor, tensor.name, source, base_dir)
        except InputError as error:
            problems.extend(error.problems)
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        problems.extend(
            input_error(source, f"tensor {name!r}", value="a sparse initializer", expected="a dense one").problems
        )
    if problems:
        raise InputError(*problems)
    return constants
