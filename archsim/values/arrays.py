"""Arrays from files of others: .npz archives, read within bounds, and the names they go by."""

from __future__ import annotations

import lzma
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from archsim.errors import InputError, Problem, input_error
from archsim.graph import Graph
from archsim.graph.tensors import Array

MAX_BYTES = 2**32
"""Bytes of all arrays of a file together, unpacked."""

MAX_ARRAYS = 1000

DATA_NAMES = ("images", "inputs")
"""What the data of a network of one input may be called."""

# zipfile raises RuntimeError for an encrypted file, and a kind of it for a compression method that it does not know.
_BROKEN = (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def load_arrays(path: str | Path) -> dict[str, Array]:
    """The arrays of a .npz file, by name.

    Object arrays (pickles) are refused, and so are files that unpack to more than `MAX_BYTES` or whose arrays
    are longer or shorter than they say. Whatever is wrong is one `InputError`.
    """
    source = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_ARRAYS:
                raise input_error(source, value=f"{len(members)} members", expected=f"at most {MAX_ARRAYS} arrays")
            total = sum(member.file_size for member in members)
            if total > MAX_BYTES:
                raise input_error(source, value=f"{total} bytes of arrays", expected=f"at most {MAX_BYTES}")
            return {member.filename.removesuffix(".npy"): _load(archive, member, source) for member in members}
    except OSError as error:
        raise input_error(source, value=error.strerror or error, expected="a readable .npz file") from error
    except InputError:
        raise
    except _BROKEN as error:
        raise input_error(source, value=error, expected="a .npz archive of numpy arrays") from error


def _load(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> Array:
    with archive.open(member) as stream:
        shape, in_columns, dtype = _header(stream)
        if dtype.hasobject or dtype.kind not in "biuf":
            raise input_error(source, member.filename, value=f"type {dtype}", expected="an array of real numbers")
        # One byte more than the header speaks of, to see whether there is more.
        size = math.prod(shape) * dtype.itemsize
        data = stream.read(min(size, member.file_size) + 1)
    if len(data) != size:
        found = "more" if len(data) > size else f"{len(data)}"
        raise input_error(source, member.filename, value=f"{found} bytes", expected=f"{size} for shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy.read_array_header_2_0(stream)
    raise ValueError(f"an array of format version {version}")


def network_inputs(graph: Graph, arrays: Mapping[str, Array], source: str) -> dict[str, Array]:
    """Which of `arrays` feed the graph: those named as its inputs, or `images` or `inputs` if it has one input.

    Missing names, and `images` beside `inputs`, raise `InputError` with what would have been accepted and what
    is there.
    """
    names = [tensor.name for tensor in graph.inputs]
    missing = [name for name in names if name not in arrays]
    if not missing:
        return {name: arrays[name] for name in names}
    if len(names) == 1:
        found = [name for name in DATA_NAMES if name in arrays]
        if len(found) == 1:
            return {names[0]: arrays[found[0]]}
        if found:
            expected = f"one of them, or an array named {names[0]!r}"
            raise input_error(source, value=f"both {' and '.join(map(repr, found))}", expected=expected)
        accepted = f"an array named {' or '.join(map(repr, (*DATA_NAMES, names[0])))}"
    else:
        accepted = f"arrays named {', '.join(map(repr, names))}"
    there = ", ".join(sorted(arrays)) or "no arrays"
    raise InputError(Problem(source, value=there, expected=accepted))
