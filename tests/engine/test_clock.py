"""The tick is the greatest common divisor of all periods, as an exact fraction."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.engine import simulate
from archsim.engine.clock import Clock, common_divisor
from archsim.hardware import load_design
from tests.engine.networks import placed, point

PERIODS = st.lists(st.fractions(Fraction(1, 1000), 1000, max_denominator=1000), min_size=1, max_size=6)


def test_1_ghz_and_1_2_ghz_and_100_ns_give_500_thirds_of_a_picosecond() -> None:
    assert common_divisor([Fraction(1), Fraction(5, 6), Fraction(100)]) == Fraction(500, 3) / 1000


@given(PERIODS)
def test_every_period_is_a_whole_number_of_ticks_and_no_larger_tick_will_do(periods: list[Fraction]) -> None:
    ticks = [period / common_divisor(periods) for period in periods]
    assert all(tick.denominator == 1 for tick in ticks)
    assert math.gcd(*(tick.numerator for tick in ticks)) == 1


def test_the_clocks_of_isaac_in_ticks() -> None:
    """100 ns, 0.32 GHz (3.125 ns), 1.2 GHz (5/6 ns), 1 GHz, 1.6 GHz (0.625 ns): the tick is 1/24 ns."""
    clock = Clock(load_design("isaac"))
    assert clock.tick_ns == Fraction(1, 24)
    assert (clock.cycle, clock.bus, clock.write, clock.sfu, clock.noc, clock.offchip) == (2400, 75, 75, 20, 24, 15)
    assert clock.ns(2401) == pytest.approx(100 + 1 / 24)


def test_a_decimal_read_time_is_kept_exactly_through_a_run() -> None:
    """PipeLayer's 29.31 ns: one window takes 22 of them."""
    result = simulate(placed(point(), "array.read_ns=29.31"), ideal=True)
    assert (result.latency_ns, result.cycle_ns, result.latency_cycles) == (644.82, 29.31, 22)
    # 29.31, 3.125, 5/6, 1 and 0.625 ns have 1/600 ns in common
    assert result.tick_ps == float(Fraction(1000, 600))
