"""The command line: words to verbs. Results go to stdout, messages to stderr.

Exit codes: 0 done; 2 the input or a setting is wrong; 1 a check failed, the run could not finish, or a bug.
"""

from __future__ import annotations

from typing import Annotated

import typer

from archsim import __version__, api
from archsim.asked import Read, after_checks, model_file, one_design
from archsim.compare_verb import compare
from archsim.console import Destination, Form, end, guarded, progress_bar
from archsim.map_verb import map_network
from archsim.noc_verb import noc_replay
from archsim.options import Data, Design, Format, Free, Json, Model, Out, Quiet, Random, Settings, Shapes
from archsim.simulate_verb import output_files, simulate
from archsim.sweep_verb import noc_sweep
from archsim.variance_verb import variance

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


app.command()(simulate)
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
    destination, outputs = Destination(form, json, out), output_files(out)
    with progress_bar("evaluating", quiet=quiet) as progress:
        found = after_checks(
            destination,
            outputs,
            Read(model, mapping, data),
            lambda: api.evaluate(
                model_file(model, shape, treat_as_free, random_weights, data),
                data,
                one_design(mapping),
                settings or (),
                progress=progress,
            ),
        )
    files = {path: [api.report.to_npz(found.outputs)] for _, path in outputs}
    destination.deliver(api.report.evaluation_report(found), files)
    end([] if found.exact else ["exact"])


app.command()(variance)
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


@app.command()
def devices(json: Json = None, form: Format = Form.table, out: Out = None) -> None:
    """Lists the devices that ship."""
    _deliver_list(Destination(form, json, out), api.devices())


def _deliver_list(destination: Destination, table: api.report.Table) -> None:
    destination.check()
    destination.deliver(api.report.listing_report(table))


def main() -> None:
    """Runs the command line."""
    with guarded():
        app()
