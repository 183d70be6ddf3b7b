"""Table I of ISAAC (ISCA 2016, corrected version of October 2016): rows, sums and what the paper says of them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from archsim.energy import area_and_power, chip_figures
from archsim.energy.chips import total
from archsim.hardware import Design, load_design

# Place, instances, power mW, area mm2, as printed; the place of the router is shared by 4 tiles.
TABLE = {
    "buffer": ("tile", 1, "20.7", "0.083"),
    "bus": ("tile", 1, "7", "0.090"),
    "noc": ("router", 1, "42", "0.151"),
    "sfu": ("tile", 2, "0.52", "0.0006"),
    "tile_shift_add": ("tile", 1, "0.05", "0.00006"),
    "pool": ("tile", 1, "0.4", "0.00024"),
    "tile_output_register": ("tile", 1, "1.68", "0.0032"),
    "adc": ("pe", 8, "16", "0.0096"),
    "dac": ("pe", 8 * 128, "4", "0.00017"),
    "sample_hold": ("pe", 8 * 128, "0.010", "0.00004"),
    "crossbar": ("pe", 8, "2.4", "0.0002"),
    "shift_add": ("pe", 4, "0.2", "0.00024"),
    "input_register": ("pe", 1, "1.24", "0.0021"),
    "output_register": ("pe", 1, "0.23", "0.00077"),
    "offchip": ("chip", 4, "10400", "22.88"),
}
PLACES = {"pe": 12 * 168, "tile": 168, "router": 42, "chip": 1}


@pytest.fixture(scope="module")
def isaac() -> Design:
    return load_design("isaac")


def printed(value: Fraction, digits: int) -> str:
    """A value rounded to so many decimals."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.{digits}f}"


def summed(figures: dict[str, Fraction], *places: str, share: int = 1) -> Fraction:
    """The sum over the components in some places, divided among `share` of them."""
    return sum((figures[name] for name, row in TABLE.items() if row[0] in places), Fraction(0)) / share


def test_every_row_is_the_printed_one(isaac: Design):
    rows = isaac.energy.components
    assert {name: (row.place, row.instances, row.power_mw, row.area_mm2) for name, row in rows.items()} == {
        name: (place, number, Decimal(power), Decimal(area)) for name, (place, number, power, area) in TABLE.items()
    }


def test_power_adds_up_to_the_printed_sums(isaac: Design):
    power = chip_figures(isaac, isaac.energy, 1).peak_mw
    assert summed(power, "pe", share=2016) == Fraction("24.08")
    assert printed(summed(power, "pe", share=168), 0) == "289"
    assert summed(power, "tile", "router", share=168) == Fraction("40.85")  # printed as 40.9
    assert printed(summed(power, "pe", "tile", "router", share=168), 0) == "330"
    assert printed(summed(power, "pe", "tile", "router") / 1000, 1) == "55.4"
    assert printed(total(power) / 1000, 1) == "65.8"


def test_area_adds_up_to_the_printed_sums(isaac: Design):
    area = chip_figures(isaac, isaac.energy, 1).area_mm2
    assert printed(summed(area, "pe", share=2016), 5) == "0.01312"
    assert printed(summed(area, "pe", share=168), 3) == "0.157"
    assert printed(summed(area, "tile", "router", share=168), 3) == "0.215"
    assert printed(summed(area, "pe", "tile", "router", share=168), 3) == "0.372"
    assert printed(summed(area, "pe", "tile", "router"), 1) == "62.5"
    assert printed(total(area), 1) == "85.4"


def test_shares_of_the_converters(isaac: Design):
    figures = chip_figures(isaac, isaac.energy, 1)
    tile = summed(figures.peak_mw, "pe", "tile", "router"), summed(figures.area_mm2, "pe", "tile", "router")
    assert printed(100 * figures.peak_mw["adc"] / tile[0], 0) == "58"
    assert printed(100 * figures.area_mm2["adc"] / tile[1], 0) == "31"
    assert printed(100 * figures.peak_mw["adc"] / total(figures.peak_mw), 0) == "49"
    memory = figures.area_mm2["buffer"] + figures.area_mm2["bus"]
    assert float(memory / tile[1]) == pytest.approx(0.47, abs=0.006)


def test_peak_efficiency_and_density(isaac: Design):
    figures, tops = chip_figures(isaac, isaac.energy, 1), isaac.peak_tops()
    assert tops == pytest.approx(41.29, abs=0.005)
    assert tops * 1e6 / float(total(figures.peak_mw)) == pytest.approx(627.5, rel=1e-3)
    assert tops * 1e3 / float(total(figures.area_mm2)) == pytest.approx(483, abs=0.5)  # the paper prints 478.95
    mebibytes = isaac.chip_arrays * 128 * 128 * 2 / 8 / 2**20
    assert mebibytes / float(total(figures.area_mm2)) == pytest.approx(0.74, abs=0.005)


def test_a_conversion_takes_a_cycle_of_an_adc_divided_by_128(isaac: Design):
    energy = isaac.energy
    assert energy.components["adc"].action_pj(energy.cycle_ns) == Fraction("1.5625")  # 2 mW x 100 ns / 128
    assert energy.components["crossbar"].action_pj(energy.cycle_ns) == 30  # 0.3 mW x 100 ns
    assert float(energy.components["buffer"].action_pj(energy.cycle_ns)) == pytest.approx(2.02, abs=0.005)
    assert float(energy.components["bus"].action_pj(energy.cycle_ns)) == pytest.approx(0.684, abs=0.0005)
    assert float(energy.components["dac"].action_pj(energy.cycle_ns)) == pytest.approx(0.39, abs=0.005)
    assert float(energy.components["sample_hold"].action_pj(energy.cycle_ns)) == pytest.approx(0.98e-3, abs=5e-6)
    assert energy.components["offchip"].action_pj(energy.cycle_ns) is None


def test_chips_take_the_area_and_power_of_each(isaac: Design):
    one, five = (chip_figures(isaac, isaac.energy, chips) for chips in (1, 5))
    assert total(five.area_mm2) == 5 * total(one.area_mm2)
    assert total(five.peak_mw) == 5 * total(one.peak_mw)
    assert five.static_mw == {"offchip": Fraction(52_000)}


def test_a_chip_without_a_size_has_no_total():
    design = load_design("isaac", ["chip.tiles=unlimited", "noc=null", "chips=1"])
    figures = chip_figures(design, design.energy, 1)
    assert figures.area_mm2["adc"] is None
    assert figures.peak_mw["noc"] is None
    assert figures.area_mm2["offchip"] == Fraction("22.88")
    assert total(figures.area_mm2) is None
    design = load_design("isaac", ["chip.tiles=unlimited", "noc=null", "chips=1", "energy.published_for={}"])
    assert area_and_power(design) == "not every component of isaac has an area and a power, or the chip has no size"


def test_area_and_power_of_one_chip_or_why_not(isaac: Design):
    assert area_and_power(isaac) == pytest.approx((85.42472, 65.80808), rel=1e-12)
    assert area_and_power(load_design("peng")) == "archsim has no area and power of the components of peng"
    assert area_and_power(load_design("isaac", ["adc.bits=9"])) == "the component figures of isaac are for adc.bits 8"
