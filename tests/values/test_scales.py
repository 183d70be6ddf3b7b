"""Scales and integers equal exact rational arithmetic, so that they are the same on any machine."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.values.scales import scales_for, to_integers

numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
sizes = st.floats(min_value=2.0**-60, max_value=2.0**60, width=32)


@given(numbers, sizes, st.integers(2, 16), st.booleans())
@settings(max_examples=500)
def test_integers_are_the_rational_quotient_rounded_half_to_even(value, largest, bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    scale = scales_for(largest, high)
    exact = round(Fraction(value) / Fraction(float(scale)))
    assert to_integers(np.array([value], np.float32), scale, (low, high)).tolist() == [min(max(exact, low), high)]


@given(sizes, st.integers(0, 2**15), st.integers(2, 16))
@settings(max_examples=300)
def test_near_ties_go_the_way_of_the_exact_quotient(largest, step, bits):
    levels = 2**bits - 1
    scale = float(scales_for(largest, levels))
    tie = np.float32(scale * (step % levels + 0.5))
    for value in (np.nextafter(tie, np.float32(0)), tie, np.nextafter(tie, np.float32(np.inf))):
        exact = round(Fraction(float(value)) / Fraction(scale))
        assert to_integers(np.array([value]), scale, (0, levels)).tolist() == [min(exact, levels)]


def test_ties_go_to_the_even_integer_and_the_ends_saturate():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300], np.float32)
    assert to_integers(values, 1.0, (-128, 127)).tolist() == [0, 2, 2, 0, -2, 127, -128]


@given(sizes, st.integers(1, 2**16))
def test_scales_are_the_smallest_multiples_of_a_17_bit_mantissa_that_cover_the_range(largest, levels):
    scale = Fraction(float(scales_for(largest, levels)))
    step = Fraction(2) ** -16 * Fraction(2) ** (int(np.frexp(float(scale))[1]) - 1)
    assert scale % step == 0
    quotient = Fraction(largest) / levels
    assert quotient * (1 - Fraction(1, 2**52)) <= scale < quotient + step


def test_a_range_of_nothing_but_zeros_has_scale_one():
    assert scales_for(np.array([0.0, 127.0, 254.0]), 127).tolist() == [1.0, 1.0, 2.0]
