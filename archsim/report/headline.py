"""The figures of a whole run, one definition for all reports: what they are called and which is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.report.figures import Shown, Value, data_size, duration, energy, large, plain, share
from archsim.result import STALL_CAUSES, Result, UnitUse

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


def lasting_interval_ns(result: Result) -> float | None:
    """The interval, unless the images of the run came out of a backlog faster than more of them could."""
    return None if result.interval_sustained is False else result.interval_ns


def is_unsettled(result: Result) -> bool:
    """Whether the intervals between images still differ by more than 1 % of their mean."""
    spread, interval = _spread(result), lasting_interval_ns(result)
    return spread is not None and interval is not None and spread > _SETTLED * interval


def _spread(result: Result) -> float | None:
    """How much intervals differ, where they do and the run has not proved one."""
    told = lasting_interval_ns(result) is not None and not result.interval_exact
    return (result.interval_spread_ns or None) if told else None


def _exactness(value: Value) -> str:
    return "yes (the run repeats itself)" if value else plain(value)


def name_of(use: UnitUse) -> str:
    """A unit by its kind and where it is, the kind once."""
    return use.where if use.where.startswith(use.unit) else f"{use.unit} of {use.where}"


def _busiest_unit(result: Result) -> Value:
    return next((f"{name_of(use)}: {share(use.utilisation)}" for use in result.busiest), None)


def _peak_share(result: Result) -> Value:
    tops, peak = _tops(result), result.mapping.peak_tops
    return tops / peak if tops is not None and peak else None


def _tops(result: Result) -> float | None:
    """10^12 operations of matrices (a multiply and an add are two) a second, at the interval of the run."""
    rate = result.throughput_per_s
    return None if rate is None else 2 * result.model.macs * rate / 1e12


def _cost(name: str) -> Callable[[Result], Value]:
    """A figure of the cost; None for a design without component figures."""
    return lambda result: None if result.cost is None else getattr(result.cost, name)


def _tops_per_watt(result: Result) -> Value:
    """Operations for each pJ of the whole run: 10^12 a joule."""
    each = None if result.cost is None else result.cost.per_image_pj
    return 2 * result.model.macs / each if each else None


def _peak_tops_per_watt(result: Result) -> Value:
    peak, power = result.mapping.peak_tops, None if result.cost is None else result.cost.peak_power_w
    return peak / power if peak is not None and power else None


def _peak_tops_per_mm2(result: Result) -> Value:
    peak = result.mapping.peak_tops
    return peak / result.area_mm2 if peak is not None and result.area_mm2 else None


def _tops_per_mm2(result: Result) -> Value:
    tops = _tops(result)
    return tops / result.area_mm2 if tops is not None and result.area_mm2 else None


def _arrays_share(result: Result) -> Value:
    available = result.arrays.available
    return result.arrays.used / available if available else None


def _conversions_per_mac(result: Result) -> Value:
    macs = result.model.macs * result.images
    return None if result.adc_conversions is None or not macs else result.adc_conversions / macs


def _accuracy(result: Result) -> Value:
    return None if result.values is None else result.values.get("accuracy")


def waited_ns(result: Result, cause: str) -> float | None:
    """What the copies of all layers waited for one cause, in ns, added up; None where no layer gives it."""
    given = [layer.stall_ns.get(cause) for layer in result.layers if layer.stall_ns is not None]
    times = [time for time in given if time is not None]
    return sum(times) if times else None


def _noc_waited(result: Result) -> float | None:
    """The share of the messages' latency that an idle network would not have taken."""
    noc = result.noc
    if noc.waited_ns is None or noc.mean_latency_ns is None or noc.latencies is None:
        return None
    return noc.waited_ns / (noc.mean_latency_ns * sum(each.deliveries for each in noc.latencies))


def _moved(level: str, title: str, better: str = "min") -> Figure:
    return Figure(f"moved_{level}_bytes", title, lambda r: getattr(r.moved_bytes, level), data_size, better)


def _wait(cause: str) -> Figure:
    return Figure(
        f"stall_{cause}_ns", f"waits for {WAITED_FOR[cause]}, all copies", lambda r: waited_ns(r, cause), duration
    )


WAITED_FOR = {
    "data": "data",
    "bus": "the tile bus",
    "buffer": "room in buffers",
    "adc": "converters",
    "sfu": "special functions",
    "noc": "the NoC",
    "memory": "memory",
    "offchip": "links off chip",
}

