"""What the importer made of a network: its layers, and where each ONNX node went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.report.figures import large
from archsim.report.tables import Column, Table

SCHEMA = "archsim.inspect/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedLayer:
    """A layer as imported; figures of matrices are None for other kinds.

    `kind` is `matrix`, `recurrent`, `vector`, `layout` or `free`; `nodes` are the ONNX nodes it stands for, its own
    first. `digital_macs` are multiply-accumulates of two activations (attention), which the digital units do: no
    crossbar holds such operands, and `macs` does not count them; None for a layer that is no such product.
    """

    name: str
    op: str
    kind: str
    rows: int | None
    outputs: int | None
    groups: int | None
    windows: int | None
    macs: int
    parameters: int
    digital_macs: int | None
    shape: tuple[int, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A network as imported; `folded` are the nodes computed on import, `inputs` and `outputs` name to shape."""

    name: str
    macs: int
    parameters: int
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    layers: tuple[InspectedLayer, ...]
    coverage: dict[str, int]
    folded: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The inspection as plain data, in the schema `archsim.inspect/1`."""
        data = asdict(self)
        model = {key: data.pop(key) for key in ("name", "macs", "parameters")}
        return {"schema": SCHEMA, "model": model, **data}


def inspection_tables(inspected: Inspection) -> tuple[Table, Table]:
    """The layers, then one row per kind of thing that became of the ONNX nodes."""
    return _layers(inspected), _coverage(inspected)


def _layers(inspected: Inspection) -> Table:
    columns = (
        Column("name", "layer", left=True),
        Column("op", "op", left=True),
        Column("kind", "kind", left=True),
        Column("rows", "rows"),
        Column("outputs", "outputs"),
        Column("groups", "groups"),
        Column("windows", "windows"),
        Column("macs", "MACs", large),
        Column("parameters", "parameters", large),
        Column("shape", "result", left=True),
        Column("nodes", "absorbs", left=True),
    )
    rows = tuple(
        (
            *(layer.name, layer.op, layer.kind, layer.rows, layer.outputs, layer.groups, layer.windows),
            layer.macs if layer.rows is not None else None,
            layer.parameters if layer.rows is not None else None,
            "x".join(map(str, layer.shape)),
            ", ".join(layer.nodes[1:]) or None,
        )
        for layer in inspected.layers
    )
    ports = [f"input {name}: {'x'.join(map(str, shape))}" for name, shape in inspected.inputs.items()]
    ports += [f"output {name}: {'x'.join(map(str, shape))}" for name, shape in inspected.outputs.items()]
    ports += _digital(inspected)
    title = f"{inspected.name}: {large(inspected.macs)} MACs, {large(inspected.parameters)} parameters in matrices"
    return Table(title, columns, rows, tuple(ports))


def _digital(inspected: Inspection) -> list[str]:
    """Which layers multiply activations, and how much of that there is."""
    found = {layer.name: layer.digital_macs for layer in inspected.layers if layer.digital_macs is not None}
    if not found:
        return []
    named = ", ".join(f"{name} ({large(macs)} MACs)" for name, macs in found.items())
    total = large(sum(found.values()))
    return [f"products of activations, on the digital units, not on crossbars: {named}; {total} MACs beside the above"]


def _coverage(inspected: Inspection) -> Table:
    meaning = {
        "timed": "layers on crossbars or digital units: their time is simulated",
        "layout": "layers that only move or repeat elements: wiring and addresses",
        "folded": "computed on import, or part of the layer that absorbs them",
        "free": "free because --treat-as-free says so: their time is NOT simulated",
        "nodes": "ONNX nodes in all",
    }
    rows = tuple((inspected.coverage[key], key, text) for key, text in meaning.items() if inspected.coverage[key])
    columns = (Column("count", "nodes"), Column("became", "became", left=True), Column("meaning", "", left=True))
    folded = (f"computed on import: {', '.join(inspected.folded)}",) if inspected.folded else ()
    return Table("Coverage: what became of each ONNX node", columns, rows, folded)
