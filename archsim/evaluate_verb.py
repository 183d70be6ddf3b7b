"""The verb `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from archsim import api
from archsim.asked import Read, after_checks, model_file, one_design
from archsim.console import Destination, Form, Interrupted, end, progress_bar
from archsim.errors import input_error
from archsim.options import Data, Design, Format, Free, Json, Model, Out, Quiet, Random, Settings, Shapes, Words
from archsim.simulate_verb import output_files

Seed = Annotated[int, typer.Option("--seed", help="The first seed of device errors.")]
Seeds = Annotated[int, typer.Option("--seeds", help="How many seeds, one after the other.")]
Sweep = Annotated[Words, typer.Option("--sweep", help="One design for each value.", metavar="KEY=VALUE,VALUE,...")]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="Keep finished runs here, and take them from here.", metavar="FILE")
]
LayerErrors = Annotated[bool, typer.Option("--layer-errors", help="Show what each layer does to the answer.")]
Png = Annotated[Path | None, typer.Option("--png", help="Draw the sweep (needs matplotlib).", metavar="FILE.png")]


def evaluate(
    model: Model,
    *,
    data: Data,
    mapping: Design = None,
    settings: Settings = None,
    seed: Seed = 0,
    seeds: Seeds = 1,
    sweep: Sweep = None,
    resume: Resume = None,
    layer_errors: LayerErrors = False,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    png: Png = None,
    quiet: Quiet = False,
) -> None:
    """Outputs or accuracy of a data set through the crossbars of a design, over seeds and a sweep of one key."""
    destination = Destination(form, json, out)
    pictures = [] if png is None else [("--png", png)]
    kept = [] if resume is None else [("--resume", resume)]
    plain = seeds == 1 and not sweep and resume is None
    outputs = output_files(out, plain)

    def planned() -> api.PlannedEvaluation:
        _check_options(sweep, png)
        return api.plan_evaluation(
            model_file(model, shape, treat_as_free, random_weights, data),
            data,
            one_design(mapping),
            settings or (),
            seed=seed,
            seeds=seeds,
            sweep=sweep[0] if sweep else None,
            resume=resume,
            layer_errors=layer_errors,
        )

    read = Read(model, mapping, data, [*(settings or ()), *api.swept_settings(sweep or ())])
    plan = after_checks(destination, outputs + pictures + kept, read, planned)
    with _runs_kept(resume), progress_bar("evaluating", quiet=quiet) as progress:
        found = api.run_evaluation(plan, progress)
    files = {path: [api.report.to_npz(found.outputs)] for _, path in outputs}
    files |= {path: [api.report.evaluation_png(found)] for _, path in pictures}
    destination.deliver(api.report.evaluation_report(found), files)
    end([] if found.exact else ["exact"])


def _check_options(sweep: Words, png: Path | None) -> None:
    """Raises `InputError` for options that do not go together."""
    problems = api.Problems()
    with problems.gathered():
        if len(sweep or ()) > 1:
            raise input_error("--sweep", value=" and ".join(sweep or ()), expected="one key to sweep")
    with problems.gathered():
        if png is not None and not sweep:
            raise input_error("--png", value=str(png), expected="--sweep with it: the picture is of a sweep")
    if png is not None:
        with problems.gathered():
            api.report.check_pictures("--png")
    problems.raise_any()


@contextmanager
def _runs_kept(resume: Path | None) -> Iterator[None]:
    """Says on Ctrl-C where finished runs are."""
    try:
        yield
    except Interrupted:
        raise Interrupted("nothing written" if resume is None else f"finished runs are in {resume}") from None
