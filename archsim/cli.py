"""The command line: words to verbs. Results go to stdout, messages to stderr.

Exit codes: 0 done; 2 the input or a setting is wrong; 1 a check failed, the run could not finish, or a bug.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from archsim import __version__, api
from archsim.asked import Read, after_checks, model_file, one_design
from archsim.compare_verb import compare
from archsim.console import Destination, Form, end, guarded, message, progress_bar
from archsim.errors import input_error
from archsim.map_verb import map_network
from archsim.noc_verb import noc_replay
from archsim.options import (
    Batch,
    Data,
    Design,
    Format,
    Free,
    Ideal,
    Images,
    Input,
    Json,
    Model,
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
from archsim.sweep_verb import noc_sweep

app = typer.Typer(
    name="archsim",
    help="Cycle-level simulation of whole compute-in-memory accelerators.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"archsim {__version__}")
        raise typer.Exit


@app.command()
def inspect(
    model: Model,
    *,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
) -> None:
    """Layers of a network: op, rows, outputs, windows, MACs, parameters; what became of each ONNX node."""
    destination = Destination(form, json, out)
    inspected = after_checks(
        destination, [], Read(model), lambda: api.inspect(model_file(model, shape, treat_as_free, random_weights))
    )
    destination.deliver(api.report.inspection_report(inspected))


app.command("map")(map_network)


@app.command()
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
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """The main job: how long the network takes on the chip, and what held it up."""
    destination = Destination(form, json, out)
    seed = _seed(values, data, seed)
    with_values = data is not None or seed is not None
    traces, outputs = _trace_files(trace, out), _output_files(out, with_values)
    placement = after_checks(
        destination,
        traces + outputs,
        Read(model, mapping, data),
        lambda: api.place(
            model_file(model, shape, treat_as_free, random_weights),
            one_design(mapping),
            settings or (),
            training=training,
            batch=batch,
        ),
    )
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
    files: dict[Path, Iterable[bytes]] = {}
    if found is not None:
        files |= {path: [api.report.to_npz(found.outputs)] for _, path in outputs}
    if recorder is not None:
        files |= {path: api.chrome_trace(recorder, result) for _, path in traces}
    destination.deliver(api.report.simulation_report(result), files)
    if recorder is not None and recorder.dropped and not quiet:
        message(f"the trace holds the first {recorder.kept:,} events; {recorder.dropped:,} more are not in it")
    end(api.report.failed_checks(result))


app.command()(compare)


@app.command()
def evaluate(
    model: Model,
    *,
    data: Data,
    mapping: Design = None,
    settings: Settings = None,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Outputs or accuracy of a data set through the crossbars of a design; --out adds outputs.npz."""
    destination, outputs = Destination(form, json, out), _output_files(out)
    with progress_bar("evaluating", quiet=quiet) as progress:
        found = after_checks(
            destination,
            outputs,
            Read(model, mapping, data),
            lambda: api.evaluate(
                model_file(model, shape, treat_as_free, random_weights),
                data,
                one_design(mapping),
                settings or (),
                progress=progress,
            ),
        )
    files = {path: [api.report.to_npz(found.outputs)] for _, path in outputs}
    destination.deliver(api.report.evaluation_report(found), files)
    end([] if found.exact else ["exact"])


def _seed(values: bool | None, data: Path | None, seed: int | None) -> int | None:
    """The seed that draws the data of a value run; None if nothing is drawn. Options that would do nothing
    are errors."""
    wanted = data is not None if values is None else values
    if data is not None and not wanted:
        raise input_error("--input", value=str(data), expected="no --no-values with it")
    if seed is not None and (data is not None or not wanted):
        raise input_error("--seed", value=seed, expected="--values, and no --input: the seed draws the data")
    return (seed or 0) if wanted and data is None else None


def _trace_files(trace: Path | None, out: Path | None) -> list[tuple[str, Path]]:
    """Where the trace goes, with the option that says so: to its file, and into the folder of the answer."""
    if trace is None:
        return []
    inside = [] if out is None else [("--out", out / "trace.json")]
    return [("--trace", trace), *(file for file in inside if file[1].resolve() != trace.resolve())]


def _output_files(out: Path | None, wanted: bool = True) -> list[tuple[str, Path]]:
    """Where the outputs of a value run go, with the option that says so."""
    return [("--out", out / "outputs.npz")] if out is not None and wanted else []


app.command("noc-replay")(noc_replay)
app.command("noc-sweep")(noc_sweep)


@app.command()
def models(json: Json = None, form: Format = Form.table, out: Out = None) -> None:
    """Lists the models that ship."""
    _deliver_list(Destination(form, json, out), api.models())


@app.command()
def mappings(json: Json = None, form: Format = Form.table, out: Out = None) -> None:
    """Lists the designs that ship."""
    _deliver_list(Destination(form, json, out), api.mappings())


def _deliver_list(destination: Destination, table: api.report.Table) -> None:
    destination.check()
    destination.deliver(api.report.listing_report(table))


def main() -> None:
    """Runs the command line."""
    with guarded():
        app()
