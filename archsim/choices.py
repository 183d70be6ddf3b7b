"""What a user chooses: a network and how to import it, a design and its settings."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.errors import InputError, Problem, input_error, nearest_name

if TYPE_CHECKING:
    from archsim.graph import Graph
    from archsim.graph.tensors import Array
    from archsim.hardware import Design


DEFAULT_MAPPING = "isaac"


class Problems:
    """What independent steps find wrong, to be told together."""

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        self._found = list(found)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keeps the problems of an `InputError` and goes on after the block."""
        try:
            yield
        except InputError as error:
            self._found += error.problems

    def raise_any(self) -> None:
        """Raises one `InputError` with all problems kept, if there are any."""
        if self._found:
            raise InputError(*dict.fromkeys(self._found))


def model_names() -> tuple[str, ...]:
    """The models that ship, by name."""
    from archsim.hardware import data_folder

    return tuple(sorted(path.stem for path in data_folder("models").glob("*.onnx")))


def data_file(name: str | Path) -> Path:
    """Where a .npz file is, or a shipped data set by its name."""
    from archsim.hardware import data_folder

    names = sorted(path.stem for path in data_folder("models").glob("*.npz"))
    if str(name) in names:
        return data_folder("models") / f"{name}.npz"
    path = Path(name)
    if path.suffix or len(path.parts) > 1:
        return path
    expected = f"a .npz file or one of {', '.join(names)}"
    raise input_error("--data", value=repr(str(name)), expected=expected, nearest=nearest_name(str(name), names))


def mapping_names() -> tuple[str, ...]:
    """The designs that ship, by name."""
    from archsim.hardware import design_names

    return design_names()


def named_mappings(texts: Iterable[str]) -> tuple[str, ...]:
    """The designs of a comparison: `all` (with settings behind a colon if wanted) stands for every one that ships."""
    chosen: list[str] = []
    for text in texts:
        name, colon, settings = text.partition(":")
        chosen += [one + colon + settings for one in mapping_names()] if name == "all" else [text]
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file, or a shipped model by its name, and how to import it.

    `shapes` binds inputs with dynamic dimensions to full shapes, `treat_as_free` names ops that may cost
    nothing, `random_weights` is the seed of weights for models that ship without any. Dynamic dimensions that are
    left are those of the arrays in the .npz file `data`, if there is one.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    treat_as_free: tuple[str, ...] = ()
    random_weights: int | None = None
    data: str | Path | None = None

    @property
    def path(self) -> Path:
        """Where the file is; a bare word that names no file and no shipped model is an `InputError`."""
        from archsim.hardware import data_folder

        names = model_names()
        if self.name in names:
            return data_folder("models") / f"{self.name}.onnx"
        path = Path(self.name)
        if path.suffix or len(path.parts) > 1 or os.path.exists(path):  # noqa: PTH110 names too long are no files
            return path
        expected = f"an ONNX file or one of {', '.join(names)}"
        raise input_error("MODEL", value=repr(self.name), expected=expected, nearest=nearest_name(self.name, names))

    def load(self) -> Graph:
        """The network."""
        from archsim import frontend

        return frontend.load(
            self.path,
            shapes=self.shapes,
            treat_as_free=self.treat_as_free,
            random_weights=self.random_weights,
            fed=None if self.data is None else self._fed,
        )

    def _fed(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays for inputs of these names."""
        from archsim import values

        if self.data is None:
            return {}
        arrays = values.load_arrays(data_file(self.data))
        found = {name: arrays[name].shape for name in names if name in arrays}
        if not found and len(names) == 1:
            shared = [arrays[name].shape for name in values.DATA_NAMES if name in arrays]
            return dict(zip(names, shared, strict=False))
        return found


@dataclass(frozen=True, slots=True)
class MappingChoice:
    """A design, by name or YAML file, with settings of its own."""

    label: str
    name: str
    settings: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> MappingChoice:
        """`NAME|FILE[:KEY=VALUE,...]`; commas inside brackets and quotes belong to the value."""
        name, colon, settings = text.partition(":")
        if not colon or os.path.isfile(text):  # noqa: PTH113 texts too long for a name are no files
            return cls(text, text, ())
        parts = split_outside_brackets(settings)
        if not all("=" in part for part in parts):
            raise input_error("--mapping", value=repr(text), expected="NAME:KEY=VALUE,... after the colon")
        return cls(text, name, tuple(parts))

    @property
    def path(self) -> Path:
        """Where the design's file is; it need not be there."""
        from archsim.hardware import data_folder

        path = Path(self.name)
        return path if path.suffix or len(path.parts) > 1 else data_folder("mappings") / f"{self.name}.yaml"

    def design(self, defaults: Iterable[str] = (), settings: Iterable[str] = ()) -> Design:
        """The design; its own settings win over `settings`, those over `defaults`."""
        from archsim.hardware import load_design

        return load_design(self.name, [*defaults, *settings, *self.settings])

    def device_path(self, settings: Iterable[str] = ()) -> Path | None:
        """The file of the device that the design names, None if it names none."""
        from archsim.hardware import device_file

        return device_file(self.name, [*settings, *self.settings])


def split_outside_brackets(text: str) -> list[str]:
    """The parts between commas that are in no brackets and no quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "[{(") - (character in "]})")
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def drawn_inputs(graph: Graph, samples: int, seed: int) -> dict[str, Array]:
    """For each input `samples` float32 samples, uniform in [0, 1), from raw 64-bit output of PCG64 so that a
    seed means the same numbers on any machine. Inputs that are not floating point raise `InputError`."""
    import numpy as np

    generator = np.random.PCG64(seed)
    inputs = {}
    for tensor in graph.inputs:
        if np.dtype(tensor.dtype).kind != "f":
            raise input_error("--values", f"input {tensor.name!r}", value=tensor.dtype, expected="--input FILE.npz")
        shape = (samples, *tensor.shape[1:])
        raw = np.asarray(generator.random_raw(math.prod(shape)), dtype=np.uint64) >> np.uint64(40)
        inputs[tensor.name] = (raw.astype(np.float32) / np.float32(2**24)).reshape(shape)
    return inputs
