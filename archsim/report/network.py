"""What the network between tiles carried in a run: how long messages took, and a map of its links."""

from __future__ import annotations

from archsim.report.drawing import Drawing
from archsim.report.figures import duration
from archsim.report.heatmap import heatmap
from archsim.report.histogram import histogram_table
from archsim.report.mesh import MOST_CHIPS
from archsim.report.pictures import heatmap_png
from archsim.report.tables import Table
from archsim.result import Result


def latencies(result: Result) -> tuple[Table, ...]:
    """From the creation of a message to each of its deliveries; none where no network was simulated."""
    if not result.noc.latencies:
        return ()
    bins = [(duration(one.first_ns), duration(one.last_ns), one.deliveries) for one in result.noc.latencies]
    return (histogram_table("Latencies of messages", ("from", "to", "deliveries"), bins),)


def noc_maps(result: Result) -> tuple[Drawing, ...]:
    """How busy the links of each chip were; none where there is no mesh."""
    if result.noc.routers is None:
        return ()
    maps = [
        heatmap(*result.noc.routers, links, f"Chip {chip}: ")
        for chip, links in enumerate(result.noc.links[:MOST_CHIPS])
    ]
    return tuple(drawn for drawn in maps if drawn is not None)


def noc_png(result: Result) -> bytes:
    """The same as a picture, the chips side by side."""
    routers = result.noc.routers
    if routers is None:
        raise ValueError("a result without a mesh has no picture of it")
    return heatmap_png(*routers, *result.noc.links[:MOST_CHIPS])
