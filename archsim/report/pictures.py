"""Pictures as PNG, with matplotlib (the extra `pictures`)."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsim.errors import input_error
from archsim.report.evaluated import shown
from archsim.report.evaluation import Evaluation
from archsim.report.sweep import SweepSummary
from archsim.report.variance import VarianceSummary
from archsim.result import LinkUse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.quiver import Quiver

_DOTS_PER_INCH = 150


def check_pictures(option: str) -> None:
    """Raises `InputError` for the option that asks for a picture if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise input_error(option, expected="matplotlib, which is not installed: pip install 'archsim[pictures]'")


def sweep_png(summary: SweepSummary) -> bytes:
    """The latencies of all patterns over the load, and where each saturates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for curve in summary.curves:
        points = [one for one in curve.points if one.mean_latency_cycles is not None]
        loads, latencies = [one.load for one in points], [one.mean_latency_cycles for one in points]
        (line,) = axes.plot(loads, latencies, marker=".", label=curve.traffic)
        if curve.saturation_load is not None:
            axes.axvline(curve.saturation_load, color=line.get_color(), linestyle=":", linewidth=1)
    axes.set_ylim(0, 5 * max(curve.idle_latency_cycles for curve in summary.curves))
    axes.set_xlim(left=0)
    axes.set_xlabel("offered load (flits per node and cycle)")
    axes.set_ylabel("mean latency (cycles)")
    axes.legend()
    return _png(figure)


def variance_png(summary: VarianceSummary) -> bytes:
    """The cumulative probability of the error of each sum, between dots beyond which the read is wrong."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for read in summary.reads:
        axes.plot(summary.errors, read.cumulative, label=read.label)
    for bound in (-0.5, 0.5):
        axes.axvline(bound, color="0.5", linestyle=":", linewidth=1)
    axes.set_xlim(summary.errors[0], summary.errors[-1])
    axes.set_xlabel("error of the sum (currents of a cell that is on)")
    axes.set_ylabel("cumulative probability")
    axes.legend()
    return _png(figure)


def evaluation_png(evaluation: Evaluation) -> bytes:
    """The mean accuracy of each point of a sweep, or the mean error without labels, with bars of one standard deviation
    where there are several runs; and the accuracy in floating point. Values that are not all numbers stand in a row."""
    from matplotlib.figure import Figure

    points = evaluation.points
    values = [point.value for point in points]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = values if numbers else list(range(len(values)))
    if evaluation.reference_accuracy is None:
        title, heights = "mean error of an output", [point.mean_abs_error for point in points]
        spreads = [point.mean_abs_error_spread for point in points]
    else:
        title, heights = "accuracy", [point.accuracy for point in points]
        spreads = [point.accuracy_spread for point in points]
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(places, heights, yerr=[spread or 0.0 for spread in spreads], marker=".", capsize=3, label="crossbars")
    if evaluation.reference_accuracy is not None:
        axes.axhline(evaluation.reference_accuracy, color="0.4", linestyle=":", label="floating point")
        axes.legend()
    if not numbers:
        axes.set_xticks(places, [shown(value) for value in values])
    axes.set_xlabel(str(evaluation.swept))
    axes.set_ylabel(title)
    return _png(figure)


def heatmap_png(columns: int, rows: int, *meshes: Sequence[LinkUse]) -> bytes:
    """The routers of each mesh and an arrow for each link and direction, coloured by its utilisation."""
    from matplotlib.figure import Figure

    size = (min((3 + columns) * len(meshes), 40), min(2 + rows, 20))
    figure = Figure(figsize=size, layout="constrained")
    most = max((link.utilisation for links in meshes for link in links), default=0.0)
    drawn = []
    for chip, (axes, links) in enumerate(zip(figure.subplots(1, len(meshes), squeeze=False)[0], meshes, strict=True)):
        if len(meshes) > 1:
            axes.set_title(f"chip {chip}")
        shown = _links(axes, columns, rows, links, most)
        drawn += [] if shown is None else [shown]
    if drawn:
        figure.colorbar(drawn[0], ax=figure.axes, label="utilisation")
    return _png(figure)


def _links(axes: Axes, columns: int, rows: int, links: Sequence[LinkUse], most: float) -> Quiver | None:
    """Draws a mesh; answers its arrows, None if there are none."""
    routers = range(columns * rows)
    axes.plot([n % columns for n in routers], [n // columns for n in routers], "s", color="0.7", markersize=3)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    arrows = []
    for link in links:
        (y, x), (to_y, to_x) = divmod(link.source, columns), divmod(link.destination, columns)
        along_x, along_y = to_x - x, to_y - y
        # each direction keeps to its right, as seen with y downwards, and clear of the routers
        arrows.append((x + 0.15 * along_x - 0.1 * along_y, y + 0.15 * along_y + 0.1 * along_x, along_x, along_y))
    if not arrows:
        return None
    x0, y0, dx, dy = zip(*arrows, strict=True)
    steps = ([0.7 * step for step in dx], [0.7 * step for step in dy])
    use = [link.utilisation for link in links]
    style = {"cmap": "inferno_r", "angles": "xy", "scale_units": "xy", "scale": 1, "units": "x", "width": 0.04}
    return axes.quiver(x0, y0, *steps, use, clim=(0, most), **style)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # the version of matplotlib is left out, so that equal runs write equal files
    figure.savefig(stream, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return stream.getvalue()
