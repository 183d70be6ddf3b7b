"""The command line: words to verbs. Results go to stdout, messages to stderr.

Exit codes: 0 done; 2 the input or a setting is wrong; 1 a check failed, the run could not finish, or a bug.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from archsim import __version__, api
from archsim.asked import Read, after_checks, model_file
from archsim.compare_verb import compare
from archsim.console import Destination, Form, guarded
from archsim.evaluate_verb import evaluate
from archsim.map_verb import map_network
from archsim.noc_verb import noc_replay
from archsim.options import Format, Free, Json, Model, Out, Random, Shapes
from archsim.simulate_verb import simulate
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
app.command()(evaluate)
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


_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def main() -> None:
    """Runs the command line, products of matrices on one thread unless the environment says otherwise: of the small
    ones here a second thread makes none faster, and costs as much again."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    with guarded():
        app()
