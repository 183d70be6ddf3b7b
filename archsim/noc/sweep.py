"""Latency over offered load, and the load at which a mesh saturates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from archsim.errors import InputError, Problem, nearest_name
from archsim.noc.latencies import percentile
from archsim.noc.network import Network
from archsim.noc.patterns import PATTERNS, Pattern, inject
from archsim.noc.replay import REPLAYS, check, zero_load_latency

SATURATED = 3
"""A mesh is saturated where the mean latency is so many times that of an idle mesh."""

MAX_PACKET_FLITS = 1024
MAX_CYCLES = 1_000_000
MAX_PACKETS = 8_000_000

_FIRST_LOAD = Fraction(1, 32)
_LEAST_LOAD = Fraction(1, 2**20)
# The bracket around the saturation, relative to its upper end.
_RESOLUTION = Fraction(1, 64)
# Loads measured for a pattern, about: to show progress.
_USUAL_MEASUREMENTS = 11

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is swept: patterns by name, packets of `packet_flits`, `cycles` that are measured after `warmup` cycles,
    the seed, and loads (flits per node and cycle) to measure beside those that the search for the saturation takes."""

    traffic: tuple[str, ...]
    packet_flits: int = 1
    loads: tuple[Fraction, ...] = ()
    warmup: int = 2000
    cycles: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One load: packets created in the measured cycles, mean and 95th percentile of their latency in cycles (None
    without packets), flits per node and cycle that arrived in these cycles."""

    load: Fraction
    packets: int
    mean_latency: Fraction | None
    p95_latency: int | None
    accepted: Fraction


@dataclass(frozen=True, slots=True)
class Curve:
    """One pattern: the mean latency of an idle mesh in cycles; the load at which the mean latency is `SATURATED` times
    that, by bisection, and by linear interpolation between the `loads` asked for, each None if it was not found; and
    every load that was measured, in order."""

    traffic: str
    idle_latency: Fraction
    saturation: Fraction | None
    interpolated: Fraction | None
    points: tuple[Point, ...]


def check_sweep(sweep: Sweep, network: Network) -> None:
    """Raises `InputError` with every setting that is wrong, those of the mesh too."""
    problems: list[Problem] = []
    try:
        check(network)
    except InputError as error:
        problems += error.problems
    for name in sweep.traffic:
        if name not in PATTERNS:
            wanted = f"one of {', '.join(PATTERNS)}, or all"
            problems.append(Problem("--traffic", "", repr(name), wanted, nearest_name(name, [*PATTERNS, "all"])))
    problems += [
        Problem(option, "", str(value), f"{least} to {most:,}")
        for option, value, least, most in (
            ("--packet-flits", sweep.packet_flits, 1, MAX_PACKET_FLITS),
            ("--cycles", sweep.cycles, 1, MAX_CYCLES),
            ("--warmup", sweep.warmup, 0, MAX_CYCLES),
            ("--seed", sweep.seed, 0, 2**63 - 1),
        )
        if not least <= value <= most
    ]
    problems += [
        Problem("--loads", "", f"{float(load):g}", "loads above 0 and up to 1 flit per node and cycle")
        for load in sweep.loads
        if not 0 < load <= 1
    ]
    if problems:
        raise InputError(*problems)
    nodes = network.columns * network.rows
    packets = nodes * (sweep.warmup + sweep.cycles) // sweep.packet_flits
    if packets > MAX_PACKETS:
        most = MAX_PACKETS * sweep.packet_flits // nodes - sweep.warmup
        wanted = f"at most {max(most, 0):,} on this mesh and after this warm-up"
        raise InputError(Problem("--cycles", "", str(sweep.cycles), wanted))
    for name in sweep.traffic:
        PATTERNS[name](network.columns, network.rows)


def run_sweep(sweep: Sweep, network: Network, progress: Progress | None = None) -> tuple[Curve, ...]:
    """A curve for each pattern. `progress` hears how many loads were measured, of about how many.

    Raises `InputError` for settings that `check_sweep` refuses.
    """
    check_sweep(sweep, network)
    curves = []
    each = _USUAL_MEASUREMENTS + len(sweep.loads)
    for number, name in enumerate(sweep.traffic):

        def measured(loads: int, before: int = number * each) -> None:
            if progress is not None:
                progress(before + min(loads, each), len(sweep.traffic) * each)

        curves.append(_Measured(name, sweep, network, measured).curve())
    return tuple(curves)


class _Measured:
    """The loads measured so far with a pattern; `measured` hears how many."""

    def __init__(self, name: str, sweep: Sweep, network: Network, measured: Callable[[int], None]) -> None:
        self._name, self._sweep, self._network, self._measured = name, sweep, network, measured
        self._pattern: Pattern = PATTERNS[name](network.columns, network.rows)
        self._points: dict[Fraction, Point] = {}
        self._idle = idle_latency(self._pattern, sweep.packet_flits, network)

    def curve(self) -> Curve:
        saturation = self._saturation()
        interpolated = self._interpolated(sorted(set(self._sweep.loads)))
        points = tuple(self._points[load] for load in sorted(self._points))
        return Curve(self._name, self._idle, saturation, interpolated, points)

    def _saturation(self) -> Fraction | None:
        """Doubles the load until the mesh is saturated, and halves the bracket; None if it is not at a load of 1."""
        low, high = Fraction(0), _FIRST_LOAD
        while not self._is_saturated(high):
            if high == 1:
                return None
            low, high = high, 2 * high
        while high - low > high * _RESOLUTION and high > _LEAST_LOAD:
            middle = (low + high) / 2
            if self._is_saturated(middle):
                high = middle
            else:
                low = middle
        return (low + high) / 2

    def _interpolated(self, loads: Sequence[Fraction]) -> Fraction | None:
        """Where the line through the means at `loads` crosses the threshold; loads beyond are not measured."""
        low, below = Fraction(0), self._idle
        for load in loads:
            mean = self._mean(load)
            if mean > SATURATED * self._idle:
                return low + (load - low) * (SATURATED * self._idle - below) / (mean - below)
            low, below = load, mean
        return None

    def _is_saturated(self, load: Fraction) -> bool:
        return self._mean(load) > SATURATED * self._idle

    def _mean(self, load: Fraction) -> Fraction:
        """The mean latency at a load; without packets that of an idle mesh."""
        if load not in self._points:
            self._points[load] = measure(self._pattern, load, self._sweep, self._network)
            self._measured(len(self._points))
        mean = self._points[load].mean_latency
        return self._idle if mean is None else mean


def idle_latency(pattern: Pattern, packet_flits: int, network: Network) -> Fraction:
    """The mean latency of a packet on an idle mesh; each hop takes as long as any other."""
    none, one = map(int, zero_load_latency(np.array([0, 1]), np.array([packet_flits]), network))
    return none + (one - none) * pattern.mean_hops()


def measure(pattern: Pattern, load: Fraction, sweep: Sweep, network: Network) -> Point:
    """Injects packets at a load until the last measured cycle, and lets all of them arrive."""
    first, end = sweep.warmup, sweep.warmup + sweep.cycles
    packets = inject(pattern, load, sweep.packet_flits, end, sweep.seed)
    nodes = network.columns * network.rows
    if not len(packets.pid):
        return Point(load, 0, None, None, Fraction(0))
    arrive, _ = REPLAYS[network.model](packets, network, None)
    latencies = np.sort((arrive - packets.create)[packets.create >= first])
    accepted = int(((first <= arrive) & (arrive < end)).sum()) * sweep.packet_flits
    count = len(latencies)
    return Point(
        load,
        count,
        Fraction(int(latencies.sum()), count) if count else None,
        percentile(latencies, 95) if count else None,
        Fraction(accepted, sweep.cycles * nodes),
    )
