"""The verb `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from archsim import api
from archsim.asked import Read, after_checks, model_file
from archsim.console import Destination, Form, end, message, progress_bar
from archsim.errors import Problem, input_error
from archsim.options import (
    Designs,
    Format,
    Free,
    Ideal,
    Images,
    Json,
    Out,
    Published,
    Quiet,
    Random,
    Settings,
    Shapes,
)

if TYPE_CHECKING:
    from archsim.result import NotRun, Result

Network = Annotated[
    str | None, typer.Argument(help="An ONNX file, or a name that `archsim models` lists.", metavar="MODEL")
]
Known = Annotated[
    bool, typer.Option("--table2", help="No MODEL: what is known of five designs, beside what archsim computes.")
]
_OF_TABLE2 = {"table2", "json", "form", "out", "quiet"}


def compare(
    context: typer.Context,
    model: Network = None,
    *,
    table2: Known = False,
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
    if table2:
        _deliver_table2(destination, context)
        return
    if model is None:
        raise input_error("MODEL", expected="an ONNX file or a name that `archsim models` lists (or --table2 alone)")
    chosen = api.named_mappings(mapping or api.compared_by_default())
    placed = after_checks(
        destination,
        [],
        Read(model, chosen, settings=settings or ()),
        lambda: api.place_each(
            model_file(model, shape, treat_as_free, random_weights), chosen, settings or (), as_published=as_published
        ),
    )
    with progress_bar("simulating", quiet=quiet) as progress:
        runs = api.simulate_each(placed, images=images, ideal=ideal, progress=progress)
    destination.deliver(api.report.comparison_report(runs, chosen))
    _end(runs, chosen)


def _end(runs: Sequence[Result | NotRun], labels: Sequence[str]) -> None:
    """Ends with exit code 1 if a check failed or a run stalled."""
    failed: list[str] = []
    stalled = False
    for label, one in zip(labels, runs, strict=True):
        if not isinstance(one, api.NotRun):
            failed += [f"{name} on {label}" for name in api.report.failed_checks(one)]
        elif one.stalled:
            stalled = True
            message(f"error: {label}: {one.reason}")
    end(failed)
    if stalled:
        raise typer.Exit(1)


def _deliver_table2(destination: Destination, context: typer.Context) -> None:
    """The table, if nothing was asked that is about a network."""
    problems = api.Problems(_of_a_network(context))
    with problems.gathered():
        destination.check()
    problems.raise_any()
    destination.deliver(api.report.table2_report(api.table2_summary()))


def _of_a_network(context: typer.Context) -> list[Problem]:
    """The argument and the options given that do not go with --table2."""
    found = []
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name)
        if name in _OF_TABLE2 or given is None or given.name != "COMMANDLINE":
            continue
        option = "MODEL" if name == "model" else parameter.opts[0]
        value = context.params[name]
        shown = " and ".join(value) if isinstance(value, list | tuple) else "" if value is True else str(value)
        found.append(Problem(option, value=shown, expected=f"no {option} with --table2, which runs no network"))
    return found
