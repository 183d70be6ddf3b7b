"""The command line: words to verbs. Results go to stdout, messages to stderr.

Exit codes: 0 done; 2 the input or a setting is wrong; 1 a check failed, the run could not finish, or a bug.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from archsim import __version__, api
from archsim.console import Destination, Form, guarded, message, progress_bar
from archsim.errors import input_error
from archsim.result import Result

app = typer.Typer(
    name="archsim",
    help="Cycle-level simulation of whole compute-in-memory accelerators.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_MAPPING = "NAME|FILE[:KEY=VALUE,...]"
Words = list[str] | None
T = TypeVar("T")

Model = Annotated[str, typer.Argument(help="An ONNX file, or a name that `archsim models` lists.", metavar="MODEL")]
Design = Annotated[str, typer.Option("--mapping", help="A design that `archsim mappings` lists.", metavar=_MAPPING)]
Designs = Annotated[Words, typer.Option("--mapping", help="A design to compare (repeatable).", metavar=_MAPPING)]
Settings = Annotated[Words, typer.Option("--set", help="Change the design (repeatable).", metavar="KEY=VALUE")]
Shapes = Annotated[Words, typer.Option("--shape", help="Shape of an input (repeatable).", metavar="NAME=D,D,...")]
Free = Annotated[Words, typer.Option("--treat-as-free", help="This op may cost nothing (repeatable).", metavar="OP")]
Random = Annotated[int | None, typer.Option("--random-weights", help="Fill in missing weights.", metavar="SEED")]
Images = Annotated[int, typer.Option("--images", min=1, help="Images, one after the other.")]
Ideal = Annotated[bool, typer.Option("--ideal", help="Nobody waits for anything shared.")]
Published = Annotated[bool, typer.Option("--as-published", help="Each design at its own precision, not at 8/8 bit.")]
TraceFile = Annotated[Path | None, typer.Option("--trace", help="Write a timeline for Perfetto.", metavar="FILE")]
TraceEvents = Annotated[int, typer.Option("--trace-events", min=1, help="Events that a trace may hold.")]
Json = Annotated[str | None, typer.Option("--json", help="Write JSON; - prints it alone.", metavar="FILE|-")]
Format = Annotated[Form, typer.Option("--format", help="How the answer is printed.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write result.json and the like here.", metavar="DIR")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no remarks on stderr.")]


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
    inspected = _after_checks(destination, {}, lambda: api.inspect(_model(model, shape, treat_as_free, random_weights)))
    destination.deliver(api.report.inspection_report(inspected))


@app.command("map")
def map_network(
    model: Model,
    *,
    mapping: Design = api.DEFAULT_MAPPING,
    settings: Settings = None,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
) -> None:
    """Arrays, copies, tiles and utilisation per layer, and the estimate; no simulation."""
    destination = Destination(form, json, out)
    placement = _after_checks(
        destination,
        {},
        lambda: api.place(_model(model, shape, treat_as_free, random_weights), mapping, settings or ()),
    )
    destination.deliver(api.report.placement_report(api.summarise(placement)))


@app.command()
def simulate(
    model: Model,
    *,
    mapping: Design = api.DEFAULT_MAPPING,
    settings: Settings = None,
    images: Images = 1,
    ideal: Ideal = False,
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
    placement = _after_checks(
        destination,
        {} if trace is None else {"--trace": trace},
        lambda: api.place(_model(model, shape, treat_as_free, random_weights), mapping, settings or ()),
    )
    recorder = api.Recorder(trace_events) if trace else None
    with progress_bar("simulating", quiet=quiet) as progress:
        result = api.simulate(placement, images=images, ideal=ideal, observer=recorder, progress=progress)
    result = replace(result, cpu_s=time.process_time())
    files: dict[Path, Iterable[bytes]] = {}
    if recorder is not None and trace is not None:
        files[trace] = api.chrome_trace(recorder, result)
        if out is not None:
            files[out / "trace.json"] = api.chrome_trace(recorder, result)
    destination.deliver(api.report.simulation_report(result), files)
    if recorder is not None and recorder.dropped and not quiet:
        message(f"the trace holds the first {recorder.kept:,} events; {recorder.dropped:,} more are not in it")
    _fail_unless_checked([result])


@app.command()
def compare(
    model: Model,
    *,
    mapping: Designs = None,
    settings: Settings = None,
    as_published: Published = False,
    images: Images = 4,
    ideal: Ideal = False,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """A network on several designs, side by side; all at 8-bit weights and inputs unless told otherwise."""
    destination = Destination(form, json, out)
    chosen = tuple(mapping or api.compared_by_default())
    placements = _after_checks(
        destination,
        {},
        lambda: api.place_each(
            _model(model, shape, treat_as_free, random_weights), chosen, settings or (), as_published=as_published
        ),
    )
    with progress_bar("simulating", quiet=quiet) as progress:
        results = [api.simulate(one, images=images, ideal=ideal, progress=progress) for one in placements]
    destination.deliver(api.report.comparison_report(results, chosen))
    _fail_unless_checked(results)


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


def _model(name: str, shapes: Words, free: Words, random_weights: int | None) -> api.ModelFile:
    return api.ModelFile(name, dict(map(_shape, shapes or ())), tuple(free or ()), random_weights)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not name or not shape:
        raise input_error("--shape", value=repr(text), expected="NAME=D,D,..., for example image=1,3,224,224")
    return name, shape


def _after_checks(destination: Destination, others: Mapping[str, Path], step: Callable[[], T]) -> T:
    """The answer of a step; its problems are told together with those of the files to write."""
    problems = api.Problems()
    with problems.gathered():
        destination.check(others)
    with problems.gathered():
        answer = step()
    problems.raise_any()
    return answer


def _fail_unless_checked(results: Sequence[Result]) -> None:
    failed = [(result.mapping.name, name) for result in results for name, held in result.checks.items() if not held]
    for mapping, name in failed:
        message(f"check failed: {name} on {mapping}")
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line."""
    with guarded():
        app()
