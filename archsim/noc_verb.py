"""The verb `noc-replay`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from archsim import api
from archsim.console import Destination, Form, end, progress_bar
from archsim.errors import input_error
from archsim.options import Format, Json, Quiet

Packets = Annotated[Path, typer.Argument(help="Packets: pid,src,dst,flits,create.", metavar="PACKETS.csv[.gz]")]
Mesh = Annotated[str, typer.Option("--mesh", help="Columns and rows of nodes; node = x + W*y.", metavar="WxH")]
Kind = Annotated[str, typer.Option("--model", help="How packets meet.", metavar="ideal|vct|wormhole|flit")]
Vcs = Annotated[int, typer.Option("--vcs", help="Virtual channels.")]
Buffer = Annotated[int, typer.Option("--buffer-flits", help="Flits that an input buffer holds.")]
Routing = Annotated[int, typer.Option("--routing-delay", help="Cycles of routing in each router.")]
Credit = Annotated[int, typer.Option("--credit-delay", help="Cycles of a credit in each router.")]
Speculative = Annotated[bool, typer.Option("--speculative", help="Allocate the switch a cycle earlier (ideal only).")]
Png = Annotated[Path | None, typer.Option("--png", help="Write a picture (needs matplotlib).", metavar="FILE.png")]
Map = Annotated[bool, typer.Option("--noc-map", help="Show how busy each link is.")]
Arrivals = Annotated[Path | None, typer.Option("--out", help="Write pid,tail_arrive here.", metavar="FILE.csv")]


def noc_replay(
    packets: Packets,
    *,
    mesh: Mesh,
    model: Kind = "wormhole",
    vcs: Vcs = 1,
    buffer_flits: Buffer = 8,
    routing_delay: Routing = 0,
    credit_delay: Credit = 1,
    speculative: Speculative = False,
    json: Json = None,
    form: Format = Form.table,
    out: Arrivals = None,
    noc_map: Map = False,
    png: Png = None,
    quiet: Quiet = False,
) -> None:
    """Replays packets on a mesh of routers: when each arrives, and the latencies."""
    destination = Destination(form, json, None)
    arrivals = [] if out is None else [("--out", out)]
    pictures = [] if png is None else [("--png", png)]
    problems = api.Problems()
    with problems.gathered():
        destination.check(arrivals + pictures, [("the packets", packets)])
    if png is not None:
        with problems.gathered():
            api.report.check_pictures("--png")
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
        api.check_network(network)
    problems.raise_any()
    with progress_bar("replaying", quiet=quiet) as progress:
        replayed = api.replay_packets(packets, network, progress=progress)
    summary = api.replay_summary(packets, network, replayed)
    files: dict[Path, Iterable[bytes]] = {path: api.arrivals_csv(replayed) for _, path in arrivals}
    files |= {path: [api.report.heatmap_png(network.columns, network.rows, summary.links)] for _, path in pictures}
    destination.deliver(api.report.replay_report(summary, with_map=noc_map), files)
    end([name for name, agreed in summary.checks.items() if not agreed])


def sides(mesh: str) -> tuple[int, int]:
    """Columns and rows of WxH."""
    found = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", mesh)
    if found is None:
        raise input_error("--mesh", value=repr(mesh), expected="WxH, for example 4x4")
    return int(found[1]), int(found[2])
