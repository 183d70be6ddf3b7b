"""The network and the design that a verb was given, loaded and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.choices import MappingChoice, ModelFile, Problems

if TYPE_CHECKING:
    from archsim.graph import Graph
    from archsim.hardware import Design

    Model = str | Path | ModelFile | Graph
    Chosen = str | Path | MappingChoice | Design


def graph_of(model: Model) -> Graph:
    """The network of an ONNX file, of a shipped model, or one that is loaded already."""
    if isinstance(model, str | Path):
        model = ModelFile(str(model))
    return model.load() if isinstance(model, ModelFile) else model


def design_of(mapping: Chosen, defaults: Iterable[str] = (), settings: Iterable[str] = ()) -> Design:
    """The design with its settings, all its names known; one that is loaded already stays as it is."""
    if isinstance(mapping, str | Path):
        mapping = MappingChoice.parse(str(mapping))
    design = mapping.design(defaults, settings) if isinstance(mapping, MappingChoice) else mapping
    _check_names(design)
    return design


def _check_names(design: Design) -> None:
    """Asks the rooms that own registries for the names in a design that they do not know, and the room of numbers for
    cells that cannot be."""
    from archsim import crossbar, energy, engine, values
    from archsim import mapping as mapper

    problems = Problems(dict.fromkeys([*mapper.check(design), *engine.check(design), *energy.check(design)]))
    with problems.gathered():
        crossbar.find_encoding(design.array.sign)
    with problems.gathered():
        values.device_errors(design)
    problems.raise_any()
