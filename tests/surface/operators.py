"""The page about operators, made of the registry of lowerings, their docstrings, and what ONNX's own cases become."""

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
from archsim.frontend.registry import lowerings
from archsim.graph import Graph, LayoutLayer, MatrixLayer, RecurrentLayer, VectorLayer
from tests.surface.node_cases import array_of, cases
from tests.surface.pages import ROOT

OPERATORS = ROOT / "docs" / "operators.md"

_KINDS = {MatrixLayer: "crossbars", RecurrentLayer: "crossbars", VectorLayer: "digital", LayoutLayer: "layout"}

_FURTHER = {
    "crossbars": (
        "GRU",
        "com.microsoft::DynamicQuantizeLSTM",
        "com.microsoft::DynamicQuantizeMatMul",
        "com.microsoft::MatMulIntegerToFloat",
        "com.microsoft::QGemm",
    ),
    "digital": ("Gemm", "GlobalLpPool", "Not"),
    "layout": ("Gather", "GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND"),
}
"""What becomes of ops in a way that no case of ONNX's shows; ops of com.microsoft that are not here are digital."""

_HEAD = f"""# Operators

Every op that archsim imports, from opset {OLDEST_OPSET} to the newest of the installed onnx package, and how it is
timed. Any other op is an error that names it. *Crossbars*: a matrix layer,
in arrays. *Digital*: a layer of the tile's digital units, which takes as many operations of their lanes as the last
column says. *Layout*: elements are moved or repeated, which is wiring and addresses, and takes no operation. *Folded*:
known on import. Whatever has constant operands alone is folded as well.

This page is written by `make examples`, from the table of lowerings and what becomes of ONNX's own test cases.
"""


def operators_page() -> str:
    """The whole page."""
    found = _kinds()
    modules: dict[str, dict[str, list[str]]] = {}
    for op, lower in sorted(lowerings().items()):
        modules.setdefault(lower.__module__, {}).setdefault(lower.__name__, []).append(op)
    return "\n".join([_HEAD, *(_section(name, modules[name], found) for name in sorted(modules)), _functions()])


def _section(name: str, functions: dict[str, list[str]], found: dict[str, str]) -> str:
    module = importlib.import_module(name)
    title = name.rpartition(".")[2].replace("_", " ").capitalize()
    lines = [
        f"## {title}",
        "",
        _one_line(module),
        "",
        "| op | from opset | timed | what it is and takes |",
        "|---|---|---|---|",
    ]
    for function, ops in sorted(functions.items(), key=lambda item: item[1]):
        rule = _one_line(getattr(module, function)).replace("|", "\\|")
        by_kind: dict[tuple[int, str], list[str]] = {}
        for op in ops:
            by_kind.setdefault((_first_opset(op), found[op]), []).append(op)
        for (opset, kind), named in sorted(by_kind.items(), key=lambda item: item[1]):
            lines.append(f"| {', '.join(f'`{op}`' for op in named)} | {opset} | {kind} | {rule} |")
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


def _kinds() -> dict[str, str]:
    """The kinds of layer that stand for nodes of each op in ONNX's cases; `folded` where there is none."""
    kinds: dict[str, set[str]] = {op: set() for op in lowerings()}
    for _, graph in _lowered():
        for layer in graph.layers:
            if layer.nodes:
                kinds[layer.op].add(_KINDS[type(layer)])
    read = {op for ops, _ in _lowered() for op in ops}
    return {op: _shown(op, kinds[op], op in read) for op in kinds}


def _shown(op: str, kinds: set[str], lowered: bool) -> str:
    kinds = kinds | {kind for kind, ops in _FURTHER.items() if op in ops}
    if not kinds and not lowered and "::" not in op:
        raise LookupError(f"nothing says how {op} is timed")
    return " or ".join(sorted(kinds)) or ("folded" if lowered else "digital")


def _functions() -> str:
    """What is read although it has no lowering."""
    alone = {op for ops, _ in _lowered() if len(ops) == 1 for op in ops}
    named = ", ".join(f"`{op}`" for op in sorted(alone - lowerings().keys() - {"If"}))
    return f"""## Ops made of others

What ONNX defines by other ops is read as those: {named}. So are functions of the model's own. `If` is the branch that a
condition known on import chooses.
"""
