"""The verbs, for Python and for the command line.

Every verb raises `InputError` with all problems that the rooms found, not just the first. Rooms are imported
when a verb needs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsim import report
from archsim.choices import (
    DEFAULT_MAPPING,
    MappingChoice,
    ModelFile,
    Problems,
    drawn_inputs,
    mapping_names,
    model_names,
    named_mappings,
)
from archsim.comparing import Unplaced, compared_by_default, place_each
from archsim.errors import input_error
from archsim.evaluations import PlannedEvaluation, plan_evaluation, run_evaluation
from archsim.inputs import design_of, graph_of
from archsim.listings import devices, mappings, models
from archsim.noc.network import Network
from archsim.points import swept_settings
from archsim.reading import files_read
from archsim.replays import arrivals_csv, check_network, replay_packets, replay_summary
from archsim.result import NotRun
from archsim.sweeps import check_sweep, sweep_mesh, sweep_settings, sweep_summary
from archsim.table2 import table2_summary
from archsim.trace import Recorder, chrome_trace
from archsim.variances import variance_settings, variance_summary

if TYPE_CHECKING:
    from archsim.graph import Graph
    from archsim.graph.tensors import Array
    from archsim.hardware import Design
    from archsim.inputs import Chosen, Model
    from archsim.mapping import Placement, Training
    from archsim.result import Observer, Result

__all__ = [
    "DEFAULT_MAPPING",
    "MappingChoice",
    "ModelFile",
    "Network",
    "NotRun",
    "PlannedEvaluation",
    "Problems",
    "Recorder",
    "Unplaced",
    "arrivals_csv",
    "check_network",
    "check_sweep",
    "chrome_trace",
    "compare",
    "compared_by_default",
    "devices",
    "drawn_inputs",
    "evaluate",
    "evaluate_placed",
    "files_read",
    "has_mesh",
    "inspect",
    "load",
    "mapping_names",
    "mappings",
    "model_names",
    "models",
    "named_mappings",
    "place",
    "place_each",
    "plan_evaluation",
    "replay_packets",
    "replay_summary",
    "report",
    "run_evaluation",
    "simulate",
    "simulate_each",
    "summarise",
    "sweep_mesh",
    "sweep_settings",
    "sweep_summary",
    "swept_settings",
    "table2_summary",
    "variance_settings",
    "variance_summary",
    "with_values",
]

DEFAULT_BATCH = 64
MOST_IN_BATCH = 100_000

Progress = Callable[[int, int], None]


def load(
    model: str | Path,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    treat_as_free: Collection[str] = (),
    random_weights: int | None = None,
) -> Graph:
    """The network of an ONNX file or of a shipped model; see `ModelFile`."""
    return ModelFile(str(model), shapes or {}, tuple(treat_as_free), random_weights).load()


def place(
    model: Model,
    mapping: Chosen = DEFAULT_MAPPING,
    settings: Iterable[str] = (),
    *,
    training: bool = False,
    batch: int | None = None,
) -> Placement:
    """The network on the chip: tiles, copies and schedule. `settings` are `KEY=VALUE` on top of the design; `training`
    in batches of `batch` images (default 64, as in PipeLayer's evaluation) on a design that trains."""
    from archsim import mapping as mapper

    problems = Problems()
    with problems.gathered():
        graph = graph_of(model)
    with problems.gathered():
        design = design_of(mapping, settings=settings)
    with problems.gathered():
        wanted = _training(training, batch)
    problems.raise_any()
    return mapper.place(graph, design, training=wanted)


def _training(training: bool, batch: int | None) -> Training | None:
    from archsim.mapping import Training

    if batch is not None and not training:
        raise input_error("--batch", value=batch, expected="--training with it: batches are those of training")
    if batch is not None and not 1 <= batch <= MOST_IN_BATCH:
        raise input_error("--batch", value=batch, expected=f"a number from 1 to {MOST_IN_BATCH}")
    return Training(batch or DEFAULT_BATCH) if training else None


def simulate(
    model: Model | Placement,
    mapping: Chosen = DEFAULT_MAPPING,
    *,
    settings: Iterable[str] = (),
    images: int = 1,
    ideal: bool = False,
    training: bool = False,
    batch: int | None = None,
    observer: Observer | None = None,
    progress: Progress | None = None,
) -> Result:
    """Runs `images` images through the chip and answers with every figure; `ideal` lets nobody wait for
    anything shared. A `Placement` already knows its design and whether it trains (`training`, `batch`: see `place`).
    `cpu_s` is the CPU time of this call."""
    from archsim import energy, engine
    from archsim.mapping import Placement

    started = time.process_time()
    placement = (
        model
        if isinstance(model, Placement)
        else place(model, mapping, settings=settings, training=training, batch=batch)
    )
    result = engine.simulate(placement, images=images, ideal=ideal, observer=observer, progress=progress)
    result = energy.with_energy(result, placement.design)
    notes = (*result.notes, *_batch_note(placement.graph))
    return replace(result, notes=notes, cpu_s=time.process_time() - started)


def _batch_note(graph: Graph) -> tuple[str, ...]:
    """What an image is where all inputs agree on a batch above 1: the first axis, or the sequences of a recurrent
    layer that reads the input, be it in another order."""
    from archsim.graph import LayoutLayer, RecurrentLayer

    sequences: dict[str, int] = {}
    for layer in graph.layers:
        if isinstance(layer, RecurrentLayer):
            name = layer.inputs[0]
            while isinstance(moved := graph.producers.get(name), LayoutLayer) and moved.inputs:
                name = moved.inputs[0]
            sequences[name] = layer.batch
    sizes = {sequences.get(each.name, each.shape[0] if len(each.shape) > 1 else 1) for each in graph.inputs}
    if len(sizes) > 1 or sizes <= {1}:
        return ()
    return (f"an image here is one run of the network: a batch of {sizes.pop()}",)


def compare(
    model: Model,
    mappings: Sequence[Chosen] = (),
    *,
    settings: Iterable[str] = (),
    as_published: bool = False,
    images: int = 4,
    ideal: bool = False,
    progress: Progress | None = None,
) -> tuple[Result | NotRun, ...]:
    """One result per mapping (default: the published designs that ship; `all`: every design that ships), or why
    there is none: see `place_each` and `simulate_each`."""
    chosen: list[Chosen] = []
    for mapping in mappings or compared_by_default():
        chosen += named_mappings([mapping]) if isinstance(mapping, str) else [mapping]
    placed = place_each(model, chosen, settings, as_published=as_published)
    return simulate_each(placed, images=images, ideal=ideal, progress=progress)


def simulate_each(
    placed: Iterable[Placement | Unplaced], *, images: int = 4, ideal: bool = False, progress: Progress | None = None
) -> tuple[Result | NotRun, ...]:
    """A result for each placement; for a design without one, and for a run that cannot proceed, the reason."""
    from archsim.engine import StalledError
    from archsim.summaries import not_run

    runs: list[Result | NotRun] = []
    for one in placed:
        if isinstance(one, Unplaced):
            runs.append(not_run(one.graph, one.design, str(one.error), images=images, ideal=ideal))
            continue
        try:
            runs.append(simulate(one, images=images, ideal=ideal, progress=progress))
        except StalledError as stalled:
            reason = str(stalled)
            runs.append(not_run(one.graph, one.design, reason, images=images, ideal=ideal, stalled=True))
    return tuple(runs)


def evaluate(
    model: Model,
    data: str | Path | Mapping[str, Array],
    mapping: Chosen = DEFAULT_MAPPING,
    settings: Iterable[str] = (),
    *,
    seed: int = 0,
    seeds: int = 1,
    sweep: str | None = None,
    resume: str | Path | None = None,
    layer_errors: bool = False,
    progress: Progress | None = None,
) -> report.Evaluation:
    """Runs data through the crossbars of a design and in floating point.

    `data` is a .npz file, a shipped data set by name, or arrays by name: `images`, `inputs` or the graph's
    input names, and `labels` (samples,) if accuracies are wanted. Errors of devices are drawn with `seeds` seeds from
    `seed` on. `sweep` is `KEY=VALUE,VALUE,...`: one design for each value. Finished runs are written to the file
    `resume` and taken from there. `layer_errors` adds what each matrix layer does to the answer.
    """
    planned = plan_evaluation(
        *(model, data, mapping, settings), seed=seed, seeds=seeds, sweep=sweep, resume=resume, layer_errors=layer_errors
    )
    return run_evaluation(planned, progress)


def evaluate_placed(placement: Placement, data: Path | None, images: int, seed: int | None) -> report.Evaluation:
    """Runs the samples of `data`, or `images` ones that `seed` draws, through the crossbars of a placement."""
    arrays = data if data is not None else drawn_inputs(placement.graph, images, seed or 0)
    return evaluate(placement.graph, arrays, placement.design)


def has_mesh(design: Design) -> bool:
    """Whether the tiles of a design stand on a mesh that is simulated."""
    from archsim import engine

    return engine.has_mesh(design)


def with_values(result: Result, evaluation: report.Evaluation, seed: int | None = None) -> Result:
    """The result of a simulation with what a run of the numbers found: accuracy, errors, and the check `values`; `seed`
    is the one that drew the data, if one did."""
    found = {
        "samples": evaluation.samples,
        "accuracy": evaluation.accuracy,
        "max_abs_error": evaluation.max_abs_error,
        "mean_abs_error": evaluation.mean_abs_error,
    }
    checks = {**result.checks, "values": evaluation.exact}
    return replace(result, seed=seed, values=found, checks=checks, notes=(*result.notes, *evaluation.notes))


def inspect(model: Model) -> report.Inspection:
    """What the importer makes of a network: layers, MACs, what became of each ONNX node."""
    from archsim.summaries import inspected

    return inspected(graph_of(model))


def summarise(placement: Placement) -> report.PlacementSummary:
    """Arrays, copies, tiles and utilisation per layer, and the estimate."""
    from archsim.summaries import placed

    return placed(placement)