_TIMES = (
    Figure("latency_ns", "latency of the first image", lambda r: r.latency_ns, duration, "min"),
    Figure("latency_cycles", "  in read cycles", lambda r: r.latency_cycles, plain, "min"),
    Figure("interval_ns", "interval between images", lasting_interval_ns, duration, "min", settles=True),
    Figure("interval_spread_ns", "  spread", _spread, duration),
    Figure("interval_exact", "  exact", lambda r: r.interval_exact if lasting_interval_ns(r) else None, _exactness),
    Figure("interval_bound_ns", "interval, lower bound", lambda r: r.interval_bound_ns, duration),
    Figure("throughput_per_s", "images per second", lambda r: r.throughput_per_s, large, "max", settles=True),
    Figure("logical_cycles", "logical cycles", lambda r: r.logical_cycles),
    Figure("peak_tops", "peak TOPS, all arrays full", lambda r: r.mapping.peak_tops),
    Figure("peak_share", "  share of it reached", _peak_share, share, "max", settles=True),
    Figure("busiest", "busiest unit", _busiest_unit),
)
_OCCUPIED = (
    Figure("chips", "chips", lambda r: None if r.arrays.available is None else r.chips, plain, "min"),
    Figure("arrays_used", "arrays used", lambda r: r.arrays.used, plain, "min"),
    Figure("arrays_allocated", "  allocated", lambda r: r.arrays.allocated, plain, "min"),
    Figure("arrays_available", "  available", lambda r: r.arrays.available),
    Figure("arrays_share", "  used of those available", _arrays_share, share),
    Figure("spill_bytes", "bytes spilled to chip memory", lambda r: r.spill_bytes, plain, "min"),
)
_WORK = (
    Figure("adc_conversions", "ADC conversions", lambda r: r.adc_conversions, large, "min"),
    Figure("adc_conversions_per_mac", "  for each MAC", _conversions_per_mac, plain, "min"),
    _moved("array_inputs", "moved from buffers to arrays"),
    _moved("handed_over", "  in registers already", ""),
    _moved("buffer_writes", "written to buffers"),
    _moved("noc", "moved over the NoC"),
    _moved("partial_sums", "  partial sums among it", ""),
    _moved("offchip", "moved over links off chip"),
    _moved("memory_reads", "read from memory"),
    _moved("memory_writes", "written to memory"),
    _moved("weights", "weights written to arrays"),
    Figure("noc_model", "NoC model", lambda r: r.noc.model),
    Figure("noc_packets", "  packets", lambda r: r.noc.packets),
    Figure("noc_bytes_hops", "  bytes x hops", lambda r: r.noc.bytes_hops, large, "min"),
    Figure("noc_mean_latency_ns", "  mean latency", lambda r: r.noc.mean_latency_ns, duration, "min"),
    Figure("noc_waited", "    waiting in it", _noc_waited, share, "min"),
    Figure("noc_max_link_utilisation", "  busiest link", lambda r: r.noc.max_link_utilisation, share),
)
_COST = (
    Figure("energy_pj", "energy of the run", _total_energy, energy, "min"),
    Figure("energy_per_image_pj", "energy of an image", _cost("per_image_pj"), energy, "min"),
    Figure("power_w", "average power (W)", lambda r: r.power_w, plain, "min"),
    Figure("peak_power_w", "peak power (W), all units at work", _cost("peak_power_w"), plain, "min"),
    Figure("area_mm2", "area (mm2)", lambda r: r.area_mm2, plain, "min"),
    Figure("peak_tops_per_w", "TOPS/W at peak", _peak_tops_per_watt, plain, "max"),
    Figure("tops_per_w", "  reached", _tops_per_watt, plain, "max"),
    Figure("peak_tops_per_mm2", "TOPS/mm2 at peak", _peak_tops_per_mm2, plain, "max"),
    Figure("tops_per_mm2", "  reached", _tops_per_mm2, plain, "max", settles=True),
    Figure("accuracy", "accuracy through crossbars", _accuracy, share, "max"),
)
_RUN = (
    Figure("cycle_ns", "read cycle", lambda r: r.cycle_ns, duration),
    Figure("images", "images", lambda r: r.images),
    Figure("cpu_s", "CPU seconds", lambda r: r.cpu_s),
    Figure("checks", "checks", _checks),
)

FIGURES = (*_TIMES, *_OCCUPIED, *_WORK, *_COST, *_RUN)
COMPARED = (*_TIMES, *_OCCUPIED, *_WORK, *map(_wait, STALL_CAUSES), *_COST, *_RUN)
"""The figures of a comparison: waits too, which a single run tells layer by layer."""
