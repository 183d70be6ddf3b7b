"""Pictures as PNG, with matplotlib (the extra `pictures`)."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsim.errors import input_error
from archsim.report.heatmap import LinkUse
from archsim.report.sweep import SweepSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def heatmap_png(columns: int, rows: int, links: Sequence[LinkUse]) -> bytes:
    """The routers of a mesh and an arrow for each link and direction, coloured by its utilisation."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    figure = Figure(figsize=(min(2 + columns, 20), min(1 + rows, 20)), layout="constrained")
    axes = figure.subplots()
    scale = ScalarMappable(Normalize(0, max((link.utilisation for link in links), default=0.0)), colormaps["inferno_r"])
    axes.plot(
        [n % columns for n in range(columns * rows)], [n // columns for n in range(columns * rows)], "s", color="0.7"
    )
    for link in links:
        (y0, x0), (y1, x1) = divmod(link.source, columns), divmod(link.destination, columns)
        # each direction keeps to one side
        aside_x, aside_y = 0.12 * (y1 - y0), 0.12 * (x0 - x1)
        axes.annotate(
            "",
            (x1 + aside_x - 0.15 * (x1 - x0), y1 + aside_y - 0.15 * (y1 - y0)),
            (x0 + aside_x + 0.15 * (x1 - x0), y0 + aside_y + 0.15 * (y1 - y0)),
            arrowprops={"arrowstyle": "-|>", "color": scale.to_rgba(link.utilisation), "linewidth": 2},
        )
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    figure.colorbar(scale, ax=axes, label="utilisation")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # the version of matplotlib is left out, so that equal runs write equal files
    figure.savefig(stream, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return stream.getvalue()
