"""How well a network does through crossbars: its outputs for a data set, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archsim.crossbar import CrossbarSpec, DeviceErrors
from archsim.errors import input_error
from archsim.graph import Graph
from archsim.graph.tensors import Array
from archsim.values.batches import Batches, cut_batches, join_batches
from archsim.values.calibration import Calibration, RangeRule
from archsim.values.execution import batches_at_once, check_runnable, execute
from archsim.values.full_scale import SumsRule
from archsim.values.layer_errors import AloneRule, LayerErrors, PairedRule, matrix_names
from archsim.values.quantised import IDEAL_DEVICES, CrossbarRule, MatrixCheck, output_errors
from archsim.values.windows import MatrixRule

Progress = Callable[[int, int], None]
"""Is told how many samples are done, and of how many; one that is computed n times counts n times."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Data that fit a graph, cut into its batches, with `labels` (samples,) if there are any; `source` names them in
    messages."""

    graph: Graph
    batches: Batches
    labels: Array | None
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What samples give in floating point, once for all runs through crossbars: `outputs` by name (see
    `join_batches`), `accuracy` (0..1, None without labels), and the `ranges` of what matrix layers read."""

    samples: Samples
    outputs: Mapping[str, Array]
    accuracy: float | None
    ranges: Calibration


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationResult:
    """Accuracies in 0..1 through crossbars and in floating point (None without labels), the number of samples,
    errors against floating point over all elements of all outputs, the outputs by name (see `join_batches`),
    a check of each matrix layer, and the errors of each if they were asked for."""

    accuracy: float | None
    reference_accuracy: float | None
    samples: int
    max_abs_error: float
    mean_abs_error: float
    outputs: Mapping[str, Array]
    layers: tuple[MatrixCheck, ...]
    layer_errors: tuple[LayerErrors, ...] = ()


