"""The verb `simulate`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsim import api
from archsim.asked import Read, after_checks, model_file, one_design
from archsim.console import Destination, Form, end, message, progress_bar
from archsim.errors import input_error
from archsim.options import (
    Batch,
    Design,
    Format,
    Free,
    Ideal,
    Images,
    Input,
    Json,
    Model,
    NocMap,
    NocPng,
    Out,
    Quiet,
    Random,
    Seed,
    Settings,
    Shapes,
    TraceEvents,
    TraceFile,
    Training,
    Values,
)

if TYPE_CHECKING:
    from archsim.mapping import Placement
    from archsim.result import Result

Named = list[tuple[str, Path]]
"""Files to write, each with the option that asks for it."""


def simulate(
    model: Model,
    *,
    mapping: Design = None,
    settings: Settings = None,
    images: Images = 1,
    ideal: Ideal = False,
    training: Training = False,
    batch: Batch = None,
    values: Values = None,
    data: Input = None,
    seed: Seed = None,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    trace: TraceFile = None,
    trace_events: TraceEvents = 1_000_000,
    noc_map: NocMap = False,
    noc_png: NocPng = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """The main job: how long the network takes on the chip, and what held it up."""
    destination = Destination(form, json, out)
    seed = _seed(values, data, seed)
    files = _files(trace, out, noc_png, with_values=data is not None or seed is not None)

    def placed() -> Placement:
        if noc_png is not None:
            api.report.check_pictures("--noc-png")
        file, design = model_file(model, shape, treat_as_free, random_weights, data), one_design(mapping)
        placement = api.place(file, design, settings or (), training=training, batch=batch)
        _check_mesh(placement, ideal, [("--noc-map", noc_map), ("--noc-png", noc_png is not None)])
        return placement

    placement = after_checks(destination, files.named, Read(model, mapping, data, settings or ()), placed)
    found = None if data is None else api.evaluate_placed(placement, data, images, seed)
    recorder = api.Recorder(trace_events) if trace else None
    with progress_bar("simulating", quiet=quiet) as progress:
        result = api.simulate(placement, images=images, ideal=ideal, observer=recorder, progress=progress)
    if seed is not None:
        # the simulation has checked the number of images
        found = api.evaluate_placed(placement, data, images, seed)
    result = replace(result, cpu_s=time.process_time())
    if found is not None:
        result = api.with_values(result, found, seed)
    destination.deliver(api.report.simulation_report(result, with_map=noc_map), files.contents(result, recorder, found))
    if recorder is not None and recorder.dropped and not quiet:
        message(f"the trace holds the first {recorder.kept:,} events; {recorder.dropped:,} more are not in it")
    end(api.report.failed_checks(result))


@dataclass(frozen=True, slots=True)
class _Files:
    """What is written beside the answer."""

    traces: Named
    outputs: Named
    pictures: Named

    @property
    def named(self) -> Named:
        return self.traces + self.outputs + self.pictures

    def contents(
        self, result: Result, recorder: api.Recorder | None, found: api.report.Evaluation | None
    ) -> dict[Path, Iterable[bytes]]:
        """What goes into each file."""
        files: dict[Path, Iterable[bytes]] = {}
        if found is not None:
            files |= {path: [api.report.to_npz(found.outputs)] for _, path in self.outputs}
        if recorder is not None:
            files |= {path: api.chrome_trace(recorder, result) for _, path in self.traces}
        return files | {path: [api.report.noc_png(result)] for _, path in self.pictures}


def _files(trace: Path | None, out: Path | None, noc_png: Path | None, *, with_values: bool) -> _Files:
    pictures = [] if noc_png is None else [("--noc-png", noc_png)]
    return _Files(_trace_files(trace, out), output_files(out, with_values), pictures)


def _check_mesh(placement: Placement, ideal: bool, asked: list[tuple[str, bool]]) -> None:
    """Raises `InputError` for what shows a mesh where none is simulated."""
    for option, given in asked:
        if given and ideal:
            raise input_error(option, expected="no --ideal with it: nothing goes over the network then")
        if given and not api.has_mesh(placement.design):
            raise input_error(
                option, expected=f"a design with a mesh between its tiles, which {placement.design.name} has not"
            )


def _seed(values: bool | None, data: Path | None, seed: int | None) -> int | None:
    """The seed that draws the data of a value run; None if nothing is drawn. Options that would do nothing
    are errors."""
    wanted = data is not None if values is None else values
    if data is not None and not wanted:
        raise input_error("--input", value=str(data), expected="no --no-values with it")
    if seed is not None and (data is not None or not wanted):
        raise input_error("--seed", value=seed, expected="--values, and no --input: the seed draws the data")
    return (seed or 0) if wanted and data is None else None


def _trace_files(trace: Path | None, out: Path | None) -> Named:
    """Where the trace goes, with the option that says so: to its file, and into the folder of the answer."""
    if trace is None:
        return []
    inside = [] if out is None else [("--out", out / "trace.json")]
    return [("--trace", trace), *(file for file in inside if file[1].resolve() != trace.resolve())]


def output_files(out: Path | None, wanted: bool = True) -> Named:
    """Where the outputs of a value run go, with the option that says so."""
    return [("--out", out / "outputs.npz")] if out is not None and wanted else []
