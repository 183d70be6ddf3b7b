"""Sweeps a mesh over loads of synthetic traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING

from archsim.noc.network import Network
from archsim.report import SweepSummary, SweptCurve, SweptPoint

if TYPE_CHECKING:
    from archsim.noc.sweep import Curve, Sweep


def sweep_settings(
    traffic: Iterable[str],
    *,
    packet_flits: int = 1,
    loads: Iterable[Fraction] = (),
    warmup: int = 2000,
    cycles: int = 10_000,
    seed: int = 0,
) -> Sweep:
    """What to sweep; `all` stands for every traffic pattern. See `archsim.noc.sweep.Sweep`."""
    from archsim.noc.patterns import PATTERNS
    from archsim.noc.sweep import Sweep

    names = [each for name in traffic for each in (PATTERNS if name == "all" else (name,))]
    return Sweep(tuple(dict.fromkeys(names)), packet_flits, tuple(loads), warmup, cycles, seed)


def check_sweep(sweep: Sweep, network: Network) -> None:
    """Raises `InputError` with every setting that is wrong."""
    from archsim.noc import sweep as sweeping

    sweeping.check_sweep(sweep, network)


def sweep_mesh(
    sweep: Sweep, network: Network, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Curve, ...]:
    """Latency over load for each traffic pattern; `progress` hears how many loads were measured, of about how many."""
    from archsim.noc.sweep import run_sweep

    return run_sweep(sweep, network, progress)


def sweep_summary(sweep: Sweep, network: Network, curves: Iterable[Curve]) -> SweepSummary:
    """The figures of a sweep."""
    return SweepSummary(
        network=asdict(network),
        packet_flits=sweep.packet_flits,
        warmup_cycles=sweep.warmup,
        cycles=sweep.cycles,
        seed=sweep.seed,
        curves=tuple(map(_curve, curves)),
    )


def _curve(curve: Curve) -> SweptCurve:
    points = (
        SweptPoint(float(one.load), one.packets, _float(one.mean_latency), one.p95_latency, float(one.accepted))
        for one in curve.points
    )
    found = (_float(curve.saturation), _float(curve.interpolated))
    return SweptCurve(curve.traffic, float(curve.idle_latency), *found, tuple(points))


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
