"""Which files a command reads, so that no answer is written over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.choices import DEFAULT_MAPPING, MappingChoice, ModelFile, data_file
from archsim.errors import InputError

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

Named = tuple[str, Path]


def files_read(
    model: str,
    mappings: Sequence[str] | None,
    data: str | Path | None,
    settings: Sequence[str],
    targets: Iterable[Path],
) -> list[Named]:
    """Files that are there and are read, each with a name for messages.

    `settings` are all that any design of the command gets, each by itself. Choices that lead nowhere are left out:
    whoever loads them says what is wrong. Where a model keeps its weights is looked up only if one of `targets` could
    be such a file: one that exists in the model's folder.
    """
    found: list[Named] = []
    with suppress(InputError):
        path = ModelFile(model).path
        found.append(("the model", path))
        if any(_beside(target, path) for target in targets):
            found += [("the model's external data", file) for file in external_data(path)]
    for mapping in mappings or ():
        with suppress(InputError):
            found.append(("the design", MappingChoice.parse(mapping).path))
    for mapping, setting in product(mappings or (DEFAULT_MAPPING,), ((), *((one,) for one in settings))):
        with suppress(InputError):
            device = MappingChoice.parse(mapping).device_path(setting)
            found += [] if device is None else [("the device", device)]
    if data is not None:
        with suppress(InputError):
            found.append(("the data", data_file(data)))
    return found


def _beside(target: Path, model: Path) -> bool:
    inside = target.resolve().is_relative_to(model.resolve().parent)
    return inside and os.path.isfile(target)  # noqa: PTH113 texts too long for a name are no files


def external_data(path: Path) -> Iterator[Path]:
    """The external files that an ONNX file names; `InputError` if it is none."""
    from archsim.frontend.reader import read_model

    tensors = _tensors(read_model(path).graph)
    locations = {str(entry.value) for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return (path.parent / location for location in sorted(locations))


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """The stored numbers of a graph and of the graphs inside its nodes, such as the branches of an If."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield from _tensors(inner)
