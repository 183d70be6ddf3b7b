"""The figures of a whole run, one definition for all reports: what they are called and which is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.report.figures import Shown, Value, duration, energy, large, plain, share
from archsim.result import Result

# Intervals that differ by no more than this share of their mean are told as settled.
_SETTLED = 0.01


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a run: `better` is `min` or `max` where a comparison has a winner, else empty; `settles` says
    that it hangs on the interval, which a short run may not have settled."""

    key: str
    title: str
    of: Callable[[Result], Value]
    show: Shown = plain
    better: str = ""
    settles: bool = False


def _total_energy(result: Result) -> Value:
    return None if result.energy_pj is None else result.energy_pj["total"]


def failed_checks(result: Result) -> tuple[str, ...]:
    """The names of the checks that do not hold."""
    return tuple(name for name, held in result.checks.items() if not held)


def _checks(result: Result) -> Value:
    failed = failed_checks(result)
    return f"FAILED: {', '.join(failed)}" if failed else "all hold"


def is_unsettled(result: Result) -> bool:
    """Whether the intervals between images still differ by more than 1 % of their mean."""
    if result.interval_exact or not result.interval_ns or not result.interval_spread_ns:
        return False
    return result.interval_spread_ns > _SETTLED * result.interval_ns


def _spread(result: Result) -> Value:
    return None if result.interval_exact or not result.interval_spread_ns else result.interval_spread_ns


def _exactness(value: Value) -> str:
    return "yes (the run repeats itself)" if value else plain(value)


def _busiest_unit(result: Result) -> Value:
    return next((f"{use.unit} of {use.where}: {share(use.utilisation)}" for use in result.busiest), None)


FIGURES = (
    Figure("latency_ns", "latency of the first image", lambda r: r.latency_ns, duration, "min"),
    Figure("latency_cycles", "  in read cycles", lambda r: r.latency_cycles, plain, "min"),
    Figure("interval_ns", "interval between images", lambda r: r.interval_ns, duration, "min", settles=True),
    Figure("interval_spread_ns", "  spread", _spread, duration),
    Figure("interval_exact", "  exact", lambda r: r.interval_exact if r.interval_ns else None, _exactness),
    Figure("interval_bound_ns", "interval, lower bound", lambda r: r.interval_bound_ns, duration),
    Figure("throughput_per_s", "images per second", lambda r: r.throughput_per_s, large, "max", settles=True),
    Figure("busiest", "busiest unit", _busiest_unit),
    Figure("chips", "chips", lambda r: r.chips, plain, "min"),
    Figure("arrays_used", "arrays used", lambda r: r.arrays.used, plain, "min"),
    Figure("arrays_allocated", "  allocated", lambda r: r.arrays.allocated, plain, "min"),
    Figure("arrays_available", "  available", lambda r: r.arrays.available),
    Figure("spill_bytes", "bytes spilled to chip memory", lambda r: r.spill_bytes, plain, "min"),
    Figure("energy_pj", "energy", _total_energy, energy, "min"),
    Figure("power_w", "power (W)", lambda r: r.power_w, plain, "min"),
    Figure("area_mm2", "area (mm2)", lambda r: r.area_mm2, plain, "min"),
    Figure("noc_packets", "NoC packets", lambda r: r.noc.packets),
    Figure("noc_bytes_hops", "NoC bytes x hops", lambda r: r.noc.bytes_hops, large, "min"),
    Figure("cycle_ns", "read cycle", lambda r: r.cycle_ns, duration),
    Figure("images", "images", lambda r: r.images),
    Figure("cpu_s", "CPU seconds", lambda r: r.cpu_s),
    Figure("checks", "checks", _checks),
)
