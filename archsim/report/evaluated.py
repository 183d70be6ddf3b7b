"""The tables, records and plot of an evaluation."""

from __future__ import annotations

from archsim.report.drawing import Drawing
from archsim.report.evaluation import EvaluatedLayer, EvaluatedPoint, Evaluation
from archsim.report.figures import Value, plain, share
from archsim.report.plot import plot
from archsim.report.tables import Column, Table

_LAYER = (
    Column("name", "layer", left=True),
    Column("lossless", "ADC loses nothing"),
    Column("exact", "equals the integer product"),
)


def evaluation_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """The figures; then the runs if there are several, or the points of a sweep; then the layers, of each point of a
    sweep if their errors were asked for."""
    single = evaluation.single
    title = f"{evaluation.model} through the crossbars of {evaluation.mapping}"
    if single is not None:
        columns = (Column("figure", "figure", left=True), Column("value", "value"))
        whole = Table(title, columns, _figures(evaluation), _notes(evaluation))
        runs = (_runs(single),) if len(single.runs) > 1 else ()
        return whole, *runs, _layers(single, evaluation, "Matrix layers")
    points = _points(evaluation, title)
    detailed = [point for point in evaluation.points if any(layer.own_error is not None for layer in point.layers)]
    titles = [f"Matrix layers at {evaluation.swept} = {shown(point.value)}" for point in detailed]
    return points, *(_layers(point, evaluation, name) for point, name in zip(detailed, titles, strict=True))


def evaluation_records(evaluation: Evaluation) -> Table:
    """A row for each layer, or of a sweep for each point."""
    if evaluation.single is not None:
        return _layers(evaluation.single, evaluation, "Matrix layers")
    columns = _point_columns(evaluation)
    raw = tuple(Column(column.key, column.key) for column in columns)
    extra = Column("reference_accuracy", "reference_accuracy")
    rows = tuple((*_point(point, columns), evaluation.reference_accuracy) for point in evaluation.points)
    return Table("", (*raw, extra), rows)


def evaluation_plots(evaluation: Evaluation) -> tuple[Drawing, ...]:
    """Mean accuracies (errors without labels) of a sweep over numbers from 0 on; others have no axis to stand on."""
    values = [point.value for point in evaluation.points]
    if evaluation.swept is None or len(values) < 2 or not all(map(_fits_axis, values)):
        return ()
    if evaluation.reference_accuracy is None:
        line = [(float(point.value), point.mean_abs_error or 0.0) for point in evaluation.points]
        highest = max(error for _, error in line) or 1.0
        return (plot("Mean error of an output", evaluation.swept, "error", {"*": line}, highest),)
    line = [(float(point.value), 100 * (point.accuracy or 0.0)) for point in evaluation.points]
    reference = [(float(value), 100 * evaluation.reference_accuracy) for value in values]
    title = "Accuracy (* through crossbars, - in floating point, + both)"
    return (plot(title, evaluation.swept, "% of the samples", {"*": line, "-": reference}, 100.0),)


def shown(value: object) -> str:
    """A value of a design as people read it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _fits_axis(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _figures(evaluation: Evaluation) -> tuple[tuple[str, Value], ...]:
    point = evaluation.points[0]
    several = len(point.runs) > 1
    spreads = (
        [("spread of that accuracy", share(point.accuracy_spread))],
        [("spread of the mean error", plain(point.mean_abs_error_spread))],
    )
    return (
        ("samples", plain(evaluation.samples)),
        ("bits of weights / inputs", f"{point.weight_bits} / {point.input_bits}"),
        *([("seeds of device errors", _range(point.seeds))] if point.seeds else ()),
        ("accuracy through crossbars", share(point.accuracy)),
        *(spreads[0] if several else ()),
        ("accuracy in floating point", share(evaluation.reference_accuracy)),
        ("largest error of an output", plain(point.max_abs_error)),
        ("mean error of an output", plain(point.mean_abs_error)),
        *(spreads[1] if several else ()),
        ("lossless layers are exact", plain(evaluation.exact if evaluation.any_lossless else None)),
    )


def _range(seeds: tuple[int, ...]) -> str:
    """Seeds that follow one another."""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _runs(point: EvaluatedPoint) -> Table:
    columns = (
        Column("seed", "seed", str),
        Column("accuracy", "accuracy", share),
        Column("max_abs_error", "largest error"),
        Column("mean_abs_error", "mean error"),
    )
    rows = tuple((run.seed, run.accuracy, run.max_abs_error, run.mean_abs_error) for run in point.runs)
    return Table("Runs", columns, rows)


def _point_columns(evaluation: Evaluation) -> tuple[Column, ...]:
    return (
        Column("value", evaluation.swept or "", left=True),
        Column("seeds", "seeds"),
        Column("accuracy", "accuracy", share),
        Column("accuracy_spread", "spread", share),
        Column("max_abs_error", "largest error"),
        Column("mean_abs_error", "mean error"),
        Column("mean_abs_error_spread", "spread of the mean error"),
    )


def _point(point: EvaluatedPoint, columns: tuple[Column, ...]) -> tuple[Value, ...]:
    return shown(point.value), len(point.seeds), *(getattr(point, column.key) for column in columns[2:])


def _points(evaluation: Evaluation, title: str) -> Table:
    columns = _point_columns(evaluation)
    rows = tuple(_point(point, columns) for point in evaluation.points)
    remarks = [f"{evaluation.samples:,} samples; spreads are standard deviations over the seeds"]
    if evaluation.reference_accuracy is not None:
        remarks.append(f"accuracy in floating point: {share(evaluation.reference_accuracy)}")
    if not evaluation.exact:
        remarks.append("a layer on which the ADC loses nothing is not exact")
    return Table(title, columns, rows, (*remarks, *_notes(evaluation)))


def _notes(evaluation: Evaluation) -> tuple[str, ...]:
    return tuple(f"note: {note}" for note in evaluation.notes)


def _layers(point: EvaluatedPoint, evaluation: Evaluation, title: str) -> Table:
    """A row for each matrix layer, with its errors if they were asked for."""
    layers = point.layers
    columns = list(_LAYER)
    if any(layer.own_error is not None or layer.accumulated_error is not None for layer in layers):
        columns += [
            Column("own_error", "own error", share),
            Column("accumulated_error", "accumulated error", share),
        ]
    if any(layer.accuracy_alone is not None for layer in layers):
        columns += [
            Column("accuracy_alone", "accuracy with it alone", share),
            Column("accuracy_lost", "lost by it alone", share),
        ]
    if any(layer.pulses is not None for layer in layers):
        columns.append(Column("pulses", "write pulses"))
    return Table(title, tuple(columns), tuple(_row(layer, columns, evaluation) for layer in layers))


def _row(layer: EvaluatedLayer, columns: list[Column], evaluation: Evaluation) -> tuple[Value, ...]:
    alone, reference = layer.accuracy_alone, evaluation.reference_accuracy
    lost = None if alone is None or reference is None else reference - alone
    return tuple(lost if column.key == "accuracy_lost" else getattr(layer, column.key) for column in columns)
