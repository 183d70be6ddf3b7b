"""Finished runs of an evaluation in a file, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from pydantic import TypeAdapter

from archsim.errors import InputError, input_error
from archsim.reading import external_data
from archsim.report import EvaluatedRun

if TYPE_CHECKING:
    from archsim.choices import ModelFile
    from archsim.graph.tensors import Array

HEADER = b'{"schema": "archsim.evaluation_runs/1"}\n'
"""The first line; each further one is a `FinishedRun`."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run through crossbars, what its data set does in floating point, and the key of all that determined them."""

    key: str
    samples: int
    reference_accuracy: float | None
    run: EvaluatedRun


_LINE = TypeAdapter(FinishedRun)


class RunFile:
    """JSON lines of finished runs; a line that is half written at the end, by a run that was stopped, is dropped.

    A file that is none of these, or that is damaged, raises `InputError` and stays as it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: dict[str, FinishedRun] = {}
        content = self._content()
        if not HEADER.startswith(content[: len(HEADER)]):
            raise self._error("line 1", content[:60].decode(errors="replace").splitlines()[0])
        self._whole, self._size = content.rfind(b"\n") + 1, len(content)
        for number, line in enumerate(content[: self._whole].splitlines()[1:], 2):
            try:
                json.loads(line, parse_constant=_refused)
                finished = _LINE.validate_json(line, strict=True)
            except (ValueError, RecursionError):
                raise self._error(f"line {number}", line[:60].decode(errors="replace")) from None
            self._runs[finished.key] = finished

    def _content(self) -> bytes:
        if self._path.exists() and not self._path.is_file():
            raise input_error("--resume", value=str(self._path), expected="a plain file")
        try:
            return self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise input_error("--resume", str(self._path), expected=f"a readable file ({error.strerror})") from None

    def _error(self, place: str, found: str) -> InputError:
        expected = "a file that --resume made, undamaged, or one that is not there yet"
        return input_error("--resume", f"{self._path}, {place}", value=repr(found), expected=expected)

    def find(self, key: str) -> FinishedRun | None:
        """The run of that key, if it is finished."""
        return self._runs.get(key)

    def add(self, finished: FinishedRun) -> None:
        """Writes a run down at once."""
        line = json.dumps(asdict(finished), allow_nan=False, ensure_ascii=False).encode() + b"\n"
        try:
            with self._path.open("r+b" if self._path.exists() else "xb") as stream:
                if stream.seek(0, os.SEEK_END) != self._size:
                    raise input_error("--resume", str(self._path), expected="no other command that writes to it")
                stream.truncate(self._whole)
                stream.seek(self._whole)
                stream.write(line if self._whole else HEADER + line)
                self._whole = self._size = stream.tell()
        except OSError as error:
            raise input_error(
                "--resume", str(self._path), expected=f"a file that can be written ({error.strerror})"
            ) from None


def _refused(number: str) -> NoReturn:
    """pydantic would take NaN and infinities, which no run writes."""
    raise ValueError(f"{number} is not JSON")


def model_digest(model: ModelFile) -> str:
    """A hash of a model's file, of its external data, and of how it is imported."""
    digest = hashlib.sha256(repr((dict(model.shapes), model.treat_as_free, model.random_weights)).encode())
    for path in (model.path, *external_data(model.path)):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def arrays_digest(arrays: Mapping[str, Array]) -> str:
    """A hash of arrays: names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(array.data)
    return digest.hexdigest()


def key_of(parts: Iterable[Any]) -> str:
    """A hash of plain data."""
    return hashlib.sha256(json.dumps(list(parts), sort_keys=True).encode()).hexdigest()