def evaluate(
    graph: Graph,
    arrays: Mapping[str, Array],
    spec: CrossbarSpec,
    *,
    labels: Array | None = None,
    source: str = "data",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Run `arrays` (one for each input, samples along the first axis, see `cut_batches`) through the graph, in
    floating point and through ideal crossbars that `spec` describes.

    See `samples_of`, `float_reference` and `evaluate_crossbars`.
    """
    samples = samples_of(graph, arrays, labels, source)
    reference = float_reference(samples, progress=part_of(progress, 0, 2))
    return evaluate_crossbars(reference, spec, progress=part_of(progress, 1, 2))


def samples_of(graph: Graph, arrays: Mapping[str, Array], labels: Array | None, source: str) -> Samples:
    """`arrays` in the batches of the graph; data or labels that do not fit, and a graph without numbers, raise
    `InputError`."""
    check_runnable(graph)
    batches = cut_batches(graph, arrays, source)
    if labels is not None:
        labels = _checked_labels(labels, batches.samples, source)
    return Samples(graph, batches, labels, source)


def float_reference(samples: Samples, *, progress: Progress | None = None) -> Reference:
    """The samples in floating point.

    Activations are calibrated on all samples: their ranges are those of this run, so that the order of the samples
    changes nothing. The answer to a sample is the largest element of the first output; labels that it cannot be raise
    `InputError`.
    """
    ranges = RangeRule(samples.graph)
    outputs = _joined(samples, _run(samples, ranges, progress))
    return Reference(samples, outputs, _accuracy(samples, outputs), ranges.calibration)


def calibrated(reference: Reference, spec: CrossbarSpec) -> Calibration:
    """The ranges of the reference and, where `spec.adc_range` is `calibrated`, the largest column sums, which depend on
    `without_converters(spec)` alone."""
    if spec.adc_range != "calibrated":
        return reference.ranges
    sums = SumsRule(reference.samples.graph, reference.ranges, spec)
    _run(reference.samples, sums, None)
    return sums.calibration


def passes(samples: Samples, *, layer_errors: bool) -> int:
    """How many times `evaluate_crossbars` computes every sample."""
    return 1 + (len(matrix_names(samples.graph)) if layer_errors and samples.labels is not None else 0)


def evaluate_crossbars(
    reference: Reference,
    spec: CrossbarSpec,
    devices: DeviceErrors = IDEAL_DEVICES,
    seed: int = 0,
    *,
    calibration: Calibration | None = None,
    layer_errors: bool = False,
    progress: Progress | None = None,
) -> EvaluationResult:
    """The samples of the reference through crossbars, of cells that are off by `devices` as `seed` draws it.

    `calibration` is that of `calibrated`, which is computed if it is not given. `layer_errors` also asks for the
    errors of each matrix layer, in `passes` times the time and twice the memory; the outputs stay the same.
    """
    samples = reference.samples
    rule = CrossbarRule(samples.graph, calibration or calibrated(reference, spec), spec, devices, seed)
    paired = PairedRule(samples.graph, rule) if layer_errors else None
    count = passes(samples, layer_errors=layer_errors)
    outputs = _joined(samples, _run(samples, paired or rule, part_of(progress, 0, count)))
    checks = rule.checks
    accuracies: dict[str, float] = {}
    for number, name in enumerate(matrix_names(samples.graph)[: count - 1], start=1):
        alone = AloneRule(samples.graph, rule, name)
        accuracy = _accuracy(samples, _joined(samples, _run(samples, alone, part_of(progress, number, count))))
        accuracies |= {} if accuracy is None else {name: accuracy}
    differences = output_errors(outputs, reference.outputs)
    return EvaluationResult(
        accuracy=_accuracy(samples, outputs),
        reference_accuracy=reference.accuracy,
        samples=samples.batches.samples,
        max_abs_error=float(differences.max(initial=0)),
        mean_abs_error=float(differences.mean()),
        outputs=outputs,
        layers=checks,
        layer_errors=paired.errors(accuracies) if paired else (),
    )


def part_of(progress: Progress | None, number: int, count: int) -> Progress | None:
    """What to tell of a computation that is `number` of `count` equally long ones."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, count * total)


def _run(samples: Samples, rule: MatrixRule, progress: Progress | None) -> list[dict[str, Array]]:
    """The outputs of every batch; those of the second half where the rule takes batches twice."""
    graph, batches = samples.graph, samples.batches
    outputs: list[dict[str, Array]] = []
    step = batches_at_once(graph)
    for start in range(0, batches.count, step):
        chunk = [batches.batch(index) for index in range(start, min(start + step, batches.count))]
        twice = chunk * (2 if isinstance(rule, PairedRule) else 1)
        outputs += execute(graph, twice, rule)[-len(chunk) :]
        if progress is not None:
            progress(min((start + step) * batches.size, batches.samples), batches.samples)
    return outputs


def _joined(samples: Samples, answers: list[dict[str, Array]]) -> dict[str, Array]:
    return join_batches(samples.graph, answers, samples.batches.samples)


def _checked_labels(labels: Array, samples: int, source: str) -> Array:
    if labels.dtype.kind not in "iu":
        raise input_error(source, "labels", value=f"type {labels.dtype}", expected="integers")
    if labels.size != samples or len(labels) != samples:
        raise input_error(source, "labels", value=f"shape {labels.shape}", expected=f"shape ({samples},)")
    return labels.reshape(samples)


def _accuracy(samples: Samples, outputs: Mapping[str, Array]) -> float | None:
    """The share of samples whose label is the largest element of the first output; None without labels."""
    labels, source, name = samples.labels, samples.source, samples.graph.outputs[0]
    if labels is None:
        return None
    output = outputs[name]
    if len(output) != len(labels):
        raise input_error(
            source, "labels", value=f"output {name!r} of shape {output.shape}", expected=f"({len(labels)}, classes)"
        )
    scores = output.reshape(len(output), -1)
    classes = scores.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        shown = f"{labels.min()}..{labels.max()}"
        raise input_error(source, "labels", value=shown, expected=f"0..{classes - 1}, output {name!r} has {classes}")
    return float(np.mean(scores.argmax(axis=1) == labels))
