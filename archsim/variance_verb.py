"""The verb `variance`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from archsim import api
from archsim.console import Destination, Form, progress_bar
from archsim.errors import input_error
from archsim.noc_verb import Png
from archsim.options import Format, Json, Out, Quiet

Sigmas = Annotated[str, typer.Option("--sigma", help="Relative standard deviations of a cell.", metavar="A,B,...")]
OnCells = Annotated[str, typer.Option("--on-cells", help="Cells of a read that are on.", metavar="N,M,...")]
OffCells = Annotated[int, typer.Option("--off-cells", help="Cells of a read that are off, but driven.")]
Ratio = Annotated[
    float | None, typer.Option("--on-off-ratio", help="What a cell conducts that is on, over one that is off.")
]
Samples = Annotated[int, typer.Option("--samples", help="Reads of each kind to draw, through crossbars.")]
Seed = Annotated[int, typer.Option("--seed", help="What draws them.")]
Limit = Annotated[
    float | None, typer.Option("--limit", help="How many cells may be on so that reads are wrong no more often.")
]

_DECIMAL = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_WHOLE = r"[0-9]{1,9}"


def variance(
    *,
    sigma: Sigmas = "0.05,0.1,0.2",
    on_cells: OnCells = "7,15",
    off_cells: OffCells = 0,
    on_off_ratio: Ratio = None,
    limit: Limit = None,
    samples: Samples = 0,
    seed: Seed = 0,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    png: Png = None,
    quiet: Quiet = False,
) -> None:
    """How often the sum of one read is misread, if cells vary; how many may be on so that it seldom is."""
    destination = Destination(form, json, out)
    outputs = [] if png is None else [("--png", png)]
    problems = api.Problems()
    with problems.gathered():
        destination.check(outputs)
    if png is not None:
        with problems.gathered():
            api.report.check_pictures("--png")
    sigmas: list[str] = []
    counts: list[str] = []
    with problems.gathered():
        sigmas = _listed("--sigma", sigma, _DECIMAL, "0.05,0.1")
    with problems.gathered():
        counts = _listed("--on-cells", on_cells, _WHOLE, "7,15")
    with problems.gathered():
        asked = api.variance_settings(
            map(float, sigmas),
            map(int, counts),
            off_cells=off_cells,
            on_off_ratio=on_off_ratio,
            samples=samples,
            seed=seed,
            limit=limit,
        )
    problems.raise_any()
    with progress_bar("drawing", quiet=quiet) as progress:
        summary = api.variance_summary(asked, progress=progress)
    files = {path: [api.report.variance_png(summary)] for _, path in outputs}
    destination.deliver(api.report.variance_report(summary), files)


def _listed(option: str, text: str, number: str, example: str) -> list[str]:
    """The numbers of a list."""
    if not re.fullmatch(f"{number}(,{number})*", text):
        raise input_error(option, value=repr(text), expected=f"numbers with commas between, for example {example}")
    return text.split(",")
