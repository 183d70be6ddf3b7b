"""How often a read of cells that vary is wrong: in closed form, and by reading such cells."""

import math
from statistics import NormalDist

import pytest

from archsim.crossbar.variance import MOST_CELLS, ReadSum, drawn_errors, most_on_cells
from archsim.errors import InputError

# Published digits of 2 (1 - Phi(0.5 / (sigma sqrt(n)))).
TABLE = {
    (0.05, 7): "1.57e-04",
    (0.05, 8): "4.07e-04",
    (0.05, 15): "9.82e-03",
    (0.05, 16): "1.24e-02",
    (0.1, 7): "5.88e-02",
    (0.1, 8): "7.71e-02",
    (0.1, 15): "1.97e-01",
    (0.1, 16): "2.11e-01",
    (0.2, 7): "3.45e-01",
    (0.2, 8): "3.77e-01",
    (0.2, 15): "5.19e-01",
    (0.2, 16): "5.32e-01",
}


@pytest.mark.parametrize(("sigma", "on_cells"), TABLE)
def test_a_read_is_wrong_as_often_as_the_closed_form_says(sigma, on_cells):
    read = ReadSum(sigma=sigma, on_cells=on_cells)
    assert f"{read.misread():.2e}" == TABLE[sigma, on_cells]
    assert read.misread() == pytest.approx(2 * (1 - NormalDist().cdf(0.5 / (sigma * math.sqrt(on_cells)))), rel=1e-9)
    assert read.misread(2) == pytest.approx(2 * NormalDist().cdf(-1.5 / (sigma * math.sqrt(on_cells))), rel=1e-9)


def test_cells_that_are_off_add_to_the_mean_and_to_the_deviation():
    """40 cells at 1/100 add 0.4; with sigma 0.1 the variance is 0.01 x (4 + 40 / 10,000)."""
    read = ReadSum(sigma=0.1, on_cells=4, off_cells=40, on_off_ratio=100.0)
    error = NormalDist(0.4, 0.1 * math.sqrt(4.004))
    assert read.mean_error == pytest.approx(0.4)
    assert read.deviation == pytest.approx(0.2000999750, rel=1e-9)
    assert read.misread() == pytest.approx(1 - error.cdf(0.5) + error.cdf(-0.5))
    assert read.cumulative(0.3) == pytest.approx(error.cdf(0.3))
    assert read.cumulative(-0.1) == pytest.approx(error.cdf(-0.1))


def test_the_probability_of_being_right_is_what_lies_between_the_bounds():
    read = ReadSum(sigma=0.2, on_cells=9, off_cells=10, on_off_ratio=50.0)
    assert read.correct == pytest.approx(read.cumulative(0.5) - read.cumulative(-0.5))


@pytest.mark.parametrize(("off_cells", "wrong"), [(3, 0), (4, 1), (11, 1)])
def test_cells_that_do_not_vary_are_wrong_from_half_a_cell_on(off_cells, wrong):
    read = ReadSum(sigma=0, on_cells=3, off_cells=off_cells, on_off_ratio=8.0)
    assert read.misread() == wrong
    assert read.misread(2) == 0
    assert [read.cumulative(read.mean_error + step) for step in (-1e-9, 0, 1e-9)] == [0, 1, 1]
    assert drawn_errors(read, 10, (0,)) == (10 * wrong, 0)


@pytest.mark.parametrize(
    "read",
    [
        *(ReadSum(sigma=sigma, on_cells=on_cells) for sigma in (0.05, 0.1, 0.2) for on_cells in (7, 15)),
        ReadSum(sigma=0.1, on_cells=7, off_cells=25, on_off_ratio=100.0),
        ReadSum(sigma=0.2, on_cells=1, off_cells=30, on_off_ratio=20.0),
    ],
)
def test_as_many_reads_through_crossbars_are_wrong_as_expected(read):
    samples = 40_000
    for share, count in zip((read.misread(), read.misread(2)), drawn_errors(read, samples, (3, 1)), strict=True):
        assert count == pytest.approx(samples * share, abs=4 * math.sqrt(samples * share * (1 - share)) + 1e-6)


def test_equal_seeds_draw_equal_reads_in_any_number():
    read, heard = ReadSum(sigma=0.2, on_cells=100), []
    found = drawn_errors(read, 25_000, (5,), heard.append)
    assert found == drawn_errors(read, 25_000, (5,))
    assert found != drawn_errors(read, 25_000, (6,))
    assert heard == [10_485, 20_970, 25_000]


@pytest.mark.parametrize("limit", [1e-9, 1e-3, 0.05, 0.3])
@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.2])
def test_the_most_cells_fit_and_one_more_does_not(limit, sigma):
    """From the quantile: n <= (0.5 / (sigma z))^2, z being the quantile of 1 - limit / 2."""
    most = most_on_cells(sigma, limit)
    assert most == int((0.5 / (sigma * NormalDist().inv_cdf(1 - limit / 2))) ** 2)
    assert ReadSum(sigma=sigma, on_cells=most + 1).misread() > limit
    assert most == 0 or ReadSum(sigma=sigma, on_cells=most).misread() <= limit


def test_cells_that_are_off_leave_less_room_and_from_half_a_cell_on_none():
    found = [most_on_cells(0.05, 0.01, off, 100.0) for off in (1, 10, 30, 49, 50, 60)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] > 0
    assert found[-2:] == [0, 0]


def test_no_more_cells_are_tried_than_a_read_may_have():
    assert most_on_cells(0, 0.01) == MOST_CELLS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sigma": -0.1}, r"--sigma: got -0\.1, expected numbers from 0 to 10"),
        ({"sigma": math.nan}, r"--sigma: got nan, expected numbers from 0 to 10"),
        ({"on_cells": 0}, r"--on-cells: got 0, expected numbers from 1 to 16,384"),
        ({"off_cells": 16385, "on_off_ratio": 9.0}, r"--off-cells: got 16385, expected a number from 0 to 16,384"),
        ({"off_cells": 1, "on_off_ratio": 0.5}, r"--on-off-ratio: got 0\.5, expected a number above 1 up to 1e\+09"),
        ({"off_cells": 1}, r"--on-off-ratio: expected a ratio, for what --off-cells conduct"),
        ({"on_off_ratio": 10.0}, r"--on-off-ratio: got 10\.0, expected --off-cells with it, which it is about"),
    ],
)
def test_a_bad_read_is_one_clear_message(changed, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        ReadSum(**{"sigma": 0.1, "on_cells": 7} | changed)


@pytest.mark.parametrize("limit", [0, 0.5, -1, math.nan])
def test_a_limit_is_a_probability_below_one_half(limit):
    with pytest.raises(InputError, match=r"^--limit: got .*, expected a probability above 0 and below 0\.5$"):
        most_on_cells(0.1, limit)
