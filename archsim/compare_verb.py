"""The verb `compare`."""

from __future__ import annotations

import typer

from archsim import api
from archsim.asked import Read, after_checks, model_file
from archsim.console import Destination, Form, end, message, progress_bar
from archsim.options import (
    Designs,
    Format,
    Free,
    Ideal,
    Images,
    Json,
    Model,
    Out,
    Published,
    Quiet,
    Random,
    Settings,
    Shapes,
)


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
    failed: list[str] = []
    stalled = False
    for label, one in zip(chosen, runs, strict=True):
        if not isinstance(one, api.NotRun):
            failed += [f"{name} on {label}" for name in api.report.failed_checks(one)]
        elif one.stalled:
            stalled = True
            message(f"error: {label}: {one.reason}")
    end(failed)
    if stalled:
        raise typer.Exit(1)
