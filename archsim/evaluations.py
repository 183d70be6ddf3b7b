"""The verb `evaluate`: data through the crossbars of a design, or of several that differ in one key, with one seed of
device errors or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.choices import ModelFile, Problems, data_file
from archsim.errors import input_error
from archsim.inputs import graph_of
from archsim.points import Point, drawn_seeds, points_of
from archsim.report import EvaluatedLayer, EvaluatedPoint, EvaluatedRun, Evaluation, shown

if TYPE_CHECKING:
    from archsim.graph import Graph
    from archsim.graph.tensors import Array
    from archsim.inputs import Chosen, Model
    from archsim.resuming import FinishedRun, RunFile
    from archsim.values import Calibration, EvaluationResult, Reference

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class PlannedEvaluation:
    """Everything that an evaluation takes, read and checked. `seeds` is how many were asked for, `basis` a hash of what
    determines all runs alike, if finished ones are kept in a file."""

    graph: Graph
    source: str
    inputs: Mapping[str, Array]
    labels: Array | None
    swept: str | None
    points: tuple[Point, ...]
    seeds: int
    layer_errors: bool
    finished: RunFile | None
    basis: str

    @property
    def runs(self) -> Iterator[tuple[Point, int | None]]:
        """Every run: a point and the seed, None where nothing is drawn."""
        return ((point, seed) for point in self.points for seed in point.seeds)

    def find(self, point: Point, seed: int | None) -> FinishedRun | None:
        """A run that is finished already."""
        return None if self.finished is None else self.finished.find(point.key(self.basis, seed))


def plan_evaluation(
    model: Model,
    data: str | Path | Mapping[str, Array],
    mapping: Chosen,
    settings: Iterable[str] = (),
    *,
    seed: int = 0,
    seeds: int = 1,
    sweep: str | None = None,
    resume: str | Path | None = None,
    layer_errors: bool = False,
) -> PlannedEvaluation:
    """Reads and checks what `archsim.api.evaluate` takes. Raises `InputError` with all problems."""
    from archsim import values

    problems = Problems()
    with problems.gathered():
        graph = graph_of(model)
    drawn: tuple[int, ...] = ()
    with problems.gathered():
        drawn = drawn_seeds(seed, seeds)
    with problems.gathered():
        swept, points = points_of(mapping, tuple(settings), sweep, drawn)
    with problems.gathered():
        source, arrays = _arrays(data)
    with problems.gathered():
        finished = None if resume is None else _run_file(resume, model)
    problems.raise_any()
    inputs = values.network_inputs(graph, arrays, source)
    labels = arrays.get("labels")
    basis = "" if finished is None else _basis(model, inputs, labels, layer_errors)
    return PlannedEvaluation(graph, source, inputs, labels, swept, points, seeds, layer_errors, finished, basis)


def run_evaluation(planned: PlannedEvaluation, progress: Progress | None = None) -> Evaluation:
    """Computes the runs that are not finished; each is written down as soon as it is. The outputs are kept of a single
    run without a file of finished ones, which holds none."""
    single = planned.finished is None and len(list(planned.runs)) == 1
    computer = _Computer(planned, progress)
    finished = [planned.find(point, seed) or computer.run(point, seed) for point, seed in planned.runs]
    runs = iter(finished)
    return Evaluation(
        model=planned.graph.name,
        mapping=planned.points[0].design.name,
        reference_accuracy=finished[0].reference_accuracy,
        samples=finished[0].samples,
        swept=planned.swept,
        points=tuple(_point(point, tuple(next(runs).run for _ in point.seeds)) for point in planned.points),
        outputs=computer.outputs if single else {},
        notes=_notes(planned),
    )


def _notes(planned: PlannedEvaluation) -> tuple[str, ...]:
    """What is to be told of every point once, and of single points with their values."""
    from archsim.values import design_notes

    of_points: dict[str, list[str]] = {}
    for point in planned.points:
        notes = list(design_notes(point.design))
        if planned.seeds > 1 and point.seeds == (None,):
            notes.append("nothing is random: one run stands for every seed")
        for note in notes:
            of_points.setdefault(note, []).append(shown(point.value))
    return tuple(
        note if len(values) == len(planned.points) else f"at {planned.swept} = {', '.join(values)}: {note}"
        for note, values in of_points.items()
    )


class _Computer:
    """Computes runs, what they have in common once: the numbers in floating point, and ranges of converters that are
    measured. `outputs` are those of the last run."""

    def __init__(self, planned: PlannedEvaluation, progress: Progress | None) -> None:
        self._planned, self._progress = planned, progress
        self._reference: Reference | None = None
        self._calibrations: dict[Any, Calibration] = {}
        self._passes = self._expected = 0
        self.outputs: Mapping[str, Array] = {}

    def run(self, point: Point, seed: int | None) -> FinishedRun:
        """One run, written down if there is a file for it."""
        from archsim import values
        from archsim.resuming import FinishedRun

        planned = self._planned
        reference = self._reference = self._reference or self._start()
        each = values.passes(reference.samples, layer_errors=planned.layer_errors)
        found = values.evaluate_crossbars(
            reference,
            point.spec,
            point.devices,
            seed or 0,
            calibration=self._calibration(reference, point),
            layer_errors=planned.layer_errors,
            progress=self._part(each),
        )
        self.outputs = found.outputs
        key = point.key(planned.basis, seed)
        run = FinishedRun(key, found.samples, found.reference_accuracy, _evaluated(found, seed))
        if planned.finished is not None:
            planned.finished.add(run)
        return run

    def _start(self) -> Reference:
        """The run in floating point; says how many passes of all samples there will be."""
        from archsim import values

        planned = self._planned
        samples = values.samples_of(planned.graph, planned.inputs, planned.labels, planned.source)
        missing = sum(planned.find(point, seed) is None for point, seed in planned.runs)
        self._expected = 1 + missing * values.passes(samples, layer_errors=planned.layer_errors)
        return values.float_reference(samples, progress=self._part(1))

    def _calibration(self, reference: Reference, point: Point) -> Calibration:
        from archsim import values

        if point.spec.adc_range != "calibrated":
            return reference.ranges
        sums = values.without_converters(point.spec)
        if sums not in self._calibrations:
            self._calibrations[sums] = values.calibrated(reference, point.spec)
        return self._calibrations[sums]

    def _part(self, passes: int) -> Progress | None:
        """What to tell of the next passes."""
        before, expected, progress = self._passes, self._expected, self._progress
        self._passes += passes
        if progress is None:
            return None
        # done and total are those of `passes` passes
        return lambda done, total: progress(before * total // passes + done, expected * total // passes)


def _point(point: Point, runs: tuple[EvaluatedRun, ...]) -> EvaluatedPoint:
    precision = point.design.precision
    return EvaluatedPoint(
        value=point.value, weight_bits=precision.weight_bits, input_bits=precision.input_bits, runs=runs
    )


def _evaluated(found: EvaluationResult, seed: int | None) -> EvaluatedRun:
    errors = {error.layer: error for error in found.layer_errors}
    layers = []
    for check in found.layers:
        error = errors.get(check.layer)
        layers.append(
            EvaluatedLayer(
                name=check.layer,
                lossless=check.lossless,
                exact=check.exact,
                own_error=None if error is None else error.own,
                accumulated_error=None if error is None else error.accumulated,
                accuracy_alone=None if error is None else error.accuracy_alone,
                pulses=check.pulses,
            )
        )
    return EvaluatedRun(
        seed=seed,
        accuracy=found.accuracy,
        max_abs_error=found.max_abs_error,
        mean_abs_error=found.mean_abs_error,
        layers=tuple(layers),
    )


def _arrays(data: str | Path | Mapping[str, Array]) -> tuple[str, Mapping[str, Array]]:
    from archsim.values import load_arrays

    if isinstance(data, str | Path):
        path = data_file(data)
        return str(path), load_arrays(path)
    return "data", data


def _run_file(path: str | Path, model: Model) -> RunFile:
    from archsim.resuming import RunFile

    if not isinstance(model, str | Path | ModelFile):
        raise input_error("--resume", value="a network in memory", expected="a model by its file, or by its name")
    return RunFile(Path(path))


def _basis(model: Model, inputs: Mapping[str, Array], labels: Array | None, layer_errors: bool) -> str:
    from archsim.resuming import arrays_digest, key_of, model_digest

    file = model if isinstance(model, ModelFile) else ModelFile(str(model))
    used = {**inputs, **({} if labels is None else {"labels": labels})}
    return key_of([model_digest(file), arrays_digest(used), list(inputs), layer_errors])
