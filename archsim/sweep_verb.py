"""The verb `noc-sweep`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

import typer

from archsim import api
from archsim.console import Destination, Form, progress_bar
from archsim.errors import input_error
from archsim.noc_verb import Buffer, Credit, Kind, Mesh, Png, Routing, Speculative, Vcs, sides
from archsim.options import Format, Json, Out, Quiet

_PATTERNS = "uniform|transpose|neighbor|bitcomp|hotspot|all"

Traffic = Annotated[list[str] | None, typer.Option("--traffic", help="Who sends to whom.", metavar=_PATTERNS)]
PacketFlits = Annotated[int, typer.Option("--packet-flits", help="Flits of each packet.")]
Loads = Annotated[
    str | None,
    typer.Option("--loads", help="Flits per node and cycle to measure too.", metavar="A,B,...|FROM:TO:STEP"),
]
Cycles = Annotated[int, typer.Option("--cycles", help="Cycles that are measured.")]
Warmup = Annotated[int, typer.Option("--warmup", help="Cycles before them.")]
Seed = Annotated[int, typer.Option("--seed", help="What draws the packets.")]

_MOST_LOADS = 1000
_DECIMAL = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"


def noc_sweep(
    *,
    mesh: Mesh,
    traffic: Traffic = None,
    model: Kind = "wormhole",
    vcs: Vcs = 1,
    buffer_flits: Buffer = 8,
    packet_flits: PacketFlits = 1,
    loads: Loads = None,
    cycles: Cycles = 10_000,
    warmup: Warmup = 2000,
    seed: Seed = 0,
    routing_delay: Routing = 0,
    credit_delay: Credit = 1,
    speculative: Speculative = False,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
    png: Png = None,
    quiet: Quiet = False,
) -> None:
    """Latency over load on a mesh of routers, and the load at which it is three times that of an idle one."""
    destination = Destination(form, json, out)
    outputs = [] if png is None else [("--png", png)]
    problems = api.Problems()
    with problems.gathered():
        destination.check(outputs)
    if png is not None:
        with problems.gathered():
            api.report.check_pictures("--png")
    found: tuple[Fraction, ...] = ()
    with problems.gathered():
        found = _loads(loads)
    with problems.gathered():
        network = api.Network(
            *sides(mesh),
            model=model,
            vcs=vcs,
            buffer_flits=buffer_flits,
            routing_delay=routing_delay,
            credit_delay=credit_delay,
            speculative=speculative,
        )
        sweep = api.sweep_settings(
            traffic or ("uniform",), packet_flits=packet_flits, loads=found, warmup=warmup, cycles=cycles, seed=seed
        )
        api.check_sweep(sweep, network)
    problems.raise_any()
    with progress_bar("sweeping", quiet=quiet) as progress:
        curves = api.sweep_mesh(sweep, network, progress=progress)
    summary = api.sweep_summary(sweep, network, curves)
    files = {path: [api.report.sweep_png(summary)] for _, path in outputs}
    destination.deliver(api.report.sweep_report(summary), files)


def _loads(text: str | None) -> tuple[Fraction, ...]:
    """The loads of a list, or of a range with both ends."""
    if text is None:
        return ()
    if re.fullmatch(f"{_DECIMAL}(,{_DECIMAL}){{0,{_MOST_LOADS - 1}}}", text):
        return tuple(map(Fraction, text.split(",")))
    if re.fullmatch(f"{_DECIMAL}:{_DECIMAL}:{_DECIMAL}", text):
        first, last, step = map(Fraction, text.split(":"))
        if step > 0 and first <= last < first + _MOST_LOADS * step:
            return tuple(first + step * number for number in range(int((last - first) / step) + 1))
    expected = f"A,B,... or FROM:TO:STEP, for example 0.05:0.5:0.05, up to {_MOST_LOADS:,} loads"
    raise input_error("--loads", value=repr(text), expected=expected)
