"""How well a network does through the crossbars of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsim.report.figures import Value, plain, share
from archsim.report.tables import Column, Table

SCHEMA = "archsim.evaluation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedLayer:
    """Whether the ADC can lose nothing on a layer, and whether its sums equal the integer product."""

    name: str
    lossless: bool
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Accuracies in 0..1 (None without labels) through crossbars and in floating point; errors of the outputs
    against floating point; `outputs` (numpy arrays by ONNX name) are not part of the JSON.

    `seeds` are those that device errors were drawn with; ideal devices draw none. `notes` are what is allowed in the
    design and yet to be known.
    """

    model: str
    mapping: str
    weight_bits: int
    input_bits: int
    accuracy: float | None
    reference_accuracy: float | None
    samples: int
    max_abs_error: float
    mean_abs_error: float
    seeds: tuple[int, ...]
    layers: tuple[EvaluatedLayer, ...]
    outputs: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every layer that cannot lose anything gave the integer product."""
        return all(layer.exact for layer in self.layers if layer.lossless)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain data, in the schema `archsim.evaluation/1`."""
        layers = [{"name": one.name, "lossless": one.lossless, "exact": one.exact} for one in self.layers]
        return {
            "schema": SCHEMA,
            "model": self.model,
            "mapping": self.mapping,
            "weight_bits": self.weight_bits,
            "input_bits": self.input_bits,
            "accuracy": self.accuracy,
            "reference_accuracy": self.reference_accuracy,
            "samples": self.samples,
            "max_abs_error": self.max_abs_error,
            "mean_abs_error": self.mean_abs_error,
            "seeds": list(self.seeds),
            "layers": layers,
            "checks": {"exact": self.exact},
            "notes": list(self.notes),
        }


def evaluation_tables(evaluation: Evaluation) -> tuple[Table, Table]:
    """The figures, and the layers."""
    figures: tuple[tuple[str, Value], ...] = (
        ("samples", plain(evaluation.samples)),
        ("bits of weights / inputs", f"{evaluation.weight_bits} / {evaluation.input_bits}"),
        ("accuracy through crossbars", share(evaluation.accuracy)),
        ("accuracy in floating point", share(evaluation.reference_accuracy)),
        ("largest error of an output", plain(evaluation.max_abs_error)),
        ("mean error of an output", plain(evaluation.mean_abs_error)),
        ("lossless layers are exact", plain(evaluation.exact)),
    )
    title = f"{evaluation.model} through the crossbars of {evaluation.mapping}"
    notes = tuple(f"note: {note}" for note in evaluation.notes)
    whole = Table(title, (Column("figure", "figure", left=True), Column("value", "value")), figures, notes)
    columns = (
        Column("name", "layer", left=True),
        Column("lossless", "ADC loses nothing"),
        Column("exact", "equals the integer product"),
    )
    rows = tuple((layer.name, layer.lossless, layer.exact) for layer in evaluation.layers)
    return whole, Table("Matrix layers", columns, rows)
