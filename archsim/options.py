"""The arguments and options that commands share, each with its name and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.console import Form

_MAPPING = "NAME|FILE[:KEY=VALUE,...]"
Words = list[str] | None

Model = Annotated[str, typer.Argument(help="An ONNX file, or a name that `archsim models` lists.", metavar="MODEL")]
Design = Annotated[Words, typer.Option("--mapping", help="The design [default: isaac].", metavar=_MAPPING)]
Designs = Annotated[Words, typer.Option("--mapping", help="A design (repeatable), or all that ship.", metavar=_MAPPING)]
Settings = Annotated[Words, typer.Option("--set", help="Change the design (repeatable).", metavar="KEY=VALUE")]
Shapes = Annotated[Words, typer.Option("--shape", help="Shape of an input (repeatable).", metavar="NAME=D,D,...")]
Free = Annotated[Words, typer.Option("--treat-as-free", help="This op may cost nothing (repeatable).", metavar="OP")]
Random = Annotated[int | None, typer.Option("--random-weights", help="Fill in missing weights.", metavar="SEED")]
Images = Annotated[int, typer.Option("--images", help="Images, one after the other.")]
Ideal = Annotated[bool, typer.Option("--ideal", help="Nobody waits for anything shared.")]
Training = Annotated[bool, typer.Option("--training", help="Train: forward, backward and update.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Images in a batch of --training [default: 64].")]
Published = Annotated[bool, typer.Option("--as-published", help="Each design at its own precision, not at 8/8 bit.")]
Values = Annotated[
    bool | None, typer.Option("--values/--no-values", help="Compute the numbers too [default: if --input is given].")
]
Data = Annotated[str, typer.Option("--data", help="Arrays `images` or `inputs`, and `labels`.", metavar="FILE.npz")]
Input = Annotated[Path | None, typer.Option("--input", help="Arrays to compute with.", metavar="FILE.npz")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Draw the data of --values [default: 0].")]
TraceFile = Annotated[Path | None, typer.Option("--trace", help="Write a timeline for Perfetto.", metavar="FILE")]
TraceEvents = Annotated[int, typer.Option("--trace-events", min=1, help="Events that a trace may hold.")]
NocMap = Annotated[bool, typer.Option("--noc-map", help="Show how busy each link is, and latencies.")]
NocPng = Annotated[
    Path | None, typer.Option("--noc-png", help="Draw how busy each link is (needs matplotlib).", metavar="FILE.png")
]
Json = Annotated[str | None, typer.Option("--json", help="Write JSON; - prints it alone.", metavar="FILE|-")]
Format = Annotated[Form, typer.Option("--format", help="How the answer is printed.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write result.json and the like here.", metavar="DIR")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no remarks on stderr.")]
