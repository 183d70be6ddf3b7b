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
    """The tick of a design, and its periods in ticks."""

    def __init__(self, design: Design) -> None:
        periods = {
            "cycle": design.cycle_ns,
            "bus": period_ns(design.tile.bus.clock_ghz),
            "write": period_ns(design.tile.write_port.clock_ghz),
            "sfu": period_ns(design.sfu.clock_ghz),
            "noc": period_ns(design.noc.clock_ghz),
            "offchip": period_ns(design.offchip.clock_ghz),
        }
        self.tick_ns = common_divisor(periods.values())
        ticks = {name: int(period / self.tick_ns) for name, period in periods.items()}
        self.cycle, self.bus, self.write = ticks["cycle"], ticks["bus"], ticks["write"]
        self.sfu, self.noc, self.offchip = ticks["sfu"], ticks["noc"], ticks["offchip"]

    def ns(self, ticks: int) -> float:
        """Ticks as ns, rounded once."""
        return float(ticks * self.tick_ns)
