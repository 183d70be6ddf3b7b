"""Gets an ONNX model out of a file, without its external data."""

from __future__ import annotations

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
