"""How well a network does through crossbars: its outputs for a data set, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archsim.crossbar import CrossbarSpec
from archsim.errors import input_error
from archsim.graph import Graph
from archsim.graph.tensors import Array
from archsim.values.batches import Batches, cut_batches, join_batches
from archsim.values.calibration import RangeRule
from archsim.values.execution import batches_at_once, check_runnable, execute
from archsim.values.full_scale import SumsRule
from archsim.values.quantised import CrossbarRule, MatrixCheck, output_errors
from archsim.values.windows import MatrixRule


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationResult:
    """Accuracies in 0..1 through crossbars and in floating point (None without labels), the number of samples,
    errors against floating point over all elements of all outputs, the outputs by name (see `join_batches`),
    and a check of each matrix layer."""

    accuracy: float | None
    reference_accuracy: float | None
    samples: int
    max_abs_error: float
    mean_abs_error: float
    outputs: Mapping[str, Array]
    layers: tuple[MatrixCheck, ...]


def evaluate(
    graph: Graph,
    arrays: Mapping[str, Array],
    spec: CrossbarSpec,
    *,
    labels: Array | None = None,
    source: str = "data",
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationResult:
    """Run `arrays` (one for each input, samples along the first axis, see `cut_batches`) through the graph, in
    floating point and through crossbars that `spec` describes.

    Activations are calibrated on all samples: their ranges are those of the floating-point run, so that the
    order of the samples changes nothing.

    With `labels` (samples,), the answer to a sample is the largest element of the first output. `source` names
    the data in messages; `progress` is told how many samples are done, and of how many, where each sample counts
    twice, once in floating point and once through crossbars. Data or labels that do not fit, and a graph without
    numbers, raise `InputError`.
    """
    check_runnable(graph)
    batches = cut_batches(graph, arrays, source)
    if labels is not None:
        labels = _checked_labels(labels, batches.samples, source)
    ranges = RangeRule(graph)
    references = _run(graph, batches, ranges, progress, 0)
    calibration = ranges.calibration
    if spec.adc_range == "calibrated":
        sums = SumsRule(graph, calibration, spec)
        _run(graph, batches, sums, None, 0)
        calibration = sums.calibration
    rule = CrossbarRule(graph, calibration, spec)
    answers = _run(graph, batches, rule, progress, batches.samples)
    return _result(graph, batches, answers, references, labels, rule.checks, source)


def _run(
    graph: Graph, batches: Batches, rule: MatrixRule, progress: Callable[[int, int], None] | None, before: int
) -> list[dict[str, Array]]:
    """The outputs of every batch; `before` samples are done already."""
    outputs: list[dict[str, Array]] = []
    step = batches_at_once(graph)
    for start in range(0, batches.count, step):
        chunk = [batches.batch(index) for index in range(start, min(start + step, batches.count))]
        outputs += execute(graph, chunk, rule)
        if progress is not None:
            progress(before + min((start + step) * batches.size, batches.samples), 2 * batches.samples)
    return outputs


def _result(
    graph: Graph,
    batches: Batches,
    answers: list[dict[str, Array]],
    references: list[dict[str, Array]],
    labels: Array | None,
    checks: tuple[MatrixCheck, ...],
    source: str,
) -> EvaluationResult:
    outputs = join_batches(graph, answers, batches.samples)
    reference = join_batches(graph, references, batches.samples)
    differences = output_errors(outputs, reference)
    first = graph.outputs[0]
    return EvaluationResult(
        accuracy=None if labels is None else _accuracy(outputs[first], labels, first, source),
        reference_accuracy=None if labels is None else _accuracy(reference[first], labels, first, source),
        samples=batches.samples,
        max_abs_error=float(differences.max(initial=0)),
        mean_abs_error=float(differences.mean()),
        outputs=outputs,
        layers=checks,
    )


def _checked_labels(labels: Array, samples: int, source: str) -> Array:
    if labels.dtype.kind not in "iu":
        raise input_error(source, "labels", value=f"type {labels.dtype}", expected="integers")
    if labels.size != samples or len(labels) != samples:
        raise input_error(source, "labels", value=f"shape {labels.shape}", expected=f"shape ({samples},)")
    return labels.reshape(samples)


def _accuracy(output: Array, labels: Array, name: str, source: str) -> float:
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
