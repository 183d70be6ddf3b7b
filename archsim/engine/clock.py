"""Time as whole ticks: the greatest common divisor, as a fraction, of every period in the design."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from archsim.hardware import Design
from archsim.hardware.units import period_ns


def common_divisor(periods: Iterable[Fraction]) -> Fraction:
    """The largest fraction of which every period is a whole multiple: 5/6 and 1 give 1/6."""
    numerator, denominator = 0, 1
    for period in periods:
        common = math.lcm(denominator, period.denominator)
        numerator = math.gcd(numerator * (common // denominator), period.numerator * (common // period.denominator))
        denominator = common
    return Fraction(numerator, denominator)


class Clock:
    """The tick of a design, and its periods in ticks (0 for a unit that it says nothing of)."""

    def __init__(self, design: Design) -> None:
        clocked = {
            "bus": design.tile.bus,
            "write": design.tile.write_port,
            "sfu": design.sfu,
            "noc": design.noc,
            "offchip": design.offchip,
        }
        periods = {name: period_ns(unit.clock_ghz) for name, unit in clocked.items() if unit is not None}
        periods["cycle"] = design.cycle_ns
        if design.memory is not None:
            periods["memory_read"] = Fraction(design.memory.read_ns)
            periods["memory_write"] = Fraction(design.memory.write_ns)
        if design.array.write_ns is not None:
            periods["array_write"] = Fraction(design.array.write_ns)
        self.tick_ns = common_divisor(periods.values())
        ticks = {name: int(period / self.tick_ns) for name, period in periods.items()}
        self.cycle, self.sfu = ticks["cycle"], ticks["sfu"]
        self.bus, self.write, self.noc, self.offchip, self.memory_read, self.memory_write, self.array_write = (
            ticks.get(name, 0)
            for name in ("bus", "write", "noc", "offchip", "memory_read", "memory_write", "array_write")
        )

    def ns(self, ticks: int) -> float:
        """Ticks as ns, rounded once."""
        return float(ticks * self.tick_ns)
