"""How well a network does through the crossbars of a design."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "archsim.evaluation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedLayer:
    """Whether the ADC can lose nothing on a layer, and whether its sums equal the integer product; its errors and the
    accuracy that it alone leaves, if they were asked for (see `archsim.values.LayerErrors`); pulses that wrote a copy
    of its cells, None where writing is not verified."""

    name: str
    lossless: bool
    exact: bool
    own_error: float | None = None
    accumulated_error: float | None = None
    accuracy_alone: float | None = None
    pulses: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRun:
    """One run through crossbars: its accuracy in 0..1 (None without labels), errors of the outputs against floating
    point, and the layers. `seed` drew the errors of devices; None where nothing is random."""

    seed: int | None
    accuracy: float | None
    max_abs_error: float
    mean_abs_error: float
    layers: tuple[EvaluatedLayer, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures of the run, without the layers."""
        return {
            "seed": self.seed,
            "accuracy": self.accuracy,
            "max_abs_error": self.max_abs_error,
            "mean_abs_error": self.mean_abs_error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedPoint:
    """One design, run with one seed or several: figures are means over the runs, spreads their sample standard
    deviations (None for fewer than two). `value` is that of the key that was swept, as JSON writes it."""

    value: Any
    weight_bits: int
    input_bits: int
    runs: tuple[EvaluatedRun, ...]

    @property
    def accuracy(self) -> float | None:
        """The mean accuracy, 0..1."""
        return _mean(run.accuracy for run in self.runs)

    @property
    def accuracy_spread(self) -> float | None:
        """How far accuracies lie apart."""
        return _spread(run.accuracy for run in self.runs)

    @property
    def max_abs_error(self) -> float | None:
        """The mean of the largest errors."""
        return _mean(run.max_abs_error for run in self.runs)

    @property
    def mean_abs_error(self) -> float | None:
        """The mean of the mean errors."""
        return _mean(run.mean_abs_error for run in self.runs)

    @property
    def mean_abs_error_spread(self) -> float | None:
        """How far mean errors lie apart."""
        return _spread(run.mean_abs_error for run in self.runs)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that drew anything."""
        return tuple(run.seed for run in self.runs if run.seed is not None)

    @property
    def layers(self) -> tuple[EvaluatedLayer, ...]:
        """The layers: lossless and exact if they are in every run, errors as means."""
        return tuple(map(_together, zip(*(run.layers for run in self.runs), strict=True)))

    def to_json(self) -> dict[str, Any]:
        """The point as plain data, but for its value."""
        return {
            "accuracy": self.accuracy,
            "accuracy_spread": self.accuracy_spread,
            "max_abs_error": self.max_abs_error,
            "mean_abs_error": self.mean_abs_error,
            "mean_abs_error_spread": self.mean_abs_error_spread,
            "seeds": list(self.seeds),
            "runs": [run.to_json() for run in self.runs],
            "layers": [_layer(one) for one in self.layers],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A network through the crossbars of a design, or of several that differ in the value of the key `swept`.

    Accuracies are in 0..1 and None without labels; `outputs` (numpy arrays by ONNX name) are there if there is one run,
    and are not part of the JSON. With a sweep the figures of a single design are None, and there are no layers.
    `notes` are what is allowed in a design and yet to be known.
    """

    model: str
    mapping: str
    reference_accuracy: float | None
    samples: int
    swept: str | None
    points: tuple[EvaluatedPoint, ...]
    outputs: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def single(self) -> EvaluatedPoint | None:
        """The only design, if nothing is swept."""
        return None if self.swept is not None else self.points[0]

    @property
    def accuracy(self) -> float | None:
        """The mean accuracy of a single design."""
        return None if self.single is None else self.single.accuracy

    @property
    def max_abs_error(self) -> float | None:
        """The mean of the largest errors of a single design."""
        return None if self.single is None else self.single.max_abs_error

    @property
    def mean_abs_error(self) -> float | None:
        """The mean of the mean errors of a single design."""
        return None if self.single is None else self.single.mean_abs_error

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that drew anything, at any point."""
        return tuple(dict.fromkeys(seed for point in self.points for seed in point.seeds))

    @property
    def layers(self) -> tuple[EvaluatedLayer, ...]:
        """The layers of a single design."""
        return () if self.single is None else self.single.layers

    @property
    def exact(self) -> bool:
        """Whether every layer that cannot lose anything gave the integer product in every run."""
        return all(layer.exact for layer in self._lossless)

    @property
    def any_lossless(self) -> bool:
        """Whether there is a layer that cannot lose anything."""
        return bool(self._lossless)

    @property
    def _lossless(self) -> list[EvaluatedLayer]:
        runs = [run for point in self.points for run in point.runs]
        return [layer for run in runs for layer in run.layers if layer.lossless]

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain data, in the schema `archsim.evaluation/1`."""
        single = self.single
        nothing = dict.fromkeys(("accuracy", "accuracy_spread", "max_abs_error"))
        nothing |= dict.fromkeys(("mean_abs_error", "mean_abs_error_spread"))
        figures = {**nothing, "seeds": list(self.seeds), "runs": [], "layers": []}
        figures = figures if single is None else single.to_json()
        points = [{"value": point.value, **point.to_json()} for point in self.points]
        return {
            "schema": SCHEMA,
            "model": self.model,
            "mapping": self.mapping,
            "weight_bits": _common(point.weight_bits for point in self.points),
            "input_bits": _common(point.input_bits for point in self.points),
            "reference_accuracy": self.reference_accuracy,
            "samples": self.samples,
            **figures,
            "sweep": None if self.swept is None else {"key": self.swept, "points": points},
            "checks": {"exact": self.exact},
            "notes": list(self.notes),
        }


def _layer(one: EvaluatedLayer) -> dict[str, Any]:
    return {
        "name": one.name,
        "lossless": one.lossless,
        "exact": one.exact,
        "own_error": one.own_error,
        "accumulated_error": one.accumulated_error,
        "accuracy_alone": one.accuracy_alone,
        "pulses": one.pulses,
    }


def _together(layers: tuple[EvaluatedLayer, ...]) -> EvaluatedLayer:
    """One layer in several runs."""
    return EvaluatedLayer(
        name=layers[0].name,
        lossless=all(layer.lossless for layer in layers),
        exact=all(layer.exact for layer in layers),
        own_error=_mean(layer.own_error for layer in layers),
        accumulated_error=_mean(layer.accumulated_error for layer in layers),
        accuracy_alone=_mean(layer.accuracy_alone for layer in layers),
        pulses=_mean(layer.pulses for layer in layers),
    )


def _mean(figures: Iterable[float | None]) -> float | None:
    """The mean of figures that are all there, else None."""
    there = list(figures)
    known = [figure for figure in there if figure is not None]
    return statistics.fmean(known) if known and len(known) == len(there) else None


def _spread(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return statistics.stdev(known) if len(known) > 1 else None


def _common(numbers: Iterable[int]) -> int | None:
    """The number that all are, if they are one."""
    different = set(numbers)
    return different.pop() if len(different) == 1 else None
