"""The page about operators, made of the registry of lowerings: their docstrings, and the kinds and limits declared."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from onnx import defs
from onnx.backend.test.case.test_case import TestCase

from archsim import frontend
from archsim.errors import InputError
from archsim.frontend.opsets import OLDEST_OPSET
from archsim.frontend.registry import Declaration, declarations, lowerings
from archsim.graph import Graph, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from tests.surface.node_cases import array_of, cases
from tests.surface.pages import ROOT

OPERATORS = ROOT / "docs" / "operators.md"

KINDS = {MatrixLayer: "crossbars", RecurrentLayer: "crossbars", VectorLayer: "digital", LayoutLayer: "layout"}

_HEAD = f"""# Operators

Every op that archsim imports, from opset {OLDEST_OPSET} to the newest of the installed onnx package, and how it is
timed. Any other op is an error that names it. *Crossbars*: a matrix layer,
in arrays. *Digital*: a layer of the tile's digital units, which takes as many operations of their lanes as the column
"what it is and takes" says. *Layout*: elements are moved or repeated, which is wiring and addresses, and takes no
operation. *Folded*: known on import. An op of several kinds is one or the other by its form, or one behind the other.
Whatever has constant operands alone is folded as well, and so is what becomes part of the matrix layer before it.

*Limits* is what ONNX allows and archsim refuses, with a message that says so, or where the two differ. *Constant* is
what is known on import: an initializer, or computed from initializers and shapes. (Through
`archsim.backend.ArchsimBackend` it may be an input, whose numbers each run brings.) No op takes sequences, optionals,
strings or sparse tensors, and `Loop`, `Scan` and an `If` whose condition is computed at run time are refused. A
dynamic batch (first axis) that neither `--shape` nor the data says is taken as 1; other dynamic dimensions must be
given.

This page is written by `make examples`, from the table of lowerings.
"""


def operators_page() -> str:
    """The whole page."""
    modules: dict[str, dict[str, list[str]]] = {}
    for op, lower in sorted(lowerings().items()):
        modules.setdefault(lower.__module__, {}).setdefault(lower.__name__, []).append(op)
    return "\n".join([_HEAD, *(_section(name, modules[name]) for name in sorted(modules)), _functions()])


def _section(name: str, functions: dict[str, list[str]]) -> str:
    module = importlib.import_module(name)
    title = name.rpartition(".")[2].replace("_", " ").capitalize()
    lines = [
        f"## {title}",
        "",
        _one_line(module),
        "",
        "| op | from opset | timed | what it is and takes | limits |",
        "|---|---|---|---|---|",
    ]
    for function, ops in sorted(functions.items(), key=lambda item: item[1]):
        rule = _one_line(getattr(module, function)).replace("|", "\\|")
        alike: dict[tuple[int, Declaration], list[str]] = {}
        for op in ops:
            alike.setdefault((_first_opset(op), declarations()[op]), []).append(op)
        for (opset, declared), named in sorted(alike.items(), key=lambda item: item[1]):
            cells = [", ".join(f"`{op}`" for op in named), opset, ", ".join(declared.becomes), rule, declared.limits]
            lines.append(f"| {' | '.join(map(str, cells))} |".replace("|  |", "| |"))
    return "\n".join([*lines, ""])


def _one_line(documented: object) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())


def _first_opset(op: str) -> int:
    return 1 if "::" in op else max(OLDEST_OPSET, _first_versions()[op])


@cache
def _first_versions() -> dict[str, int]:
    """The opset that each op of ONNX came with."""
    found: dict[str, int] = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.domain:
            found[schema.name] = min(schema.since_version, found.get(schema.name, schema.since_version))
    return found


@cache
def _lowered() -> tuple[tuple[frozenset[str], Graph], ...]:
    """The ops of each of ONNX's cases that is read, and the network that it becomes."""
    return tuple((frozenset(node.op_type for node in case.model.graph.node), graph) for case, graph in _graphs())


def _graphs() -> Iterator[tuple[TestCase, Graph]]:
    for case in cases():
        arrays = map(array_of, case.data_sets[0][0])
        given = {value.name: array for value, array in zip(case.model.graph.input, arrays, strict=True)}
        shapes = {name: array.shape for name, array in given.items() if hasattr(array, "shape")}
        with warnings.catch_warnings(), suppress(InputError):
            warnings.simplefilter("ignore")
            yield case, frontend.from_model(case.model, source=case.name, base_dir=None, shapes=shapes, given=given)


@cache
def kinds_in_cases() -> dict[str, frozenset[str]]:
    """The kinds of layer that ONNX's cases of each op alone, and nodes of it in other cases, become."""
    kinds: dict[str, set[str]] = {}
    for ops, graph in _lowered():
        (alone,) = ops if len(ops) == 1 else ("",)
        for layer in graph.layers:
            op = alone if alone in lowerings() else layer.op
            if layer.nodes or (op == alone and not layer.name.endswith(" constant")):
                kinds.setdefault(op, set()).add(KINDS[type(layer)])
    return {op: frozenset(found) for op, found in kinds.items()}


def _functions() -> str:
    """What is read although it has no lowering."""
    alone = {op for ops, _ in _lowered() if len(ops) == 1 for op in ops}
    named = ", ".join(f"`{op}`" for op in sorted(alone - lowerings().keys() - {"If"}))
    return f"""## Ops made of others

What ONNX defines by other ops is read as those: {named}. So are functions of the model's own. `If` is the branch that a
condition known on import chooses.
"""
